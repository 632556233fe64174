"""Pictures of networks: decision boundaries, the landscape around trained weights, and the path of a training.

A network has too many parameters for a map, so the map is a plane through the weights, along two directions:
`landscape` walks along random ones, `pca_path` along those in which a training has moved most.
"""

from contextlib import contextmanager

import numpy as np
from matplotlib.colors import ListedColormap

from minigrad import Tensor

from .drawing import STARTS, Drawing, add_legend, axes_or_new, filled_contours, look, style, titled

# Decision boundaries

def decision_boundary(predict, X, y, ax=None, *, domain=None, resolution=300, **kwargs):
    """Draw the class that a classifier chooses at each point, and the data on top.

    Parameters
    ----------
    predict : callable
        Takes points of shape (N, 2) and returns scores, as an array or a Tensor. If they have shape (N, C), the largest
        one chooses the class; if they have shape (N,) or (N, 1), the sign chooses between classes 0 and 1. Whole
        numbers of shape (N,) are the classes themselves. A `Module` is such a function.
    X : array_like of shape (N, 2)
    y : array_like of N int
        The true classes, from 0.
    ax : Axes, optional
    domain : two pairs (low, high), optional
        The part of the plane to show. Default: where the data are, and a little more.
    resolution : int, default 300
        Points along each side at which to call the classifier.
    **kwargs
        For `Axes.contourf`, of the regions.

    Returns
    -------
    Drawing
        With the artists "regions", "boundary" and "points" (a list, one for each class).

    Raises
    ------
    ValueError
        If a shape does not fit, or there are only signs for more than two classes.
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != X.shape[:1]:
        raise ValueError(f"X and y must be points of shape (N, 2) and N classes, got shapes {X.shape} and {y.shape}")
    own = classes(predict, X, 1 + int(y.max()))
    margin = 0.1 * np.ptp(X, axis=0) + 1e-9
    box = list(zip(X.min(axis=0) - margin, X.max(axis=0) + margin)) if domain is None else domain
    A, B = np.meshgrid(*(np.linspace(low, high, resolution) for low, high in box))
    seen = classes(predict, np.stack([A.ravel(), B.ravel()], axis=1)).reshape(A.shape)
    count = 1 + int(max(seen.max(), y.max()))
    right, title = np.mean(own == y), "Decision boundary"
    with style():
        ax = axes_or_new(ax)
        colors = [look(k)["color"] for k in range(count)]
        edges = np.arange(count + 1) - 0.5
        regions = ax.contourf(A, B, seen, edges, **{"cmap": ListedColormap(colors), "alpha": 0.25, **kwargs})
        boundary = ax.contour(A, B, seen, edges[1:-1], colors="#404040", linewidths=1) if np.ptp(seen) else None
        points = [ax.plot(*X[y == k].T, **{**look(k), "linestyle": "none", "label": f"class {k}"})[0]
                  for k in range(count)]
        ax.set(xlim=box[0], ylim=box[1], xlabel="$x_1$", ylabel="$x_2$")
        ax.grid(False)
        titled(ax, f"{title}: {right:.0%} of the points in their own region")
        add_legend(ax, "inside" if count < 5 else "right")
    return Drawing(ax, {"regions": regions, "boundary": boundary, "points": points}, title,
                   f"{title} between {count} classes, with {len(X)} points, {right:.0%} of them in their own region")


def classes(predict, points, count=2):
    """Return the class that a classifier chooses for each point, of `count` classes or more."""
    scores = predict(points)
    scores = scores.data if isinstance(scores, Tensor) else np.asarray(scores)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.shape[:1] != points.shape[:1] or scores.ndim not in (1, 2):
        raise ValueError(f"predict must return scores of shape (N,) or (N, C) for N points, got {scores.shape}")
    if scores.ndim == 2:
        return scores.argmax(axis=1)
    if np.issubdtype(scores.dtype, np.integer) and scores.min() >= 0:
        return scores
    if count > 2:
        raise ValueError(f"predict returned one {scores.dtype} for each point, whose sign separates 2 classes, but y "
                         f"has {count}: return scores of shape (N, {count}), or the classes as whole numbers from 0")
    return (scores > 0).astype(int)


# Weights as one vector

def weights(params):
    """Return all numbers of some parameters as one vector: a copy, such as `pca_path` takes one after each epoch.

    Parameters
    ----------
    params : iterable of parameters

    Returns
    -------
    ndarray of one dimension

    Examples
    --------
    >>> from optim.viz import weights
    >>> import optim
    >>> weights([optim.Parameter([[1.0, 2.0]]), optim.Parameter([3.0])])
    array([1., 2., 3.])
    """
    return np.concatenate([param.data.ravel() for param in params])


@contextmanager
def moved(params):
    """Yield a function that sets all parameters from one vector; restore them at the end."""
    params = list(params)
    before = [param.data.copy() for param in params]
    ends = np.cumsum([param.data.size for param in params])[:-1]

    def set_to(vector):
        for param, part in zip(params, np.split(vector, ends)):
            param.data[...] = part.reshape(param.data.shape)
    try:
        yield set_to
    finally:
        for param, data in zip(params, before):
            param.data[...] = data


def random_direction(params, rng):
    """Return a random direction with the length of the weights themselves, filter by filter.

    A row of a weight matrix (all that leads to one unit) counts as a filter; a vector, such as a bias, stays as it is.
    Without this scale, a network whose weights are twice as large for no other effect would seem half as curved.

    References
    ----------
    H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the Loss Landscape of Neural Nets", 2018, section 4.
    """
    parts = []
    for param in params:
        data, part = param.data, np.zeros(param.data.shape)
        if data.ndim > 1:
            part = rng.standard_normal(data.shape)
            axes = tuple(range(1, data.ndim))
            part *= np.sqrt(np.sum(data**2, axes, keepdims=True) / np.sum(part**2, axes, keepdims=True))
        parts.append(part.ravel())
    return np.concatenate(parts)


# The loss on a plane through the weights

def landscape(params, loss, ax=None, *, span=1.0, resolution=31, seed=0, **kwargs):
    """Draw the loss on a plane through the weights, along two random directions of the weights' own size.

    Parameters
    ----------
    params : iterable of parameters
        As ``model.parameters()`` gives them. They are moved while drawing, and put back.
    loss : callable
        Takes nothing and returns the loss of the model as it is: ``lambda: nn.cross_entropy(model(x), y)``.
    ax : Axes, optional
    span : float, default 1
        How far to go in each direction; 1 is the distance of the weights from 0.
    resolution : int, default 31
        Points along each side; the loss is computed resolution² times.
    seed : int, default 0
        For the directions.
    **kwargs
        For `Axes.contourf`.

    Returns
    -------
    Drawing
        With the artists "contours" and "here" (the weights as they are), and the array "losses".

    Raises
    ------
    ValueError
        If the loss is finite nowhere.
    """
    params, title = list(params), "Loss around the weights"
    rng = np.random.default_rng(seed)
    directions = [random_direction(params, rng) for _ in range(2)]
    steps = np.linspace(-span, span, resolution)
    values = on_plane(params, loss, weights(params), directions, steps, steps)
    with style():
        ax = axes_or_new(ax, figsize=(5.6, 4.5))
        contours = ground(ax, steps, steps, values, **kwargs)
        here, = ax.plot(0, 0, **{**STARTS, "label": "the weights as they are"})
        ax.set(xlabel="first random direction", ylabel="second random direction")
        titled(ax, title)
        add_legend(ax, "below")
    return Drawing(ax, {"contours": contours, "here": here, "losses": values}, title,
                   f"{title}, on a plane along two random directions: {values_in_words(values, steps, steps)}")


def pca_path(params, snapshots, ax=None, *, loss=None, resolution=31, margin=0.25, **kwargs):
    """Draw the path of a training on the plane in which it has moved most.

    Parameters
    ----------
    params : iterable of parameters
        They are moved while drawing, and put back.
    snapshots : sequence of vectors
        The weights during the training, as `weights(params)` returns them. The plane goes through the last.
    ax : Axes, optional
    loss : callable, optional
        Takes nothing and returns the loss of the model as it is: drawn below the path, over the whole plane.
    resolution : int, default 31
        Points along each side; the loss is computed resolution² times.
    margin : float, default 0.25
        How much to show around the path, as a part of its size.
    **kwargs
        For `Axes.plot`, of the path.

    Returns
    -------
    Drawing
        With the artists "path" and, given a loss, "contours"; and the arrays "directions" (two unit vectors) and
        "shares" (the part of the squared distance from the last snapshot that lies along each).

    Raises
    ------
    ValueError
        If there are fewer than three snapshots, their size is not that of the parameters, or no loss is finite.
    """
    title = "Training on the plane of its largest moves"
    params, snapshots = list(params), np.array([np.ravel(one) for one in snapshots])
    size = sum(param.data.size for param in params)
    if len(snapshots) < 3 or snapshots.shape[1:] != (size,):
        raise ValueError(f"snapshots must be three or more vectors of {size} numbers, as weights(params) returns them; "
                         f"got shape {snapshots.shape}")
    last = snapshots[-1]
    _, lengths, directions = np.linalg.svd(snapshots - last, full_matrices=False)
    directions, shares = directions[:2], lengths[:2] ** 2 / np.sum(lengths**2)
    path = (snapshots - last) @ directions.T
    low, high = path.min(axis=0), path.max(axis=0)
    room = margin * (high - low) + 1e-12
    across, up = (np.linspace(a, b, resolution) for a, b in zip(low - room, high + room))
    with style():
        ax = axes_or_new(ax, figsize=(5.6, 4.5))
        contours = None
        if loss is not None:
            contours = ground(ax, across, up, on_plane(params, loss, last, directions, across, up))
        line, = ax.plot(*path.T, **{**look(0), "markevery": max(1, len(path) // 20), "label": "training", **kwargs})
        ax.plot(*path[0], **STARTS)
        ax.set(xlim=across[[0, -1]], ylim=up[[0, -1]], xlabel=f"first principal direction ({shares[0]:.0%})",
               ylabel=f"second principal direction ({shares[1]:.0%})")
        titled(ax, title)
        add_legend(ax, "below")
    words = f"{title}: {len(path)} snapshots; {shares.sum():.0%} of the squared distance lies in the plane"
    return Drawing(ax, {"path": line, "contours": contours, "directions": directions, "shares": shares}, title, words)


def on_plane(params, loss, origin, directions, across, up):
    """Return the losses at origin + a * directions[0] + b * directions[1], a row for each b."""
    with moved(params) as set_to, np.errstate(all="ignore"):
        def at(a, b):
            set_to(origin + a * directions[0] + b * directions[1])
            value = loss()
            return value.item() if hasattr(value, "item") else float(value)
        values = np.array([[at(a, b) for a in across] for b in up])
    if not np.isfinite(values).any():
        raise ValueError(f"the loss is finite nowhere on the plane: it is {values[0, 0]}")
    return values


def ground(ax, across, up, values, **kwargs):
    """Draw losses as contours, at levels that are closer where the loss is low."""
    values = refined(values) if np.isfinite(values).all() else values
    finite = values[np.isfinite(values)]
    quantiles = np.quantile(finite, np.linspace(0, 1, 16))
    levels = np.unique([quantiles[0], *[float(f"{level:.2g}") for level in quantiles[1:-1]], quantiles[-1]])
    levels = levels[(quantiles[0] <= levels) & (levels <= quantiles[-1])]
    across, up = (np.linspace(ends[0], ends[-1], count) for ends, count in zip((across, up), values.shape[::-1]))
    filled = filled_contours(ax, across, up, values, levels, **kwargs)
    ax.figure.colorbar(filled, ax=ax, label="loss", format="%.2g", ticks=levels[1:-1])
    ax.locator_params(nbins=6)
    return filled


def refined(values, times=4):
    """Return a grid with `times` as many cells each way, by the cubic interpolation of E. Catmull and R. Rom (1974)."""
    for _ in range(2):  # along the first axis, then along the other one
        ends = 2 * values[[0, -1]] - values[[1, -2]]
        a, b, c, d = (np.concatenate([ends[:1], values, ends[1:]])[k:len(values) - 1 + k] for k in range(4))
        t = (np.arange(times) / times)[:, np.newaxis]
        cells = [b[i] + t / 2 * (c[i] - a[i] + t * (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i] + t * (3 * (b[i] - c[i])
                 + d[i] - a[i]))) for i in range(len(b))]
        values = np.concatenate([*cells, values[-1:]]).T
    return values


def values_in_words(values, across, up):
    """Return in words where the loss is lowest, and how high it gets."""
    row, column = np.unravel_index(np.nanargmin(values), values.shape)
    return (f"lowest {values[row, column]:.3g} at ({across[column]:.2g}, {up[row]:.2g}), "
            f"highest {np.nanmax(values):.3g}")
