"""What holds where nothing is said."""

DEFAULTS = {"colour": "grey", "retries": 3, "paths": ["/srv"]}
