"""Stored runs, for optimizers whose rule cannot be printed: one for each of 21 learning rates."""

import re

import numpy as np

from ..runs.contestants import known
from ..runs.recording import record

FACTORS = np.sqrt(2.0) ** np.arange(-10, 11)  # from a 32nd of the race's own learning rate to 32 times that
MIDDLE = len(FACTORS) // 2
DIGITS = 4  # of every number; positions have more where the frame is narrow


def with_learning_rates(trajectory, seed):
    """Return a run as 21 runs with different learning rates, its own in the middle, and ""; or it alone, and why."""
    name, lr = trajectory.optimizer.partition("(")[0], trajectory.hyperparameters.get("lr")
    if not isinstance(lr, (int, float)) or lr <= 0:
        return [trajectory], "The optimizer has none." if lr is None else "There are no multiples of it to choose from."
    if trajectory.make is None and name not in known():
        return [trajectory], "No slider: the run comes from a file, which holds no optimizer."
    every = int(trajectory.steps[1]) if len(trajectory.steps) > 1 else 1
    rates = np.array([float(f"{lr * factor:.3g}") for factor in FACTORS])
    rates[MIDDLE] = lr
    many = record(trajectory.make or name, trajectory.surface, trajectory.positions[0], trajectory.planned, every=every,
                  seed=[seed] * len(rates), **{**trajectory.hyperparameters, "lr": rates})
    own = many[MIDDLE].positions
    if own.shape != trajectory.positions.shape or not np.allclose(own, trajectory.positions, rtol=1e-6):
        return [trajectory], ("No slider: the run cannot be repeated with what is known of it. "
                              "It had a schedule, or noise with another seed, or its class lacks elementwise = False.")
    return [many[i] for i in range(len(many))], ""


def stored_runs(runs, stride):
    """Return runs as the page unpacks them; every stride-th row is kept."""
    longest = max(runs, key=lambda run: len(run.steps))
    rows = np.unique([*range(0, len(longest.steps), stride), len(longest.steps) - 1])
    tables = [named_columns(run) for run in runs]
    sizes = {title: values.shape[1] for table in tables for title, values in table.items()}
    digits = position_digits(runs[0].surface.domain)
    return [{"lr": rounded(run.rates.flat[0], 6), "ending": run.ending, "steps": run.steps[rows_of(run, rows)].tolist(),
             "columns": packed_columns(table, sizes, rows_of(run, rows), digits)} for run, table in zip(runs, tables)]


def rows_of(run, rows):
    """Return the kept rows that a run has, and its own last row instead of the next one."""
    return np.unique([*rows[rows < len(run.steps)], len(run.steps) - 1])


def named_columns(run):
    """Return all numbers of a run as a dictionary of arrays of shape (T, size); and the small entries of its state."""
    state = {name: entry for name, entry in run.states.items() if not re.search(r"(^|\.)(step|\d+)$", name)}
    everything = {"position": run.positions, "loss": run.losses, "gradient": run.gradients, **state}
    tables = {name: entry.reshape(len(run.steps), -1) for name, entry in everything.items()}
    return {name: table for name, table in tables.items() if 0 < table.shape[1] <= 4}


def position_digits(domain):
    """Return how many digits distinguish ten thousand places along each side of the domain.

    >>> from optim.viz.live_page.stored import position_digits
    >>> position_digits(((-2, 2), (-1, 3))), position_digits(((999, 1001), (0, 1)))
    (4, 7)
    """
    return DIGITS + max(0, *(int(np.ceil(np.log10(max(abs(low), abs(high)) / (high - low)))) for low, high in domain))


def packed_columns(table, sizes, rows, digits):
    """Return the kept rows of all columns, packed, by name; columns that a run does not have are only gaps."""
    nothing = np.full((rows[-1] + 1, 1), np.nan)
    return {title: [packed(column, digits if title == "position" else DIGITS)
                    for column in table.get(title, nothing.repeat(size, 1))[rows].T] for title, size in sizes.items()}


def packed(column, digits):
    """Return numbers, rounded to this many digits, as whole numbers and powers of ten, and None for NaN and infinity.

    Both are given as differences from one to the next. These are mostly small, which halves the page.

    >>> import numpy as np
    >>> from optim.viz.live_page.stored import packed
    >>> packed(np.array([0.5, 0.4998, np.nan, 12.0]), 4)
    {'whole': [5000, -2, None, -3798], 'powers': [-4, 0, None, 2]}
    """
    finite = np.isfinite(column)
    parts = [f"{x:.{digits - 1}e}".split("e") for x in column[finite].tolist()]
    packs = {"whole": [int(mantissa.replace(".", "")) for mantissa, _ in parts],
             "powers": [int(power) - digits + 1 for _, power in parts]}
    for name, numbers in packs.items():
        differences = iter(np.diff(numbers, prepend=0).tolist())
        packs[name] = [next(differences) if there else None for there in finite]
    return packs


def rounded(x, digits=DIGITS):
    """Return a number with this many digits, or None for NaN and infinity."""
    return float(f"{x:.{digits}g}") if np.isfinite(x) else None
