"""A surface: a function to minimise, with what is known about it, and its samples for pictures.

The function is plain NumPy of one argument ``p`` whose *first axis* holds the coordinates, so the same two lines serve
one point, a grid of a million, a batch of runs stored as (2, N), and a minigrad Tensor.
"""

import dataclasses
import inspect
import re
from collections.abc import Callable

import numpy as np

Point = tuple[float, ...]
KINDS = "starts", "minima", "local_minima", "saddles", "maxima"  # of points


@dataclasses.dataclass(eq=False, repr=False)
class Surface:
    r"""A function to minimise, :math:`f: \mathbb{R}^n \to \mathbb{R}`, with what is known about it.

    Only the function is needed; everything else has a sensible default. You call a Surface like the function that it
    holds, and it can be pickled if the function can. ``dataclasses.replace(surface, start=(0, 2))`` is the same surface
    with another start; this works for every other fact too.

    Parameters
    ----------
    function : callable
        Takes ``p`` with the coordinates on its first axis, shape (n,) or (n, ...), and returns f of shape () or (...).
        Write ``x, y = p``, then operators and ``np.`` functions only.
    name : str, optional
        Default: the function's own name.
    title : str, optional
        The name in pictures, if it is more than the name with a capital and with spaces.
    formula : str, optional
        f(x, y) as LaTeX, without dollar signs.
    domain : n pairs (low, high), optional
        The box to look at. Default: a square around the origin that contains all the points given here.
    start : point, optional
        Where a run begins by default. Default: the first of `starts`. If there are none, the point at one fifth of the
        domain's first axis and four fifths of all others.
    starts : list of points, optional
        Starts that are worth trying; `start` is put first if it is not among them.
    minima, local_minima, saddles, maxima : list of points, optional
        The global minima, the other local minima, the saddle points and the local maxima inside the domain. Empty when
        there are none or, on the surfaces with dozens of humps, too many to list. A single point needs no list.
    noise : float, optional
        Standard deviation of the Gaussian noise that a recorded run adds to every entry of the gradient. The function
        itself stays exact. Default: 0.
    lesson : str, optional
        What an optimizer shows here, in a sentence. Default: the first paragraph of the function's docstring.
    source : str, optional
        Where the function comes from.

    Raises
    ------
    TypeError
        If the function cannot be called, or takes more than one point p.
    ValueError
        If the domain is not a box, a point does not have n finite coordinates, or the noise is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz import Surface
    >>> bowl = Surface(lambda p: p[0] ** 2 + 10 * p[1] ** 2, start=(3, 1), minima=(0, 0))
    >>> bowl
    <Surface f on [-3.75, 3.75] x [-3.75, 3.75]>
    >>> bowl([3, 1])
    19
    >>> bowl(np.array([[3.0, 0.0, 2.0], [1.0, 0.0, 0.0]]))
    array([19.,  0.,  4.])
    >>> bowl.minima, bowl.minimum
    (((0.0, 0.0),), 0.0)
    """

    function: Callable
    _: dataclasses.KW_ONLY
    name: str = ""
    title: str = ""
    formula: str = ""
    domain: tuple[tuple[float, float], ...] | None = None
    start: Point | None = None
    starts: tuple[Point, ...] = ()
    minima: tuple[Point, ...] = ()
    local_minima: tuple[Point, ...] = ()
    saddles: tuple[Point, ...] = ()
    maxima: tuple[Point, ...] = ()
    noise: float = 0.0
    lesson: str = ""
    source: str = ""

    def __post_init__(self):
        if not callable(self.function):
            raise TypeError(f"function must be callable as f(p), got {self.function!r}; "
                            "to get a known surface by its name, write surfaces.get(name)")
        if len(needed := needed_arguments(self.function)) > 1:
            raise TypeError(f"the function takes {' and '.join(needed)}; it must take one point p, an array of all "
                            f"coordinates: with p[0] for {needed[0]}, p[1] for {needed[1]} and so on; any other "
                            "argument needs a default, like a in lambda p, a=1: a * p[0]**2 + p[1]**2")
        if not (np.ndim(self.noise) == 0 and np.isfinite(self.noise) and self.noise >= 0):
            raise ValueError(f"noise must be a standard deviation, a finite number >= 0, got {self.noise!r}")
        if not self.name:
            own_name = getattr(self.function, "__name__", "f")
            self.name = "f" if own_name == "<lambda>" else own_name
        if not self.lesson and inspect.isfunction(self.function):
            first_paragraph = (inspect.getdoc(self.function) or "").split("\n\n")[0]
            self.lesson = " ".join(first_paragraph.split())
        if self.domain is not None:
            self.domain = as_box("domain", self.domain)
        self._settle_points()
        if self.domain is None:
            self.domain = self._square_around_points()
        if not self.starts:
            fractions = (0.2, *[0.8] * (self.ndim - 1))
            self.starts = (tuple(low + t * (high - low) for t, (low, high) in zip(fractions, self.domain)),)
        self.start = self.starts[0]

    def _settle_points(self):
        """Check all points and store them as tuples of tuples of floats, `start` at the head of `starts`."""
        ndim = None if self.domain is None else self.ndim
        if self.start is not None:
            first = as_points("start", [self.start], ndim)
            self.starts = first + tuple(p for p in as_points("starts", self.starts, ndim) if p not in first)
        for kind in KINDS:
            points = as_points(kind, getattr(self, kind), ndim)
            ndim = len(points[0]) if points else ndim
            setattr(self, kind, points)

    def _square_around_points(self):
        """Return a domain around the origin that contains every point of the surface, with some room around them."""
        known = [point for kind in KINDS for point in getattr(self, kind)]
        half_width = max(2.0, 1.25 * float(np.max(np.abs(known), initial=0.0)))
        return ((-half_width, half_width),) * (len(known[0]) if known else 2)

    @property
    def heading(self):
        """The title, or the name with a capital and with spaces: what pictures show."""
        return self.title or sentence(self.name)

    @property
    def ndim(self):
        """The number of coordinates, n."""
        return len(self.domain)

    @property
    def minimum(self):
        """The value of f at its global minima (float), or None if none is known."""
        return float(self(np.array(self.minima[0]))) if self.minima else None

    def __call__(self, p):
        """Return f(p) for one point, shape (n,), or as many as there are in shape (n, ...)."""
        if len(p) != self.ndim:
            raise ValueError(f"{self.name} takes p with its {self.ndim} coordinates on the first axis, shape "
                             f"({self.ndim},) or ({self.ndim}, N), got shape {np.shape(p)}; "
                             "if points are stored one in each row, pass p.T")
        return self.function(p)

    def grid(self, n=200, domain=None):
        """Sample the surface on a regular n x n grid, as contour plots need it.

        Parameters
        ----------
        n : int
            Points along each axis.
        domain : two pairs (low, high), optional
            The part of the plane to sample. Default: the surface's own domain.

        Returns
        -------
        X, Y, Z : ndarray, each of shape (n, n)
            Coordinates, as from `numpy.meshgrid`, and values.

        Raises
        ------
        ValueError
            If the surface is not two-dimensional, or its function does not return one value a point.
        """
        if self.ndim != 2:
            raise ValueError(f"grid needs a surface of two coordinates, but {self.name} has {self.ndim}; "
                             "sample a slice of it with your own Surface")
        box = self.domain if domain is None else as_box("domain", domain, 2)
        X, Y = np.meshgrid(*(np.linspace(low, high, n) for low, high in box))
        return X, Y, self.values(np.stack([X.ravel(), Y.ravel()])).reshape(n, n)

    def values(self, points):
        """Return f at N points, one at a time if the function takes only one.

        Parameters
        ----------
        points : array_like of shape (n, N)

        Returns
        -------
        ndarray of shape (N,)

        Raises
        ------
        ValueError
            If the function does not return one number for one point either.

        Examples
        --------
        >>> import numpy as np
        >>> from optim.viz import Surface
        >>> A = np.array([[2.0, 1.0], [1.0, 3.0]])
        >>> Surface(lambda p: p @ A @ p).values([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
        array([2., 3., 8.])
        """
        points = np.asarray(points, dtype=float)
        if self.takes_many(points):
            return self(points)
        values = [self(point) for point in points.T]
        if any(value is None for value in values):
            raise TypeError(f"{self.name} returned None: is `return` missing?")
        if any(np.ndim(value) for value in values):
            raise ValueError(f"{self.name} must return one number for one point, got {values[0]!r}")
        return np.array(values, dtype=float)

    def takes_many(self, points):
        """Return whether the function takes N points at once, and returns as many values.

        Parameters
        ----------
        points : ndarray of shape (n, N)
            With N different from n.

        Returns
        -------
        bool
        """
        try:
            return np.shape(self.function(points)) == points.shape[1:]
        except (TypeError, ValueError):
            return False

    def levels(self, n=20, domain=None):
        r"""Contour levels that are closer where the surface is flat, so that the valley of Rosenbrock can be seen.

        :math:`z_k = z_{\min} + (z_{\max} - z_{\min}) \, (k / (n - 1))^q`, for :math:`k = 0, \dots, n - 1`, with the
        exponent q, kept within 1 and 6, that puts half the area below the middle level: 1 for a saddle, a little under
        2 for a bowl, about 4 for Rosenbrock.

        Parameters
        ----------
        n : int
            The number of levels, at least 2; the first is the lowest value, the last the highest.
        domain : two pairs (low, high), optional
            The part of the plane to use. Default: the surface's own domain.

        Returns
        -------
        ndarray of shape (n,)
            Increasing, as `contour` and `contourf` need them; of shape (1,) if the surface is constant.
        """
        Z = self.grid(domain=domain)[2]
        Z = Z[np.isfinite(Z)]
        if not Z.size:
            raise ValueError(f"{self.name} has no finite value on the domain {domain or self.domain}")
        lowest, highest = Z.min(), Z.max()
        if self.minima and domain is None:
            lowest = min(lowest, self.minimum)
        if lowest == highest:
            return np.array([lowest])
        median = (np.median(Z) - lowest) / (highest - lowest)
        exponent = np.clip(np.log(median) / np.log(0.5), 1, 6) if median > 0 else 6
        return lowest + (highest - lowest) * np.linspace(0, 1, n) ** exponent

    def __repr__(self):
        return f"<Surface {self.name} on {' x '.join(f'[{low:g}, {high:g}]' for low, high in self.domain)}>"


def sentence(text):
    """Return a title with a capital, and without underscores, except those in parentheses, which are code."""
    text = re.sub(r"_(?![^(]*\))", " ", text)
    return text[:1].upper() + text[1:] if len(text) > 1 else text


def needed_arguments(function):
    """Return the names of the positional arguments that a function needs; none if its signature is not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # as for some functions in C
        return []
    return [one.name for one in parameters if one.kind <= one.POSITIONAL_OR_KEYWORD and one.default is one.empty]


def as_points(argument, value, ndim=None):
    """Return a point, or a list of points, as a tuple of tuples of floats, each of length ndim."""
    try:
        points = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        points = np.array(np.nan)
    if not points.size:
        return ()
    if points.ndim == 0 and ndim in (None, 1):
        points = points[np.newaxis]
    if points.ndim == 1:
        points = points[:, np.newaxis] if ndim == 1 else points[np.newaxis]
    if not (points.ndim == 2 and points.shape[1] == (ndim or points.shape[1]) and np.isfinite(points).all()):
        raise ValueError(f"{argument} must be a point or a list of points, each of {ndim or 'the same number of'} "
                         f"finite numbers, got {value!r}")
    return tuple(map(tuple, points.tolist()))


def as_box(argument, value, ndim=None):
    """Return pairs (low, high), one for each of ndim coordinates, as a tuple of tuples of floats."""
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) in (4, 6, 8) and all(map(np.isscalar, value)):
        pairs = ", ".join(f"({low}, {high})" for low, high in zip(value[::2], value[1::2]))
        raise ValueError(f"{argument} must hold a pair (low, high) for each coordinate: write ({pairs}), not {value!r}")
    box = as_points(argument, value, 2)
    if len(box) != (ndim or len(box)) or not box or any(low >= high for low, high in box):
        raise ValueError(f"{argument} must hold a pair (low, high) with low < high for each of {ndim or 'the'} "
                         f"coordinates, such as ((-2, 2), (-1, 3)), got {value!r}")
    return box
