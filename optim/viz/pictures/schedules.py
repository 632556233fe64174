"""Schedules: how they change a learning rate, step by step, without a run."""

import numpy as np

import optim

from .drawing import Drawing, add_legend, axes_or_new, look, style, titled


def schedule(schedules, steps=100, ax=None, *, lr=1.0, losses=None, **kwargs):
    """Draw how schedules change a learning rate, step by step.

    Parameters
    ----------
    schedules : callable, or dict of callables by label
        Each takes an optimizer and returns a schedule: ``lambda optimizer: optim.schedule.StepLR(optimizer, 30)``.
    steps : int, default 100
    ax : Axes, optional
    lr : float, default 1
        The optimizer's first learning rate.
    losses : sequence of float, optional
        What `ReduceLROnPlateau` gets, step by step.
    **kwargs
        For `Axes.plot`, of each line.

    Returns
    -------
    Drawing
        With the artists "lines".

    Raises
    ------
    ValueError
        If a schedule needs losses, and there are not enough.

    Examples
    --------
    >>> from optim.viz import schedule
    >>> import optim
    >>> drawing = schedule(lambda optimizer: optim.schedule.StepLR(optimizer, 2), steps=4)
    >>> drawing["lines"][0].get_ydata()
    array([1.  , 1.  , 0.1 , 0.1 , 0.01])
    """
    entries = schedules if isinstance(schedules, dict) else {None: schedules}
    values = {label: rates_of(make, steps, lr, losses) for label, make in entries.items()}
    title = "Learning rate by step"
    with style():
        ax = axes_or_new(ax)
        lines = [ax.plot(rates, **{**look(i), "label": label, "markevery": max(1, steps // 8),
                                   "drawstyle": drawstyle_of(rates), **kwargs})[0]
                 for i, (label, rates) in enumerate(values.items())]
        ax.set(xlabel="step", ylabel="lr", xlim=(0, steps))
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        titled(ax, title)
        if isinstance(schedules, dict):
            add_legend(ax)
    words = "; ".join(f"{label or 'lr'} from {rates[0]:.2g} to {rates[-1]:.2g}, at most {max(rates):.2g}"
                     for label, rates in values.items())
    return Drawing(ax, {"lines": lines}, title, f"{title}: {words}")


def drawstyle_of(rates):
    """Return "steps-post" for a learning rate that stays the same in most steps, as StepLR's does."""
    return "steps-post" if np.mean(np.diff(rates) == 0) > 0.5 else "default"


def rates_of(make, steps, lr, losses):
    """Return the learning rate before the first step and after each of them."""
    optimizer = optim.SGD([optim.Parameter([0.0])], lr=lr)
    scheduler = make(optimizer)
    needs_loss = isinstance(scheduler, optim.schedule.ReduceLROnPlateau)
    if needs_loss and (losses is None or len(losses) < steps):
        raise ValueError(f"ReduceLROnPlateau needs the loss: give losses, a sequence of {steps} numbers")
    values = [optimizer.param_groups[0]["lr"]]
    for step in range(steps):
        optimizer.step()
        scheduler.step(losses[step]) if needs_loss else scheduler.step()
        values.append(optimizer.param_groups[0]["lr"])
    return np.array(values)
