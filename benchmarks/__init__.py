"""The published figures. `python -m benchmarks list`; one file per figure, `_row.py` says how to add one."""
