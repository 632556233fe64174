"""Recording runs: `record` runs an optimizer over a surface and returns everything that happened as a `Trajectory`.

`Log` is the training loop. `race` records several optimizers from one start; `tuned_race` first searches for the
best learning rate of each. Many starts, many seeds and many values of a hyperparameter are one pass: a parameter of
shape (2, N) is N runs.
"""

import copy
import dataclasses
import difflib
import time

import numpy as np

import optim

from .. import surfaces
from ..surfaces.definition import KINDS, Surface
from .contestants import (
    array_shape,
    built,
    describe,
    distinct_labels,
    factory,
    labelled,
    runs_are_independent,
    with_labels,
)
from .objective import Objective
from .states import copied, stacked
from .trajectory import Race, Trajectory, is_within, median, one_of, together, with_arrays

LRS = [float(f"{10 ** (k / 5):.2g}") for k in range(-25, 6)]  # a tuned race tries 1e-05, 1.6e-05, 2.5e-05, ..., 10
FAR = 1e6  # times the size of the domain: a run that gets there does not come back
CLASSICS = {  # learning rates that suit Rosenbrock
    "SGD": "SGD(lr=1.5e-3)",
    "SGD with momentum": "SGD(lr=1e-3, momentum=0.9)",
    "RMSprop": "RMSprop(lr=0.02)",
    "Adam": "Adam(lr=0.3)",
}


def record(optimizer, surface, start=None, steps=200, *, seed=0, noise=None, every=1, label=None, schedule=None,
           written_out=None, **hyperparameters):
    """Run an optimizer over a surface and return everything that happened.

    Parameters
    ----------
    optimizer : str or callable
        Text such as "Adam(lr=0.05)", a class, or a function of a list of parameters such as
        ``lambda params: optim.Adam(params, lr=0.05)``.
    surface : str, Surface or callable
        A registered name, or your own function: see `surfaces.get`.
    start : point, or array of shape (n, N), optional
        Default: the surface's own start. N points are N runs in one pass.
    steps : int, default 200
    seed : int or sequence of int, default 0
        For the noise on the gradient. A sequence of N seeds is N runs, each equal to the run with that seed alone.
    noise : float or callable, optional
        Standard deviation of the noise. Default: the surface's own, which is 0 for most. For noise of another kind, a
        function that returns what to add to the gradient at p: ``lambda p, rng: rng.standard_t(3, p.shape)``, where
        `rng` is a `numpy.random.Generator`.
    every : int, default 1
        Keep the steps 0, every, 2 * every, ... and the last one, to save memory.
    label : str, optional
        Default: the optimizer as text, and the name of the schedule.
    schedule : callable, optional
        A function of the optimizer that returns an object whose `step()` is called after each step, such as
        ``lambda optimizer: optim.schedule.StepLR(optimizer, 30)``.
    written_out : bool, optional
        Whether to run the surface as a program without a tape (`minigrad.program`), which is faster and gives the same
        numbers. Default: registered surfaces are, in runs of many steps; `Trajectory.objective` says which it was.
    **hyperparameters
        Set in all groups, whatever `optimizer` says: ``record("Adam", "rosenbrock", lr=0.05)``. An array of N values
        is N runs in one pass.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError, TypeError
        If the surface, the optimizer, the start, `steps` or a hyperparameter is not what was expected.

    Notes
    -----
    A run ends early if its position is no longer finite or is a million times the size of the domain away, or if its
    optimizer raises a FloatingPointError. It keeps the steps so far, and `Trajectory.ending` says what happened. Where
    the elements of a parameter do not move independently (`elementwise` is False, or `step` is the optimizer's own), or
    the function takes one point only, N runs are made one by one.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz import record
    >>> run = record("Adam(lr=0.5)", "booth", steps=300)
    >>> run
    <Trajectory Adam(lr=0.5) on booth: 300 steps to loss 1.3e-11 at (1, 3)>
    >>> run.positions.shape, run.states["exp_avg"].shape
    ((301, 2), (301, 2))
    >>> record("SGD(lr=0.1)", "rosenbrock").ending
    'diverged after step 1'
    >>> record("Adam", "rosenbrock", lr=np.geomspace(1e-3, 1, 7)).positions.shape
    (201, 2, 7)
    """
    refuse_surface(optimizer, "the optimizer, then the surface")
    plan = planned(with_facts(surface, start, {}), start, steps, seed, noise, every, schedule, hyperparameters,
                   written_out)
    log = Log(plan, optimizer, hyperparameters)
    scheduler = [] if schedule is None else [type(log.schedule).__name__]
    return framed(surface, {}, [log.run(label or ", ".join([log.description, *scheduler]))])[0]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that the runs of a race share; `start` has the shape (n,), or (n, N) for N runs in one."""

    surface: Surface
    start: np.ndarray
    steps: int
    seed: object
    noise: object
    every: int
    schedule: object
    written_out: object = None

    def of_one(self, i):
        """Return the plan of the i-th of N runs alone."""
        seed = self.seed[i] if np.ndim(self.seed) else self.seed + i
        return dataclasses.replace(self, start=self.start[:, i], seed=seed)


def planned(surface, start, steps, seed, noise, every=1, schedule=None, hyperparameters=None, written_out=None):
    """Return the plan of a run, checked; the hyperparameters can be for N runs."""
    check_count("steps", steps, 0)
    check_count("every", every, 1)
    if not callable(noise):
        noise = surface.noise if noise is None else dataclasses.replace(surface, noise=noise).noise
    start = starting_points(surface, start, seed, hyperparameters or {})
    return Plan(surface, start, steps, seed, noise, every, schedule, written_out)


class Log:
    """The training loop of `record`, and what it has seen so far: lists that grow step by step."""

    def __init__(self, plan, which, hyperparameters=None):
        self.plan, self.which, self.given = plan, which, hyperparameters or {}
        self.objective = Objective(plan.surface, plan.start, plan.noise, plan.seed, plan.steps, plan.written_out)
        self.optimizer = built(which, plan.surface, [self.objective.parameter], self.given)
        self.description = describe(self.optimizer)
        group = self.optimizer.param_groups[0]
        self.hyperparameters = {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
        self.schedule = None if plan.schedule is None else plan.schedule(self.optimizer)
        self.limit = FAR * max(np.abs(plan.surface.domain).max(), np.abs(plan.start).max())
        self.single = plan.start.ndim == 1
        self.steps, self.positions, self.losses, self.gradients, self.rates, self.states = [], [], [], [], [], []

    def run(self, label):
        """Run as planned, and return the trajectory."""
        start = self.plan.start
        if not self.single and not (runs_are_independent(self.optimizer) and self.plan.surface.takes_many(start)):
            return self.run_one_by_one(label)
        began = time.perf_counter()
        self.walk()
        run = self.trajectory(label, seconds=time.perf_counter() - began)
        refuse_wrong_minimum(run)
        return run

    def run_one_by_one(self, label):
        """Return N runs, each made alone, as one trajectory."""
        alone = [Log(self.plan.of_one(i), self.which, {name: one_of(value, i) for name, value in self.given.items()})
                 for i in range(self.plan.start.shape[1])]
        return joined([log.run(label) for log in alone], label, self.description)

    def walk(self):
        """Take the steps. A single run ends where it leaves for good; if there are many, the others go on."""
        position, every = self.objective.parameter.data, self.plan.every
        with np.errstate(all="ignore"):  # `Trajectory.ending` says in words what overflowed
            for step in range(self.plan.steps):
                self.note_position(step, every)
                taken = self.take_step()
                self.note_gradient(step, every)
                if not taken:
                    return
                if isinstance(self.schedule, optim.schedule.ReduceLROnPlateau):
                    self.schedule.step(self.objective.loss)
                elif self.schedule is not None:
                    self.schedule.step()
                if self.single and not (np.abs(position).max() < self.limit and np.isfinite(self.objective.loss)):
                    return
            self.note_position(self.plan.steps, every=1)
            self.objective()  # no step follows: this computes the last loss and gradient
            self.objective.evaluations -= 1
            self.note_gradient(self.plan.steps, every=1)

    def take_step(self):
        """Let the optimizer step, and return whether it did: a line search can refuse a loss that is not finite."""
        try:
            self.optimizer.step(self.objective)
        except FloatingPointError:
            if not self.single:
                raise
            return False
        return True

    def note_position(self, step, every):
        """Keep the values before a step: the position, the state, and the learning rate."""
        self.objective.begin_step()
        if step % every == 0:
            self.steps.append(step)
            self.positions.append(self.objective.parameter.data.copy())
            self.states.append(copied(self.optimizer.state.get(self.objective.parameter, {})))
            self.rates.append(np.copy(self.optimizer.param_groups[0].get("lr", np.nan)))

    def note_gradient(self, step, every):
        """Keep the loss and the gradient that the step has found at the position."""
        if step % every == 0:
            self.losses.append(self.objective.loss)
            self.gradients.append(self.objective.gradient)

    def trajectory(self, label, seconds):
        """Return everything as a Trajectory: a run ends where it left for good; many runs have NaN after that."""
        steps, positions, losses = np.array(self.steps), np.array(self.positions), np.array(self.losses, dtype=float)
        near = np.abs(positions).max(axis=1) < self.limit
        here = near & np.isfinite(losses)
        here[0] = True
        here = np.logical_and.accumulate(here, axis=0)
        run = Trajectory(
            label=label, optimizer=self.description, surface=self.plan.surface, steps=steps, positions=positions,
            losses=losses, gradients=np.array(self.gradients), states=stacked(self.states), rates=np.array(self.rates),
            hyperparameters=self.hyperparameters, planned=self.plan.steps,
            last_steps=np.array(steps[here.sum(axis=0) - 1]), evaluations=self.objective.evaluations, seconds=seconds,
            undefined=(near & np.isnan(losses)).any(axis=0),
            objective="tape" if self.objective.evaluate is None else "written out",
            make=factory(self.which, self.plan.surface.function))
        return run if here.all() else with_arrays(run, lambda array: cut_off(array, here))


def race(surface, optimizers, start=None, steps=200, *, seed=0, noise=None, every=1, schedule=None, note="",
         written_out=None, **facts):
    """Run several optimizers over one surface from the same start.

    Parameters
    ----------
    surface : str, Surface or callable
        A registered name, or your own function.
    optimizers : dict, or sequence
        From labels to optimizers in any form that `record` takes. Without labels, the optimizers as text are the
        labels.
    start, steps, seed, noise, every, schedule, written_out
        As in `record`. All optimizers see the same noise, and have the same kind of schedule.
    note : str, optional
        A line that figures print.
    **facts
        What to change in the surface: ``domain``, ``minima`` and so on, see `Surface`.

    Returns
    -------
    Race

    Raises
    ------
    ValueError, TypeError
        As `record` does, before the first run, and if two optimizers have one label, none is given, or one of `facts`
        is not a fact of a surface.

    Examples
    --------
    >>> from optim.viz import race
    >>> both = race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.1)"], start=(0, 0), steps=100)
    >>> both
    <Race of 2 on himmelblau: SGD(lr=0.01), Adam(lr=0.1)>
    >>> both["Adam(lr=0.1)"].positions.shape
    (101, 2)
    >>> own = race(lambda p: p[0]**2 + abs(p[1]), {"Adam": "Adam(lr=0.1)"}, start=(3, 1), domain=((-4, 4), (-2, 2)))
    """
    refuse_surface(optimizers, "the surface, then the optimizers")
    plan = planned(with_facts(surface, start, facts), start, steps, seed, noise, every, schedule,
                   written_out=written_out)
    labels, contestants = with_labels(optimizers)
    logs = [Log(plan, which) for which in contestants]
    labels = distinct_labels(labels, [log.description for log in logs])
    runs = framed(surface, facts, [log.run(label) for label, log in zip(labels, logs)])
    return Race(runs[0].surface, tuple(runs), note)


def tuned_race(surface, optimizers=None, lrs=None, start=None, steps=200, *, seed=0, noise=None, **facts):
    """Race optimizers with the best learning rate of each, chosen from the same values for all.

    The best run is the one whose highest loss in the last tenth of its steps is lowest, among the runs that stay in the
    domain. So luck does not win: a run can swing through a low place on its last step, or leave the picture and happen
    to come back to a good place. Runs that leave are judged only if none stays. Your own function without a domain has
    none to leave.

    Parameters
    ----------
    surface, start, steps, seed, noise, **facts
        As in `race`.
    optimizers : dict or sequence, optional
        As in `race`; their lr is replaced. Default: `CLASSICS`.
    lrs : sequence of float, optional
        The values to try. Default: 31 from 1e-5 to 10, five a decade.

    Returns
    -------
    Race
        The best run of each (for N starts or seeds, by the median), and a `note` that says how many values were tried,
        how they were judged, which optimizers would need values outside the range, and which never stayed.

    Examples
    --------
    >>> from optim.viz import tuned_race
    >>> fair = tuned_race("booth", ["SGD", "Adam"], steps=50)
    >>> fair.note
    'best of 31 learning rates from 1e-05 to 10, judged by the last tenth of the run, among those that stay...'
    """
    refuse_surface(optimizers, "the surface, then the optimizers")
    check_count("steps", steps, 1)  # without a step, all learning rates are equally good
    given, bounded, surface = surface, has_domain(surface, facts), with_facts(surface, start, facts)
    lrs = np.array(LRS if lrs is None else lrs, dtype=float)
    if lrs.ndim != 1 or not lrs.size:
        raise ValueError(f"lrs must be a sequence of learning rates, got {lrs!r}")
    optimizers = CLASSICS if optimizers is None else optimizers
    best, leaving = [], []
    for label, which in labelled(optimizers, surface).items():
        found = trials(which, surface, lrs, start, steps, seed, noise)
        marks = [settled_loss(trial, trial.diverged | (bounded & has_left(trial))) for trial in found]
        stays = np.isfinite(marks).any()
        lr = lrs[np.argmin(marks if stays else [settled_loss(trial, trial.diverged) for trial in found])].item()
        label = f"{label}, lr={lr:.4g}" if isinstance(optimizers, dict) else None
        best.append(record(which, surface, start, steps, seed=seed, noise=noise, label=label, lr=lr))
        leaving += [] if stays else [best[-1].label]
    best = framed(given, facts, best)
    return Race(best[0].surface, tuple(best), tuning_in_words(lrs, best, leaving, bounded))


def trials(which, surface, lrs, start, steps, seed, noise):
    """Return the runs of an optimizer with each of the learning rates; in one pass, if they are single runs."""
    if np.ndim(start) == 2 or np.ndim(seed):
        return [record(which, surface, start, steps, seed=seed, noise=noise, lr=lr) for lr in lrs.tolist()]
    return list(record(which, surface, start, steps, seed=[seed] * lrs.size, noise=noise, lr=lrs))


def settled_loss(trial, out):
    """Return the highest loss in the last tenth of a run, of N runs the median; runs that are out count as infinite."""
    highest = trial.losses[-1 - len(trial.losses) // 10:].max(axis=0)
    return median(np.nan_to_num(np.where(out, np.inf, highest), nan=np.inf, posinf=np.inf))


def has_left(trial):
    """Return whether each run was ever outside the domain of the surface; of shape () or (N,)."""
    low, high = np.transpose(trial.surface.domain)
    places = np.moveaxis(trial.positions, 1, -1)  # coordinates last, also of N runs; NaN is neither below nor above
    return ((places < low) | (places > high)).any(axis=(0, -1))


def tuning_in_words(lrs, best, leaving, bounded):
    """Return the note of a tuned race."""
    at_edge = [run.label for run in best if run.rates.flat[0] in (lrs.min(), lrs.max())]
    asides = "".join(f" ({what}: {'; '.join(who)})"
                     for what, who in [("at the end of the range", at_edge), ("all leave", leaving)] if who)
    staying = ", among those that stay in the domain" if bounded else ""
    return (f"best of {lrs.size} learning rates from {lrs.min():.2g} to {lrs.max():.2g}, judged by the last tenth of "
            f"the run{staying}{asides}")


# Arguments

def check_count(name, value, least):
    """Raise an error unless this is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}; expected a whole number")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")


def refuse_surface(which, order):
    """Raise an error for a surface where optimizers are expected."""
    if isinstance(which, Surface) or (isinstance(which, str) and which in surfaces.names()):
        raise TypeError(f"the arguments are {order}, and {which!r} is a surface: are they swapped?")


def refuse_wrong_minimum(run):
    """Raise an error if the run has found a place in the domain that is lower than the stated minima."""
    minimum = run.surface.minimum
    if minimum is None:
        return
    places = np.moveaxis(run.positions, 1, -1)
    inside = np.isfinite(run.losses) & is_within(places, run.surface.domain)
    losses, places = run.losses[inside], places[inside]
    if losses.size and minimum - losses.min() > 1e-3 * np.ptp([*losses, minimum]) + 1e-9 * abs(minimum):
        point = ", ".join(f"{x:.4g}" for x in places[losses.argmin()])
        raise ValueError(f"minima is {run.surface.minima}, where {run.surface.name} is {minimum:.4g}, but it is "
                         f"lower at ({point}): {losses.min():.4g}")


def starting_points(surface, start, seed, hyperparameters):
    """Return where to begin: (n,) for one run, (n, N) for N starts, seeds or values of hyperparameters."""
    given, n = surface.start if start is None else start, surface.ndim
    try:
        points = np.array(given, dtype=float)
    except (TypeError, ValueError):
        points = np.array(np.nan)
    if points.ndim == 0 and n == 1:
        points = points[np.newaxis]
    if points.ndim not in (1, 2) or len(points) != n or not np.isfinite(points).all():
        raise ValueError(f"start must be a point of {n} finite numbers, or N points as an array of shape ({n}, N); "
                         f"got {given!r}")
    for one in np.atleast_1d(seed).tolist():
        check_count("seed", one, 0)
    shapes = {"start": points.shape[1:], "seed": np.shape(seed)}
    shapes.update((name, array_shape(value)) for name, value in hyperparameters.items())
    counts = {name: shape[0] for name, shape in shapes.items() if len(shape) == 1}
    if not counts:
        return points
    if len(set(counts.values())) > 1:
        raise ValueError("values for many runs must all have the same length; got "
                         + ", ".join(f"{count} for {name}" for name, count in counts.items()))
    return np.array(np.broadcast_to(points.reshape(n, -1), (n, *set(counts.values()))))


def with_facts(surface, start, facts):
    """Return the surface with some of its facts changed; your own function has as many coordinates as the start."""
    known = [field.name for field in dataclasses.fields(Surface) if field.name != "function"]
    for name in facts:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"the facts are {', '.join(known)}."
            raise TypeError(f"a race does not take {name}, which is not a fact of a surface; {hint} Hyperparameters go "
                            'with each optimizer, as in "Adam(lr=0.05)", and a schedule goes to record or race')
    if callable(surface) and not isinstance(surface, Surface):
        first = np.asarray(start)[:, 0] if np.ndim(start) == 2 else start
        return Surface(surface, **{"start": first, **facts})
    return dataclasses.replace(surfaces.get(surface), **facts) if facts else surfaces.get(surface)


def has_domain(surface, facts):
    """Return whether a surface comes with a domain; all do, except your own functions."""
    return isinstance(surface, (str, Surface)) or "domain" in facts


def framed(surface, facts, runs):
    """Return the runs, with a domain that holds their paths if they are over your own function without a domain.

    The domain holds the start, all known points of the surface, the path of the run with the lowest last loss, and the
    paths of runs that go at most four times as far. Its sides differ by no more than a factor of 2.5.
    """
    if has_domain(surface, facts):
        return runs
    known, single = runs[0].surface, [one for run in runs for one in run]
    shown = [point for kind in KINDS for point in getattr(known, kind)] + [one.positions[0] for one in single]
    staying = [one for one in single if not one.diverged]
    if staying:
        best = min(staying, key=lambda one: one.losses[-1])
        reach = lambda one: np.abs(one.positions - one.positions[0]).max()
        shown += [point for one in staying if reach(one) <= 4 * reach(best) for point in one.positions]
    points = np.array(shown)
    sides = 1.3 * np.ptp(points, axis=0)
    sides = np.maximum(sides, 0.4 * sides.max()) if sides.any() else np.full(len(sides), 2.0)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    surface = dataclasses.replace(known, domain=np.stack([middle - sides / 2, middle + sides / 2], axis=1))
    return [dataclasses.replace(run, surface=surface) for run in runs]


# Arrays

def cut_off(array, here):
    """Return an array up to the end of a run, given as a bool by step; for N runs, with NaN after it."""
    if here.ndim == 1:
        return array[here]
    if array.ndim < 2 or array.shape[-1] != here.shape[-1]:
        return array  # the same for all runs
    return np.where(here.reshape(len(here), *[1] * (array.ndim - 2), -1), array, np.nan)


def joined(alone, label, optimizer):
    """Return single runs as one trajectory of N runs, with NaN where one has ended before the others."""
    longest = max(alone, key=lambda one: len(one.steps))
    length = len(longest.steps)

    def join(arrays):
        rests = [np.full((length - len(array), *array.shape[1:]), np.nan) for array in arrays]
        return np.stack([np.concatenate(pair) for pair in zip(arrays, rests)], axis=-1)

    nothing = {name: entry[:0] for one in alone for name, entry in one.states.items()}
    states = {name: join([one.states.get(name, empty) for one in alone]) for name, empty in nothing.items()}
    arrays = {name: join([getattr(one, name) for one in alone])
              for name in ("positions", "losses", "gradients", "rates")}
    hyperparameters = {name: together([one.hyperparameters[name] for one in alone]) for name in longest.hyperparameters}
    return dataclasses.replace(
        longest, **arrays, states=states, label=label, optimizer=optimizer, hyperparameters=hyperparameters,
        last_steps=np.array([one.last_steps for one in alone]),
        undefined=np.array([one.undefined for one in alone]),
        evaluations=sum(one.evaluations for one in alone), seconds=sum(one.seconds for one in alone))
