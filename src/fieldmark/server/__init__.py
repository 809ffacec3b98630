"""The server: one router per room, streams, and the page."""

import os

# OpenBLAS reads this when numpy is first loaded. A board's matrices have a hundred rows: threads gain nothing on them,
# and theirs spin while they wait for a core that a contender uses (on two busy cores: 350 ms a board instead of 19).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
