"""The command line. `shell.py` is what `python -m optim` does."""
