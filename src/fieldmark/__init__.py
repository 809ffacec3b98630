"""Fieldmark measures in the field whether people can rely on an AI model or agent for their own work."""

import os
from importlib.metadata import version

# A board's matrices are small: with more threads, numpy waits for cores that a model is using (4 ms become 50).
# It must be said before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = version("fieldmark")
