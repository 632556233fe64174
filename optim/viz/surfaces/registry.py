"""The registry of surfaces: `surface` enters a function, `get` finds a surface by its name, `names` lists all names."""

import difflib

from .definition import Surface

_registry = {}


def surface(**facts):
    """Turn the function below it into a `Surface` that is known by name.

    Parameters
    ----------
    **facts
        The keyword arguments of `Surface`.

    Returns
    -------
    callable
        From the function to the Surface.

    Raises
    ------
    ValueError
        If another module has already given this name to a surface.

    Examples
    --------
    >>> from optim.viz.surfaces import get, surface
    >>> from optim.viz.surfaces.registry import _registry
    >>> @surface(formula="x^2 + y^4", domain=((-1, 1), (-1, 1)), minima=[(0, 0)])
    ... def flat_bowl(p):
    ...     '''Flat along y: gradients fade long before the minimum is near.'''
    ...     x, y = p
    ...     return x**2 + y**4
    >>> get("flat_bowl") is flat_bowl
    True
    >>> del _registry["flat_bowl"]  # so that the other examples do not see it
    """
    def decorate(function):
        registered = register(Surface(function, **facts))
        function.__qualname__ += ".function"  # where pickle finds it, since its own name is now the Surface
        return registered
    return decorate


def register(new):
    """Register a Surface under its name, unless another module uses the name, and return it."""
    known = _registry.get(new.name)
    if known is not None and known.function.__module__ != new.function.__module__:
        raise ValueError(f"name {new.name!r} belongs to {known!r} of {known.function.__module__}; choose another")
    _registry[new.name] = new
    return new


def names():
    """Return the names of all registered surfaces, easier ones first.

    Returns
    -------
    list of str
    """
    return list(_registry)


def get(which):
    """Return the Surface for a name, a Surface or a function.

    Parameters
    ----------
    which : str, Surface or callable
        A registered name (case, spaces and hyphens do not matter), a Surface (returned as it is), or a function of
        ``p``, which becomes a Surface with all defaults.

    Returns
    -------
    Surface

    Raises
    ------
    ValueError
        If no surface has that name; the message names the nearest ones.
    TypeError
        If `which` is none of the three.

    Examples
    --------
    >>> from optim.viz.surfaces import get
    >>> get("Goldstein-Price")
    <Surface goldstein_price on [-2, 2] x [-3, 1]>
    >>> get("rosenbrok")
    Traceback (most recent call last):
        ...
    ValueError: no surface is named 'rosenbrok'; did you mean 'rosenbrock'?
    """
    if isinstance(which, Surface):
        return which
    if callable(which):
        return Surface(which)
    if not isinstance(which, str):
        raise TypeError(f"a surface must be given as a name, a Surface or a function of p, got {which!r}")
    name = which.strip().lower().replace("-", "_").replace(" ", "_")
    if name in _registry:
        return _registry[name]
    nearest = [known for known in _registry if name and name in known]
    nearest = nearest or difflib.get_close_matches(name, _registry, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, nearest))}?" if nearest else f"choose from {', '.join(_registry)}"
    raise ValueError(f"no surface is named {which!r}; {hint}")
