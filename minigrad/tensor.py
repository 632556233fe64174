"""Tensor: an array with a `.grad`, which NumPy's functions and operators record as they compute.

A Tensor is a node of the tape (`tape.py`) with NumPy's face: the operators, the methods of ndarray, and the two
protocols by which `np.exp(t)` and `np.linalg.solve(A, b)` find their way here. The table that `rules/` fills says what
each of them does.
"""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Callable, Iterator
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from . import rules  # noqa: F401  (fills the table)
from .hints import OF_KEYWORD, OF_TENSOR
from .mode import NO_GRAD, in_mode, mode, watcher
from .registry import COMPUTE, TABLE, call, copied, name_of, on_values, value_of
from .rules.indexing import At, getitem, plain_index
from .rules.reductions import running
from .tape import FREED, Node, Primitive, age, fingerprint, make, propagate, reachable, record

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

    from numpy.typing import ArrayLike, DTypeLike

NONE: dict[str, Any] = {}
adding = RLock()  # held while a backward pass adds to `.grad`, so that passes in several threads add exactly
__all__ = ["Tensor", "no_grad"]

_SQUARE = TABLE[np.square]
_AS_TYPE = Primitive(lambda x, dtype: np.asanyarray(x).astype(dtype), (lambda g, ans, x, dtype: g,), "astype")
_REDUCE = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
_ACCUMULATE = {np.add: np.cumsum, np.multiply: np.cumprod}


def no_grad() -> _GeneratorContextManager[None]:
    """Record nothing inside this context: results need no gradient. It affects only the current thread.

    Examples
    --------
    >>> import minigrad
    >>> w = minigrad.Tensor([1.0, 2.0], requires_grad=True)
    >>> with minigrad.no_grad():
    ...     (w * 2).requires_grad
    False
    """
    return in_mode(NO_GRAD)


def _unary(ufunc) -> Callable[[Tensor], Tensor]:
    primitive = TABLE[ufunc]
    return lambda self: record(primitive, (self,), {})


def _binary(ufunc) -> tuple[Callable[[Tensor, Any], Tensor], Callable[[Tensor, Any], Tensor]]:
    """Return an operator's method and its reflection.

    The common cases (nothing to record; Tensors that require a gradient, and Python's numbers) bypass `record`, which
    takes twice as long.
    """
    primitive = TABLE[ufunc]
    run = primitive.function

    def method(self, other):
        watching = mode.get()
        if watching is NO_GRAD:
            return make(Tensor, run(self.value, other.value if isinstance(other, Node) else other))
        if watching is None and self.requires_grad:
            x = self.value
            if type(other) is Tensor and other.requires_grad:
                y = other.value
                parents = ((0, self, fingerprint(self)), (1, other, fingerprint(other)))
                return make(Tensor, run(x, y), (primitive, (x, y), NONE, parents))
            if type(other) in (int, float):
                return make(Tensor, run(x, other), (primitive, (x, other), NONE, ((0, self, fingerprint(self)),)))
        return record(primitive, (self, other), NONE)

    def reflected(self, other):
        if mode.get() is None and self.requires_grad and type(other) in (int, float):
            y = self.value
            return make(Tensor, run(other, y), (primitive, (other, y), NONE, ((1, self, fingerprint(self)),)))
        return record(primitive, (other, self), NONE)

    return method, reflected


def _in_place(operation) -> Callable[[Tensor, Any], Tensor]:
    """Return an augmented assignment: it makes a new Tensor; under no_grad it changes a leaf's own array."""
    def method(self, other):
        if self.recipe is not None or not self.requires_grad:
            return operation(self, other)
        if mode.get() is not NO_GRAD:
            raise RuntimeError("an augmented assignment would replace a leaf that requires a gradient by a new Tensor: "
                               "write `w = w + ...` for a new Tensor, or change the leaf under no_grad")
        self.value[...] = operation(self.value, other.value if isinstance(other, Node) else other)
        return self
    return method


def _constant(operation) -> Callable[..., Any]:
    """Return a method that gives a plain array, as comparisons do."""
    def method(self, *others):
        return on_values(operation, self, *others)
    return method


def _apply(function, args, keywords):
    """Apply a NumPy function to arguments, some of them Tensors; under no_grad, to the arrays inside them."""
    if mode.get() is not NO_GRAD or (compute := COMPUTE.get(function)) is None:
        return call(function, args, keywords)
    values = []
    for x in args:  # a comprehension takes longer
        values.append(x.value if type(x) is Tensor else value_of(x) if isinstance(x, (list, tuple, Node)) else x)
    if keywords:
        compute = function if isinstance(function, np.ufunc) else compute  # Python's operators take no keywords
        result = compute(*values, **{name: value_of(x) for name, x in keywords.items()})
    else:
        result = compute(*values)
    return make(Tensor, result) if type(result) is ndarray else _tensors(result)


def _tensors(result):
    """Return an array as a Tensor, the same for each item of a tuple or list, and anything else as it is."""
    if isinstance(result, (ndarray, np.generic)):
        return make(Tensor, result)
    if isinstance(result, (tuple, list)):
        items = [make(Tensor, x) if type(x) is ndarray else _tensors(x) for x in result]
        return result._make(items) if hasattr(result, "_make") else type(result)(items)
    return result


def _method(function) -> Callable[..., Tensor]:
    """Return NumPy's function as a method."""
    def method(self, *args, **keywords):
        if keywords and not OF_KEYWORD.keys().isdisjoint(keywords):
            name = next(name for name in keywords if name in OF_KEYWORD)
            raise TypeError(f"t.{function.__name__}() takes NumPy's keywords: write {OF_KEYWORD[name]}= for {name}=")
        return _apply(function, (self, *args), keywords)
    method.__name__ = function.__name__
    method.__doc__ = f"The same as np.{function.__name__}(self, ...)."
    return method


def _plain(function) -> Callable[..., Any]:
    """Return NumPy's function as a method with plain arrays as its results."""
    return _method(function)


def _in_place_method(name) -> Callable[..., Any]:
    """Return a method that changes an ndarray in place, and that a Tensor refuses."""
    def method(self, *args, **keywords):
        raise TypeError(f"t.{name}() would change the Tensor in place, and a gradient may need the old numbers: "
                        "np.sort(t), np.resize(t, shape) and t.at[index].set(values) return new Tensors")
    method.__name__ = name
    method.__doc__ = f"Raise TypeError: a Tensor is not changed in place, as ndarray.{name} would."
    return method


def _elsewhere(name, instead):
    """Return an attribute that raises an error, which says what to write instead."""
    def missing(self):
        raise AttributeError(f"a Tensor has the attributes of an ndarray, and no {name}: write {instead}")
    return property(missing)


class Tensor(Node):
    """An array that remembers how it was computed, so that it can be differentiated.

    Parameters
    ----------
    data : array_like
        Copied. float32 and float64 keep their precision.
    requires_grad : bool, default False
        Whether `backward` stores a gradient in `.grad`. Integers and booleans have none.
    dtype : data-type, optional
        Convert the data to this type.

    Attributes
    ----------
    data : ndarray
        The numbers. Change a leaf's in place (`t.data[...] = array`); the array itself is never replaced.
    grad : ndarray or None
        The gradient, of the same shape and dtype; it adds up over backward passes until `zero_grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from minigrad import Tensor
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> loss = np.sum(x * np.exp(x))
    >>> loss.backward()
    >>> np.allclose(x.grad, (1 + x.data) * np.exp(x.data))
    True
    """

    __slots__ = ("_grad",)

    value: Any
    recipe: tuple | None
    hooks: dict[int, Callable] | None
    requires_grad: bool
    _grad: ndarray | None

    def __init__(self, data: ArrayLike | Tensor, requires_grad: bool = False,
                 dtype: DTypeLike | None = None) -> None:
        value = copied(data.value if isinstance(data, Node) else data)
        if dtype is not None:
            value = value.astype(dtype)
        if value.dtype.kind not in "fcbiu":
            raise TypeError(f"data of dtype {value.dtype} is not numeric: a Tensor holds numbers")
        self.value, self.recipe, self.counter = value, None, age()
        self._grad = self.hooks = None
        self.requires_grad_(requires_grad)

    @property
    def grad(self) -> ndarray | None:
        """The gradient of a leaf, of its shape and dtype, or None. It adds up over backward passes."""
        try:
            return self._grad
        except AttributeError:  # results have none, and a Tensor from `detach` has none yet
            if self.recipe is not None:
                warnings.warn("a result of operations has no .grad; only leaves with requires_grad=True have "
                              "one. After `w = w - lr * w.grad`, w is a result too: write instead "
                              "`w.data -= lr * w.grad`. To see a result's gradient, use register_hook",
                              stacklevel=2)
            return None

    @grad.setter
    def grad(self, array: ndarray | None) -> None:
        self._grad = array

    # The array inside

    @property
    def data(self) -> ndarray:
        if not isinstance(self.value, np.ndarray):
            self.value = np.asarray(self.value)
        return self.value

    @data.setter
    def data(self, array: ndarray) -> None:
        if array is not self.value:  # it is the same after `p.data -= step`, which changes the array in place
            raise AttributeError("the array of a Tensor is never replaced, because optimizers and graphs refer to "
                                 "it: write p.data[...] = other, which changes its numbers")

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    strides = property(lambda self: self.value.strides)
    itemsize = property(lambda self: self.value.itemsize)
    nbytes = property(lambda self: self.value.nbytes)
    flat = property(lambda self: iter(np.ravel(self)))
    is_leaf = property(lambda self: self.recipe is None)
    T: Tensor = property(lambda self: _apply(np.transpose, (self,), NONE))  # type: ignore[assignment]
    mT: Tensor = property(lambda self: _apply(np.swapaxes, (self, -1, -2), NONE))  # type: ignore[assignment]
    real: Tensor = property(lambda self: np.real(self))  # type: ignore[assignment]
    imag: Tensor = property(lambda self: np.imag(self))  # type: ignore[assignment]

    def item(self) -> Any:
        """Return the only number as a Python scalar."""
        return self.value.item()

    def tolist(self) -> Any:
        """Return the numbers as nested lists."""
        return self.value.tolist()

    def numpy(self) -> ndarray:
        """Return the array inside; like `np.asarray`, refused where a gradient would be lost."""
        return self.__array__()

    def detach(self) -> Tensor:
        """Return a Tensor on the same memory that no gradient flows through."""
        return make(Tensor, self.data)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> ndarray:
        if self.requires_grad and not self._is_spent():
            raise TypeError("turning a Tensor that requires a gradient into an array, or writing it into one, would "
                            "drop its gradient: use t.data for the numbers, t.item() for a single one, and "
                            "np.stack([...]) or t.at[index].set(...) to put Tensors together")
        return np.array(self.value, dtype, copy=copy)

    def _is_spent(self):
        """Return whether this is a single number whose graph a backward pass has freed, such as a loss to print."""
        return self.recipe is FREED and self.size == 1

    def __dir__(self):
        return sorted({*object.__dir__(self)} - OF_TENSOR.keys())

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self.value)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        if self.requires_grad and mode.get() is not NO_GRAD and not self._is_spent():
            raise TypeError("float(t), a function of the math module, or array[i] = t would drop the gradient of a "
                            "Tensor that requires one: use t.item() for the number, NumPy's functions to compute on, "
                            "and np.stack([...]) or t.at[i].set(...) to put results together")
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __round__(self, ndigits: int | None = None) -> Any:
        """Return the only number, rounded, as a Python number: rounding has no derivative."""
        return round(self.item(), ndigits)

    def __format__(self, specification: str) -> str:
        """Format a single number, as in f"{loss:.3f}"."""
        return format(self.item(), specification) if specification else str(self)

    def __repr__(self) -> str:
        text = np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=20, precision=4)
        shape = f", shape={self.shape}" if self.size > 20 else ""
        dtype = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        history = ", requires_grad=True" if self.requires_grad else ""
        if self.recipe:
            primitive, *_ = self.recipe
            history = f", from {primitive.name}"
        elif self.recipe is FREED:
            history = ", graph freed"
        return f"Tensor({text}{shape}{dtype}{history})"

    # Gradients

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether `backward` stores a gradient in this leaf, and return the leaf."""
        if requires_grad and self.value.dtype.kind != "f":
            raise TypeError(f"a Tensor of dtype {self.dtype} cannot require a gradient: give floats, "
                            "for instance Tensor([1.0, 2.0], requires_grad=True)")
        if self.recipe is not None and not requires_grad:
            raise RuntimeError("a result of recorded operations requires a gradient; t.detach() does not")
        self.requires_grad = bool(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Set the gradient to None."""
        self.grad = None

    def register_hook(self, function: Callable[[Any], ArrayLike | Tensor | None]) -> HookHandle:
        """Call function(gradient) when this Tensor's gradient is complete; what it returns, if not None, replaces it.

        Returns a handle whose `remove()` removes the hook.
        """
        if not self.requires_grad:
            raise RuntimeError("a hook on a Tensor that does not require a gradient would never be called")
        self.hooks = self.hooks or {}
        number = age()
        self.hooks[number] = function
        return HookHandle(self.hooks, number)

    def backward(self, grad: ArrayLike | Tensor | None = None, retain_graph: bool = False) -> None:
        """Add the derivative of this Tensor to the `.grad` of every leaf that it was computed from.

        Parameters
        ----------
        grad : array_like, optional
            The weight of each element of this Tensor, in its shape. It may be left out for a single number, whose
            weight is 1.
        retain_graph : bool, default False
            Keep the graph for another pass; otherwise its memory is freed.

        Raises
        ------
        RuntimeError
            If nothing recorded requires a gradient, if this is not a single number and `grad` is missing, if an
            earlier pass has freed the graph, or if a leaf was changed since the forward pass. (In an array of up to
            512 numbers any change is found. In a larger one 64 numbers, spread evenly over it, are compared.)
            In each case no `.grad` has changed.

        Notes
        -----
        Passes in several threads add up exactly. After an interrupt each `.grad` is as it was, or has the whole
        gradient added.
        """
        if not self.requires_grad:
            raise RuntimeError("backward from a Tensor without a graph: nothing that it was computed from requires a "
                               "gradient (or it was under no_grad); create the parameters with requires_grad=True")
        seed = self._seed(grad)
        operations, leaves, _ = reachable(self)
        free = not retain_graph and watcher() is None  # a watcher reads the recipes, and can stop half-way
        gradients = propagate(operations if free else list(operations), leaves, self, seed, free=free)
        with adding: _add_to_grads(leaves, gradients)  # noqa: E701  (in one line: no debugger stops inside)
        if not retain_graph:
            for node in operations:  # empty if the walk has freed them
                node.recipe = FREED

    def _seed(self, grad):
        """Return the gradient that a backward pass starts from."""
        if grad is None:
            if self.size != 1:
                raise RuntimeError(f"backward from a Tensor of shape {self.shape} needs a single number to "
                                   "differentiate: reduce it, as in t.sum().backward(), or pass grad of the same shape")
            return type(self.value)(1) if isinstance(self.value, np.generic) else np.ones(self.shape, self.dtype)
        grad = np.array(grad.value if isinstance(grad, Node) else grad, self.dtype)
        if grad.shape != self.shape:
            raise ValueError(f"grad has shape {grad.shape}; the Tensor it belongs to has shape {self.shape}")
        return grad[()]

    # NumPy's protocols

    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc, method, *args, **keywords):
        if method == "__call__" and not keywords:
            if mode.get() is not NO_GRAD and type(primitive := TABLE.get(ufunc)) is Primitive:
                return record(primitive, args, NONE).results()
            return _apply(ufunc, args, NONE)
        if keywords.get("out") is not None:
            raise TypeError(f"{name_of(ufunc)}(..., out=...) would overwrite numbers that a gradient "
                            "needs: leave out `out=`")
        if method == "__call__":
            return _apply(ufunc, args, keywords)
        if method == "reduce" and ufunc in _REDUCE:
            return _apply(_REDUCE[ufunc], args, {"axis": 0, **keywords})
        if method == "accumulate" and ufunc in _ACCUMULATE:
            return _apply(_ACCUMULATE[ufunc], args, {"axis": 0, **keywords})
        if method == "accumulate" and ufunc.nin == 2 and isinstance(TABLE.get(ufunc), Primitive):
            return running(ufunc, *args, **keywords)
        if method == "outer":
            x, y = args
            return ufunc(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)
        raise TypeError(f"{name_of(ufunc)}.{method} has no derivative rule")

    def __array_function__(self, function, types, args, keywords):
        if keywords and keywords.pop("out", None) is not None:
            raise TypeError(f"{name_of(function)}(..., out=...) would overwrite numbers that a gradient may need: "
                            "leave out `out=`")
        return _apply(function, args, keywords)

    # Indexing

    def __getitem__(self, index: Any) -> Tensor:
        if type(index) is not int:
            index = plain_index(index)
        watching = mode.get()
        if watching is NO_GRAD:
            return make(Tensor, self.value[index])
        if watching is None and self.requires_grad:
            x = self.value
            return make(Tensor, x[index], (getitem, (x, index), NONE, ((0, self, fingerprint(self)),)))
        return record(getitem, (self, index), NONE)

    def __setitem__(self, index, value):
        raise TypeError("a Tensor cannot be assigned to, since a gradient may need the old numbers: "
                        "t.at[index].set(value) returns a new Tensor; t.data[index] = value changes a leaf")

    at = property(At)

    # Operators

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    _power, __rpow__ = _binary(np.power)
    __mod__, __rmod__ = _binary(np.remainder)
    __neg__, __pos__, __abs__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute)

    def __pow__(self, exponent: Any) -> Tensor:
        if type(exponent) is int and exponent == 2:
            if mode.get() is None and self.requires_grad:
                x = self.value
                return make(Tensor, x * x, (_SQUARE, (x,), NONE, ((0, self, fingerprint(self)),)))
            return record(_SQUARE, (self,), NONE)
        return self._power(exponent)

    __iadd__, __isub__ = _in_place(operator.add), _in_place(operator.sub)
    __imul__, __itruediv__ = _in_place(operator.mul), _in_place(operator.truediv)

    __eq__, __ne__ = _constant(operator.eq), _constant(operator.ne)
    __lt__, __le__ = _constant(operator.lt), _constant(operator.le)
    __gt__, __ge__ = _constant(operator.gt), _constant(operator.ge)
    __floordiv__ = _constant(operator.floordiv)

    def __rfloordiv__(self, other):
        return other // self.value

    def __divmod__(self, other):
        return self // other, self % other

    __hash__ = Node.__hash__

    # Methods of ndarray

    sum, mean, prod, var, std = _method(np.sum), _method(np.mean), _method(np.prod), _method(np.var), _method(np.std)
    max, min = _method(np.max), _method(np.min)
    cumsum, cumprod, trace, dot = _method(np.cumsum), _method(np.cumprod), _method(np.trace), _method(np.dot)
    ravel, squeeze, swapaxes, copy = _method(np.ravel), _method(np.squeeze), _method(np.swapaxes), _method(np.copy)
    take, repeat, diagonal, choose = map(_method, (np.take, np.repeat, np.diagonal, np.choose))
    clip, round, conj, conjugate = _method(np.clip), _method(np.round), _method(np.conj), _method(np.conjugate)
    any, all, nonzero = _plain(np.any), _plain(np.all), _plain(np.nonzero)
    argmax, argmin, argsort = _plain(np.argmax), _plain(np.argmin), _plain(np.argsort)
    argpartition, searchsorted = _plain(np.argpartition), _plain(np.searchsorted)
    sort, partition, fill, put, resize = map(_in_place_method, ("sort", "partition", "fill", "put", "resize"))

    def compress(self, condition: ArrayLike, axis: int | None = None) -> Tensor:
        """Return the elements, or the parts along an axis, where the condition holds."""
        return _apply(np.compress, (condition, self, axis), NONE)

    def flatten(self, order: str = "C") -> Tensor:
        """Return a copy of the numbers along one axis."""
        return self.ravel(order).copy()

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """Return the same numbers in another shape, given as a tuple or as several numbers."""
        return _apply(np.reshape, (self, shape[0] if len(shape) == 1 else shape, order), NONE)

    def transpose(self, *axes: Any) -> Tensor:
        """Return the same numbers with the axes permuted, in reverse if none are given."""
        return _apply(np.transpose, (self, (axes[0] if len(axes) == 1 else axes) or None), NONE)

    def astype(self, dtype: DTypeLike) -> Any:
        """Return the numbers as another dtype; for a dtype other than float or complex, as a plain array."""
        if np.dtype(dtype).kind not in "fc":
            return self.value.astype(dtype)
        return _AS_TYPE(self, dtype)


def _add_to_grads(leaves, gradients):
    """Add to each leaf's `.grad` what has arrived there. No two leaves share an array."""
    given = set()
    for leaf, gradient in zip(leaves, gradients):
        if gradient is None:
            continue
        if leaf.grad is not None:
            leaf.grad += gradient
        elif gradient.base is not None or id(gradient) in given:  # part of another array, or another leaf's
            leaf.grad = np.copy(gradient)
        else:
            leaf.grad = np.asanyarray(gradient)
            given.add(id(gradient))


# PyTorch's names, one by one: a __getattr__ for all of them would make every attribute slower to read.
for _name, _instead in OF_TENSOR.items():
    setattr(Tensor, _name, _elsewhere(_name, _instead))


class HookHandle:
    """What `register_hook` returns: `remove()` removes the hook."""

    def __init__(self, hooks, number):
        self._hooks, self._number = hooks, number

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self._number, None)


class _Module(ModuleType):
    """The module `minigrad.tensor`: `minigrad.tensor(data)` says what to write."""

    def __call__(self, *args, **keywords):
        raise TypeError("minigrad.tensor is a module: write minigrad.Tensor(data, requires_grad=True)")


sys.modules[__name__].__class__ = _Module
