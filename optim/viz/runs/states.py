"""An optimizer's state as arrays with names, in which dots lead into dictionaries and lists: "scale_by_adam.mu"."""

import numpy as np


def entries(state, prefix=""):
    """Yield the names and the values of all entries of a state."""
    for name, value in state.items() if isinstance(state, dict) else enumerate(state):
        if isinstance(value, (dict, list, tuple)):
            yield from entries(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def arrays_in(state):
    """Return the arrays of a state, which are not copied, by their names."""
    return {name: value for name, value in entries(state) if isinstance(value, np.ndarray)}


def copied(state):
    """Return copies of the numbers and arrays of a state, by their names."""
    return {name: np.array(value, dtype=float) for name, value in entries(state)
            if isinstance(value, (int, float, np.ndarray, np.generic))}


def stacked(states):
    """Return T dictionaries of arrays as one dictionary of arrays with T on the first axis, NaN where there is none."""
    missing = {name: np.full(value.shape, np.nan) for state in states for name, value in state.items()}
    return {name: np.array([state.get(name, nan) for state in states]) for name, nan in missing.items()}
