"""A run is a value: a `Trajectory` holds everything that happened, step by step, and a `Race` several of them.

Every table, plot, map, animation and page is a function of these; `recording.py` makes them. Arrays have the steps on
their first axis and, where N runs were made in one pass, the runs on their last.
"""

import dataclasses

import numpy as np

import optim

from ..surfaces.definition import Surface
from .table import formatted

ARRAYS = "steps", "positions", "losses", "gradients", "rates"  # of a trajectory, apart from its states


@dataclasses.dataclass(eq=False, repr=False)
class Trajectory:
    r"""A run, or N runs in one pass, step by step.

    Index t of every array belongs to the position :math:`\theta_t`, after t steps and before the next one; with `every`
    in `record`, to the step ``steps[t]``. In N runs, everything after a run has diverged is NaN.

    Attributes
    ----------
    label : str
        The name in legends and tables.
    optimizer : str
        The optimizer as text.
    surface : Surface
    steps : ndarray of shape (T,)
        The numbers of the steps that were kept, from 0.
    positions : ndarray of shape (T, n) or (T, n, N)
    losses : ndarray of shape (T,) or (T, N)
        Exact, also where the gradient is noisy.
    gradients : ndarray, shaped like `positions`
        As the optimizer saw them, with their noise.
    states : dict of ndarrays whose first axis is T
        Every entry of the optimizer's state, NaN where there was none yet. Entries of lists and dictionaries within the
        state are named like "old_dirs.0".
    rates : ndarray of shape (T,) or (T, N)
        The learning rate of the step that begins here.
    hyperparameters : dict
        Those of the first group when the run began.
    planned : int
        How many steps were planned.
    last_steps : ndarray of shape () or (N,)
        The number of the last step before a run diverged; `planned` if it did not.
    evaluations : int
        How many gradients the optimizer asked for; more than the steps if it searches along lines.
    seconds : float
        How long the run took.
    undefined : ndarray of bool of shape () or (N,)
        Whether a run ended because it reached a place where f is NaN, even if it was near.
    objective : {"tape", "written out"}
        How the losses and gradients were computed: see ``written_out`` in `record`.
    make : callable or None
        From a list of parameters to the optimizer, except for hyperparameters that were set afterwards: see
        `new_optimizer`. None in a run that was loaded from a file.
    """

    label: str
    optimizer: str
    surface: Surface
    steps: np.ndarray
    positions: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray
    states: dict
    rates: np.ndarray
    hyperparameters: dict
    planned: int
    last_steps: np.ndarray
    evaluations: int
    seconds: float
    undefined: object = False
    objective: str = "tape"
    make: object = None

    # What follows from the record

    @property
    def effective_steps(self):
        """What each step added to the position, of shape (T - 1, n) or (T - 1, n, N)."""
        return np.diff(self.positions, axis=0)

    @property
    def effective_rates(self):
        """The learning rate each coordinate really had: minus the step over the gradient, NaN where that is 0."""
        return quotient(-self.effective_steps, self.gradients[:-1])

    @property
    def gradient_norms(self):
        """The length of each gradient, of shape (T,) or (T, N)."""
        return np.linalg.norm(self.gradients, axis=1)

    @property
    def distances(self):
        """How far each position is from the nearest global minimum, NaN if none is known; of shape (T,) or (T, N)."""
        if not self.surface.minima:
            return np.full(self.losses.shape, np.nan)
        points = np.array(self.surface.minima).reshape(-1, self.positions.shape[1], *[1] * (self.positions.ndim - 2))
        return np.min([np.linalg.norm(self.positions - point, axis=1) for point in points], axis=0)

    @property
    def excess(self):
        """How far each loss is above the global minimum, NaN if that is not known; of shape (T,) or (T, N)."""
        return self.losses - (np.nan if self.surface.minimum is None else self.surface.minimum)

    def steps_to(self, tolerance=1e-3):
        """Return how many steps it took to come near the global minimum.

        Parameters
        ----------
        tolerance : float, default 1e-3
            How small the excess loss has to become.

        Returns
        -------
        ndarray of shape () or (N,)
            The first kept step at which it is this small, NaN if it never is.
        """
        reached = self.excess <= tolerance
        return np.where(reached.any(axis=0), self.steps[reached.argmax(axis=0)], np.nan)

    def at_end(self, values):
        """Return the value of an array at the last position of each run.

        Parameters
        ----------
        values : ndarray of shape (T,) or (T, N)
            Such as `losses`.

        Returns
        -------
        ndarray of shape () or (N,)
        """
        last = np.searchsorted(self.steps, self.last_steps)
        return np.take_along_axis(values, last[np.newaxis], axis=0)[0]

    @property
    def diverged(self):
        """Whether each run left for good; of shape () or (N,)."""
        return self.last_steps < self.planned

    @property
    def ending(self):
        """How the run ended, in words; empty if it took all its steps."""
        if not self.diverged.any():
            return ""
        if self.count is None:
            return f"{'f is nan' if self.undefined else 'diverged'} after step {self.last_steps}"
        first = self.last_steps.min()
        return f"{np.count_nonzero(self.diverged)} of {self.count} runs diverged, the first after step {first}"

    def new_optimizer(self, params):
        """Return the optimizer as it was when the run began, without any state, for other parameters.

        Parameters
        ----------
        params : list of parameters

        Returns
        -------
        Optimizer

        Raises
        ------
        ValueError
            If the run was loaded from a file, which holds no functions.
        """
        if self.make is None:
            raise ValueError(f"the run {self.label!r} comes from a file, which holds no optimizer: record it again")
        optimizer = self.make(params)
        for group in optimizer.param_groups:
            group.update(self.hyperparameters)
        return optimizer

    # One of many runs

    @property
    def count(self):
        """N, the number of runs in one pass, or None for a single run."""
        return self.positions.shape[2] if self.positions.ndim == 3 else None

    def __len__(self):
        return self.count or 1

    def __getitem__(self, i):
        """Return the i-th of N runs as a separate Trajectory."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no run {i}: the runs are 0 to {len(self) - 1}")
        if self.count is None:
            return self
        kept = self.steps <= self.last_steps[i]

        def one(array):
            return array[kept, ..., i] if array.ndim > 1 and array.shape[-1] == self.count else array[kept]

        run = with_arrays(self, one, label=f"{self.label} [{i % len(self)}]", last_steps=self.last_steps[i],
                          undefined=np.broadcast_to(self.undefined, self.count)[i],
                          hyperparameters={name: one_of(value, i) for name, value in self.hyperparameters.items()})
        run.states = {name: entry for name, entry in run.states.items() if not np.isnan(entry).all()}
        return run

    # Showing and saving

    def summary(self, tolerance=1e-3):
        """Return the run as a row of a table.

        Parameters
        ----------
        tolerance : float, default 1e-3
            For `steps_to`.

        Returns
        -------
        dict
            From the names of columns to text and numbers; medians if it is N runs.
        """
        searches = self.count is None and self.evaluations > self.last_steps + 1
        searched = f"{self.evaluations} gradients in {self.last_steps} steps" if searches else ""
        return {
            "optimizer": self.label,
            "lr": rate_in_words(self.rates[0]),
            "steps": int(np.median(self.last_steps)),
            "final loss": median(self.at_end(self.losses)),
            "distance to minimum": median(self.at_end(self.distances)),
            f"steps to {tolerance:g}": median(self.steps_to(tolerance)),
            "seconds": self.seconds,
            "ending": "; ".join(filter(None, [self.ending, searched])),
        }

    def table(self, format="text", tolerance=1e-3):
        """Return the run as a table with one row.

        Parameters
        ----------
        format, tolerance
            As in `Race.table`.

        Returns
        -------
        str
        """
        return formatted([self.summary(tolerance)], format)

    def save(self, path):
        """Write the trajectory to a file of NumPy's format .npz, which `load` reads.

        Parameters
        ----------
        path : str or path
        """
        save(path, "trajectory", [self])

    def __repr__(self):
        if self.count is None:
            steps, end = self.last_steps, f"at ({', '.join(f'{x:.4g}' for x in self.positions[-1])})"
        else:
            steps, end = f"{self.count} runs of {self.planned}", "in the median"
        ending = f", {self.ending}" if self.ending else ""
        return (f"<Trajectory {self.label} on {self.surface.name}: {steps} steps to loss "
                f"{median(self.at_end(self.losses)):.2g} {end}{ending}>")


@dataclasses.dataclass(eq=False, repr=False)
class Race:
    """Runs of several optimizers over one surface: a sequence of trajectories, which are also found by their labels.

    Attributes
    ----------
    surface : Surface
    trajectories : tuple of Trajectory
    note : str
        A line that figures print, such as the values that a tuned race has tried.
    """

    surface: Surface
    trajectories: tuple
    note: str = ""

    def __len__(self):
        return len(self.trajectories)

    def __getitem__(self, which):
        """Return a trajectory by its label or its place."""
        if not isinstance(which, str):
            return self.trajectories[which]
        for trajectory in self.trajectories:
            if trajectory.label == which:
                return trajectory
        raise KeyError(f"no run is labelled {which!r}; there are {[one.label for one in self.trajectories]}")

    def table(self, format="text", tolerance=1e-3):
        """Return the race as a table, one optimizer a row.

        Parameters
        ----------
        format : {"text", "markdown", "html", "csv"}, default "text"
        tolerance : float, default 1e-3
            How small the loss above the global minimum has to become, for the column of steps.

        Returns
        -------
        str
            With the columns optimizer, lr (as the run begins), steps, final loss, distance to minimum (the nearest
            global one), steps to `tolerance`, seconds; medians where a row is N runs. Remarks, such as a divergence,
            are below the table, and in csv in a separate column.
        """
        return formatted([trajectory.summary(tolerance) for trajectory in self.trajectories], format)

    def save(self, path):
        """Write the race to a file of NumPy's format .npz, which `load` reads.

        Parameters
        ----------
        path : str or path
        """
        save(path, "race", self.trajectories, self.note)

    def __repr__(self):
        return f"<Race of {len(self)} on {self.surface.name}: {', '.join(one.label for one in self.trajectories)}>"


# Arrays and numbers

def rate_in_words(rate):
    """Return the learning rate of a run; for N runs with different ones, the lowest and the highest in words."""
    low, high = np.min(rate), np.max(rate)
    return f"{low:.3g} to {high:.3g}" if low < high else float(low)


def with_arrays(run, change, **facts):
    """Return a trajectory with a function applied to each of its arrays, and other facts replaced."""
    arrays = {name: change(getattr(run, name)) for name in ARRAYS}
    return dataclasses.replace(
        run, **arrays, states={name: change(entry) for name, entry in run.states.items()}, **facts)


def one_of(value, i):
    """Return the i-th run's value of a hyperparameter."""
    if isinstance(value, tuple):
        return tuple(one_of(item, i) for item in value)
    return value[i].item() if isinstance(value, np.ndarray) and value.ndim == 1 else value


def together(values):
    """Return the values of a hyperparameter in several runs as one array: the inverse of `one_of`."""
    if all(value == values[0] for value in values):
        return values[0]
    return tuple(map(together, zip(*values))) if isinstance(values[0], tuple) else np.array(values)


def is_within(positions, box):
    """Return which positions, with coordinates on the last axis, lie in a box, such as the frame."""
    low, high = np.transpose(box)
    return np.all((low <= positions) & (positions <= high), axis=-1)


def quotient(dividend, divisor):
    """Return dividend / divisor, NaN where the divisor is 0."""
    return np.divide(dividend, divisor, where=divisor != 0, out=np.full_like(divisor, np.nan))


def median(values):
    """Return the median as a Python float."""
    return float(np.median(values))


# What pictures are made of

def swept(trajectory):
    """Return the name and the values of the only hyperparameter in which N runs differ, or None."""
    alike = trajectory.count and np.all(trajectory.positions[0] == trajectory.positions[0][:, :1])
    flat = {}
    for name, value in trajectory.hyperparameters.items():
        items = {f"{name}[{i}]": item for i, item in enumerate(value)} if isinstance(value, tuple) else {name: value}
        flat.update((key, item) for key, item in items.items() if isinstance(item, np.ndarray) and item.ndim == 1)
    return next(iter(flat.items())) if alike and len(flat) == 1 else None


def runs_in(what):
    """Return a Race, a Trajectory or several trajectories as a list of trajectories."""
    try:
        runs = [what] if isinstance(what, Trajectory) else list(what)
    except TypeError:
        runs = []
    if not runs or not all(isinstance(one, Trajectory) for one in runs):
        raise TypeError('expected a Race, a Trajectory or a list of trajectories, as viz.race("rosenbrock", ["SGD"]) '
                        f"returns; got {what!r}")
    return runs


def one_run(what):
    """Return the only run; raise an error if there are several."""
    runs = runs_in(what)
    if len(runs) > 1 or runs[0].count:
        raise ValueError(f"this picture shows one run, and there are {sum(map(len, runs))}: choose one, as in run[0]")
    return runs[0]


def note_of(what):
    """Return the line that figures of a race print; nothing for other runs."""
    return what.note if isinstance(what, Race) else ""


# Files

def save(path, kind, trajectories, note=""):
    """Write trajectories on one surface as dictionaries of arrays, numbers and text; no function is in the file."""
    surface = trajectories[0].surface
    runs = [{name: getattr(run, name) for name in field_names(Trajectory) - {"surface", "make"}}
            for run in trajectories]
    facts = {name: getattr(surface, name) for name in field_names(Surface) - {"function"}}
    optim.save(path, {"kind": kind, "note": note, "surface": facts, "trajectories": runs})


def field_names(kind):
    """Return the names of the fields of a dataclass as a set."""
    return {field.name for field in dataclasses.fields(kind)}
