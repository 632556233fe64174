"""grad and its relatives: each takes a function of arrays and returns its derivative, again a function of arrays.

All of them take three steps: replace the arguments by fresh nodes, the variables; run the function; walk back to the
variables. The walk does not enter anything older than the variables. So calls can be nested, and no `.grad` changes. If
something older takes part, the results are recorded too, so that an outer derivative can be taken.
"""

import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

import numpy as np

from .arguments import unknown_keyword
from .mode import NO_GRAD, in_mode, mode, watcher
from .registry import copied, value_of
from .structure import (
    NESTED,
    arrays_in,
    arrays_like,
    as_dtype,
    describe,
    dtype_of,
    join,
    mapped,
    one_like,
    paths,
    rebuild,
    shape_of,
    size_of,
    spans,
    split,
)
from .tape import Node, Primitive, make, propagate, reachable, record, zeros_like
from .tensor import Tensor

AS_IT_IS = nullcontext()
_VARIABLE = Primitive(lambda x: x, (lambda g, ans, x: g,), "variable")


Derivative = TypeVar("Derivative", bound=Callable[..., Any])


def transform(derivative: Derivative) -> Derivative:
    """Make a transform check at once that it got a function, that argnums are positions, and nothing else."""
    @wraps(derivative)
    def checked(function, argnums=0, **unknown):
        name = derivative.__name__
        if unknown:
            raise unknown_keyword(signature(derivative), unknown, name)
        if not callable(function):
            raise TypeError(f"minigrad.{name} takes a function: write {name}(f)(x); "
                            f"got {function!r}")
        if not all(isinstance(i, (int, np.integer)) for i in (argnums if isinstance(argnums, tuple) else [argnums])):
            raise TypeError(f"argnums must be an int or a tuple of ints: write {name}(f, argnums=(0, 1)) for two "
                            f"arguments, and {name}(f)(x) for the derivative at x; got {argnums!r}")
        return derivative(function, argnums)
    return checked  # type: ignore[return-value]


@transform
def grad(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the gradient of a function that returns a single number.

    The i-th number of the result is ∂f/∂xᵢ, from one run of `function` and one walk back.

    Parameters
    ----------
    function : callable
        Takes arrays and returns a single number, computed with NumPy's functions and operators. The
        arguments to differentiate by are passed to it as Tensors.
    argnums : int or tuple of int, default 0
        The positions of these arguments. Each is a float, an array of floats, or a list, tuple or dictionary of them,
        nested to any depth.

    Returns
    -------
    callable
        A function of the same arguments. For an int it returns the gradient, of the shape and dtype (or the nested
        structure) of that argument; for a tuple of ints, a tuple of gradients. They are arrays. But if an argument, or
        a Tensor that `function` closes over, requires a gradient, they are Tensors and can be differentiated. Under
        `no_grad` they are always arrays.

    Raises
    ------
    TypeError
        If `function` does not return a single real number, or an argument to differentiate by is not made of floats.

    Warns
    -----
    UserWarning
        If `function` returns a plain number, as np.floor and t.item() do. The tape cannot follow it, so the
        gradient is zero.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.grad(np.sin)(0.0)
    array(1.)
    >>> minigrad.grad(minigrad.grad(np.sin))(np.pi / 2)
    array(-1.)
    >>> loss = lambda weights, x: np.sum((x @ weights["w"] + weights["b"]) ** 2)
    >>> minigrad.grad(loss)({"w": np.array([1.0, 2.0]), "b": 3.0}, np.eye(2))
    {'w': array([ 8., 10.]), 'b': array(18.)}
    """
    def gradient(*args, **keywords):
        run = run_of_number(function, argnums, args, keywords)
        return run.assemble(run.pull_back(one_like(run.root), last=True))
    return gradient


@transform
def value_and_grad(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives the value of `function` and its gradient from one run.

    Parameters, the form of the gradient, and errors are the same as for `grad`.

    Returns
    -------
    callable
        A function of the same arguments that returns the pair (value, gradient).

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.value_and_grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    (array(9.), array([ 3., 12.]))
    """
    def value_and_gradient(*args, **keywords):
        run = run_of_number(function, argnums, args, keywords)
        return run.hand_out(run.root), run.assemble(run.pull_back(one_like(run.root), last=True))
    return value_and_gradient


@transform
def vjp(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return a function that multiplies a vector by the Jacobian from the left: vᵀJ, by one walk back.

    Parameters
    ----------
    function : callable
        Takes arrays and returns an array of any shape, or a list, tuple or dictionary of them.
    argnums : int or tuple of int, default 0
        The positions of the arguments to differentiate by, as for `grad`.

    Returns
    -------
    callable
        `vjp(f)(*args, v)`, where v has the form of the result of f; it returns an array in the form of the argument.

    Raises
    ------
    ValueError
        If v does not have the form of what `function` returns.

    Warns
    -----
    UserWarning
        If `function` returns plain numbers, as for `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> minigrad.vjp(lambda x: A @ x)(np.zeros(2), np.array([1.0, 0.0, 1.0]))
    array([6., 8.])
    """
    def product(*args, **keywords):
        args, v = split_vector("vjp", args)
        run = run_of_arrays(function, argnums, args, keywords)
        v = arrays_like(run.result, v, f"what {name_of(function)} returns")
        run.linked = run.linked or may_be_differentiated(v)
        return run.assemble(run.pull_back(as_dtype(join(v), dtype_of(run.root)), last=True))
    return product


@transform
def jvp(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return a function that multiplies a vector by the Jacobian from the right: Jv, the derivative along v.

    The product uᵀJ is linear in u, and its own derivative with respect to u, applied to v, is Jv. So two walks back
    give one step forward, and J is never formed.

    Parameters
    ----------
    function : callable
        Takes arrays and returns an array of any shape, or a list, tuple or dictionary of them.
    argnums : int or tuple of int, default 0
        The positions of the arguments to differentiate by, as for `grad`.

    Returns
    -------
    callable
        `jvp(f)(*args, v)`, where v has the form of the argument; it returns an array in the form of the result of f.

    Raises
    ------
    ValueError
        If v does not have the form of the argument (for a tuple of argnums, of the tuple of them).

    Warns
    -----
    UserWarning
        If `function` returns plain numbers, as for `grad`.

    References
    ----------
    Jamie Townsend, "A new trick for calculating Jacobian vector products", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.jvp(np.exp)(np.array([0.0, 1.0]), np.array([2.0, 0.0]))
    array([2., 0.])
    """
    def product(*args, **keywords):
        args, v = split_vector("jvp", args)
        run = run_of_arrays(function, argnums, args, keywords)
        v = arrays_like(run.arguments, v, "the argument")
        run.linked = run.linked or may_be_differentiated(v)
        with recording():
            u = variable(np.zeros(shape_of(run.root), dtype_of(run.root)))
            along_v = inner(run.record.pull_back(u, differentiable=True), v)
            tangent, = Record(along_v, [u]).pull_back(one_like(along_v), run.linked)
        return rebuild(run.result, map(run.hand_out, split(tangent, run.result)))
    return product


@transform
def jacobian(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the Jacobian, the array of all first derivatives J[i, j] = ∂fᵢ/∂xⱼ.

    `function` is run once and recorded; each number of its result costs one walk back over that record.

    Parameters
    ----------
    function : callable
        Takes arrays and returns an array of any shape, or a list, tuple or dictionary of them.
    argnums : int or tuple of int, default 0
        The positions of the arguments to differentiate by, as for `grad`.

    Returns
    -------
    callable
        A function of the same arguments. It returns an array of shape `(*result.shape, *argument.shape)`. If the
        result or the argument is a structure of arrays, it returns a structure like the result, with structures like
        the argument in it.

    Warns
    -----
    UserWarning
        If `function` returns plain numbers, as for `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.jacobian(lambda x: np.stack([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])
    """
    def matrix(*args, **keywords):
        run = run_of_arrays(function, argnums, args, keywords)
        rows = [run.pull_back(e) for e in unit_vectors(run.root)]
        blocks = []
        for start, stop, shape in spans(run.result):
            parts = [stack_rows([row[i] for row in rows[start:stop]], shape, x) for i, x in enumerate(run.variables)]
            blocks.append(run.assemble(parts))
        return rebuild(run.result, blocks)
    return matrix


@transform
def hessian(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the Hessian, the array of all second derivatives H[i, j] = ∂²f/∂xᵢ∂xⱼ of a function with a single result.

    It is the Jacobian of the gradient: the gradient is recorded once, and each of its numbers costs one walk back.

    Parameters and errors are the same as for `grad`.

    Returns
    -------
    callable
        A function of the same arguments that returns an array of shape `(*argument.shape, *argument.shape)`. If the
        argument is a structure of arrays, it returns such blocks in a structure like the argument, with structures
        like the argument in it.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return jacobian(grad(function, argnums), argnums)


@transform
def hvp(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return a function that multiplies the Hessian by a vector: Hv = ∇⟨∇f, v⟩, without forming the Hessian.

    It costs as much as a few gradients, for any number of variables.

    Parameters
    ----------
    function : callable
        Takes arrays and returns a single number.
    argnums : int or tuple of int, default 0
        The positions of the arguments to differentiate by, as for `grad`.

    Returns
    -------
    callable
        `hvp(f)(*args, v)`, where v has the form of the argument; it returns the same form.

    Raises
    ------
    ValueError
        If v does not have the form of the argument (for a tuple of argnums, of the tuple of them).

    References
    ----------
    Barak A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """
    gradient = grad(function, argnums)

    def product(*args, **keywords):
        args, v = split_vector("hvp", args)

        def along_v(*args):
            slope = gradient(*args, **keywords)
            return inner(arrays_in(slope), arrays_like(slope, v, "the argument"))
        return grad(along_v, argnums)(*args)
    return product


# The three steps

class Run:
    """One run of a function on fresh variables, recorded.

    `arguments` are the ones to differentiate by, as a structure of the `variables`. `result` is what it returned,
    `results` is the list of its arrays, and `root` is the same as a single array. `linked` says whether something older
    that requires a gradient takes part.
    """

    def __init__(self, function, argnums, args, keywords):
        positions, args = positions_of(argnums, args), list(args)
        with recording():
            for i in positions:
                args[i] = mapped(variable, args[i], i)
            self.arguments = tuple([args[i] for i in positions]) if isinstance(argnums, tuple) else args[positions[0]]
            self.variables = arrays_in(self.arguments)
            self.result = function(*args, **keywords)
            self.results = arrays_in(self.result)
            check_real(self.results, function)
            self.root = join(self.results)
            self.record = Record(self.root, self.variables)
        self.linked = mode.get() is not NO_GRAD and (self.record.older or any(map(has_parents, self.variables)))

    def pull_back(self, g, last=False):
        """Return, as a list, what each variable receives when the result receives `g`."""
        return self.record.pull_back(g, self.linked, last)

    def hand_out(self, x):
        """Return x with its history if the run is linked to something older, otherwise as a new plain array."""
        return x if self.linked else copied(value_of(x))

    def assemble(self, values):
        """Return values, one for each variable, in the structure of the arguments."""
        return rebuild(self.arguments, map(self.hand_out, values))


def run_of_number(function, argnums, args, keywords):
    """Return the Run of a function that must return a single number."""
    run = Run(function, argnums, args, keywords)
    if isinstance(run.result, NESTED) or size_of(run.root) != 1:
        raise TypeError(f"a gradient needs a function that returns a single number, and {name_of(function)} returned "
                        f"{describe(run.result)}: reduce it, as with np.sum, or use minigrad.jacobian")
    warn_of_plain_results(run, function)
    return run


def run_of_arrays(function, argnums, args, keywords):
    """Return the Run of a function that may return any arrays."""
    run = Run(function, argnums, args, keywords)
    warn_of_plain_results(run, function)
    return run


def warn_of_plain_results(run, function):
    """Warn, at the line outside this file that asked for the derivative, if a result is not a Tensor."""
    plain = [i for i, x in enumerate(run.results) if not isinstance(x, Node)]
    if plain and run.variables:
        names = " and ".join([paths(run.result, "result")[i] for i in plain])
        frame, level = sys._getframe(), 1
        while frame.f_code.co_filename == __file__:
            frame, level = frame.f_back, level + 1
        warnings.warn(f"{name_of(function)} got Tensors and returned plain numbers as its {names}, so the derivative "
                      "is taken as zero: comparisons, rounding, np.sign, t.data and t.item() give plain numbers",
                      stacklevel=level)


class Record:
    """What lies between some variables and a result, `root`: collected once, walked back any number of times.

    `older` says whether a node takes part that is older than the variables and requires a gradient.
    """

    def __init__(self, root, variables):
        self.root, self.variables = root, variables
        self.since = variables[0].counter - 1 if variables else np.inf
        self.operations, self.other_leaves = [], []
        self.newer = isinstance(root, Node) and root.counter > self.since
        self.older = isinstance(root, Node) and root.requires_grad and not self.newer
        if self.newer:
            self.operations, self.other_leaves, self.older = reachable(root, self.since)
            first = 0
            while first < len(self.operations) and self.operations[first].counter <= variables[-1].counter:
                first += 1
            del self.operations[:first]  # the variables, where the walk ends

    def pull_back(self, g, differentiable, last=False):
        """Return what each variable receives when the root receives `g`: arrays, or Tensors if `differentiable`.

        The last walk frees the graph on its way, unless results or a watcher still need it.
        """
        gradients = [None] * len(self.variables)
        if self.newer:
            if differentiable and not isinstance(g, Node):
                g = make(Tensor, g)
            free = last and not differentiable and watcher() is None
            gradients = propagate(self.operations if free else list(self.operations),
                                  self.variables + self.other_leaves, self.root, g, self.since, differentiable, free)
        gradients = [zeros_like(x.value) if g is None else g for x, g in zip(self.variables, gradients)]
        return [g if isinstance(g, Node) else make(Tensor, g) for g in gradients] if differentiable else gradients


def recording():
    """Record inside, even if no_grad holds outside. A watcher stays."""
    return AS_IT_IS if mode.get() is not NO_GRAD else in_mode(None)


def variable(x, position=0):
    """Return a fresh node for x, linked to x if x is a Tensor that requires a gradient."""
    if isinstance(x, Node) and x.requires_grad:
        return record(_VARIABLE, (x,), {})
    value = copied(value_of(x))
    if value.dtype.kind != "f":
        raise TypeError(f"argument {position} has dtype {value.dtype}; a derivative needs floats, "
                        "for instance 3.0 for 3, np.array([1.0, 2.0]), or x.astype(float)")
    return make(Tensor, value, (_VARIABLE, (value,), {}, ()))


def has_parents(node):
    """Return whether the node was made of something that requires a gradient."""
    _, _, _, parents = node.recipe
    return bool(parents)


def positions_of(argnums, args):
    """Return the positions that argnums names, counted from 0."""
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    try:
        positions = [range(len(args))[i] for i in numbers]
    except IndexError:
        raise TypeError(f"argnums={argnums} with {len(args)} positional arguments: positions count from 0, and "
                        "an argument to differentiate by cannot be passed by name") from None
    if len(positions) > 1 and len(positions) > len(set(positions)):
        raise ValueError(f"argnums={argnums} names an argument twice")
    return positions


def name_of(function):
    """Return what to call a function in a message."""
    return getattr(function, "__name__", repr(function))


def check_real(results, function):
    """Raise TypeError unless all arrays that the function returned hold real numbers."""
    for y in results:
        y = value_of(y)
        kind = (y if isinstance(y, (np.ndarray, np.generic)) else np.asarray(y)).dtype.kind
        if kind == "c":
            raise TypeError(f"{name_of(function)} returned complex numbers: return real ones, for instance "
                            "with np.real or np.abs")
        if kind not in "fiub":
            raise TypeError(f"{name_of(function)} returned {describe(y)}: a function to differentiate returns "
                            "numbers")


# Vectors: what derivatives are multiplied by

def split_vector(transform, args):
    """Return the arguments of the function, and the vector that follows them."""
    if len(args) < 2:
        raise TypeError(f"{transform}(f) takes the arguments of f and then the vector, as in {transform}(f)(x, v)")
    return args[:-1], args[-1]


def inner(xs, ys):
    """Return the sum of the products of all numbers in two lists of arrays."""
    return sum(np.sum(x * y) for x, y in zip(xs, ys))


def unit_vectors(x):
    """Yield arrays like x, of zeros with a 1 at each place in turn."""
    for i in range(size_of(x)):
        e = np.zeros(shape_of(x), dtype_of(x))
        e.flat[i] = 1
        yield e[()]


def stack_rows(rows, shape, x):
    """Return the gradients of the numbers of a result of this shape as one array of shape `(*shape, *x.shape)`."""
    return np.reshape(np.stack(rows), shape + x.shape) if rows else np.zeros(shape + x.shape, x.dtype)


def may_be_differentiated(values):
    """Return whether one of the values is a Tensor whose derivative may be asked for later."""
    return mode.get() is not NO_GRAD and any(isinstance(x, Node) and x.requires_grad for x in values)
