"""Runs as values: `recording.py` makes them, of optimizers that `contestants.py` finds; `trajectory.py` holds them."""
