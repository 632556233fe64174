"""What every optimizer shares. Read `optimizer.py` first; each of the other files does one thing for it."""
