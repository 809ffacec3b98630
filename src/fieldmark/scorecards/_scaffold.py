"""Makes a new task set, whose first task passes its own checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fieldmark.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

_FILES: Mapping[str, str] = {
    "scorecard.toml": """# What this set is. `fieldmark score check {name}` says whether it may be used.
title = "{name}"
version = "1"                 # raise it when tasks change
description = "What it measures, and what it does not."
licence = ""

[defaults]                    # for every task that does not say otherwise
# uses = ["sandbox"]          # shell and files as tools
# artifacts = ["out/**"]      # files that are taken out and judged
budget = {{ steps = 10, seconds = 120 }}
cross = true                  # what is right in another task is wrong here: the check tries that too
""",
    "tasks/invoice-total/task.toml": """title = "Add up an invoice"
kind = "arithmetic"           # tasks of one kind can stand for each other
tags = ["example"]

# Every check has to pass. Kinds: exact, number, regex, json_schema, files, state, calls, code, pytest, python, ...
[[checks]]
kind = "number"
equals = 46.70
absolute = 0.005              # half a cent
""",
    "tasks/invoice-total/instruction.md": """An invoice has these lines:

- 3 notebooks at 4.50 each
- 2 pens at 1.60 each
- delivery 5.00
- 1 desk lamp at 25.00

What does it come to? Answer with the amount only.
""",
    "tasks/invoice-total/variants/table.md": """| item | count | price of one |
|---|---|---|
| desk lamp | 1 | 25.00 |
| notebook | 3 | 4.50 |
| pen | 2 | 1.60 |
| delivery | 1 | 5.00 |

Give the sum of this invoice, and nothing but the number.
""",
    "tasks/invoice-total/oracle/answer.md": "46.70\n",
    "tasks/invoice-total/cheat/many-numbers/answer.md": "45.70 or 46.70 or 47.70\n",
    "tasks/invoice-total/wrong/forgets-delivery/answer.md": "41.70\n",
    "tasks/invoice-total/wrong/ignores-counts/answer.md": "36.10\n",
    "README.md": """# {name}

A set of tasks for `fieldmark score`. Each folder in `tasks/` is one task:

- `instruction.md`: what the contender is told, and all that it is told
- `task.toml`: title, budget, and the checks that judge its answer, files, calls or state
- `oracle/`: a right solution; it has to pass
- `cheat/NAME/`: short cuts; none may pass
- `wrong/NAME/`: honest mistakes; how many pass is the verifier's false-pass rate, of at least 20 to say much
- `variants/NAME.md`: the same task said otherwise
- `files/`: given to the contender; `hidden/`: only for the checks

An agent that does nothing is tried as well, and has to fail.

    fieldmark score check {name}
    fieldmark score run {name} CONTENDER
""",
}


def new_set(folder: Path, name: str) -> list[Path]:
    """Write a set called `name` into `folder / name`; the files it made.

    Raises:
        InputError: the name cannot be one, or the folder is there already.
    """
    if not _NAME.fullmatch(name):
        right = "up to 64 lower-case letters, digits, '.', '_', '-', beginning with a letter or digit"
        raise InputError(f"'{name}' is no name of a task set", hint=right)
    place = folder / name
    if place.exists():
        raise InputError(f"there is already something at {place}", hint="another name")
    made = []
    for path, text in _FILES.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(name=name) if path in ("scorecard.toml", "README.md") else text, "utf-8")
        made.append(file)
    return made
