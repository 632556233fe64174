"""Runs as values: `contestants.py` finds the optimizers, `recording.py` makes the runs, `trajectory.py` holds them."""
