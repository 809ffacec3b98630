"""Long tests: kills, faults and load. `make soak` runs them, CI does not."""
