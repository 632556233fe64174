"""Module: the base of layers, losses and whole networks, and the containers that put them together.

A module is a function with parameters. It finds them, and the modules inside it, among its own attributes. So you write
a network by assigning layers in `__init__` and calling them in `forward`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Signature, signature
from typing import Any, TypeVar

import numpy as np

from ..arguments import ArrayLike, check, complaint, shown
from ..tensor import Tensor

Self = TypeVar("Self", bound="Module")


def Parameter(data: ArrayLike) -> Tensor:
    """Return a Tensor that requires a gradient: assigned to an attribute of a Module, it is one of its parameters."""
    return Tensor(data, requires_grad=True)


class SignatureOfInit:
    """The signature of a class: that of its `__init__`. Python 3.10 and Sphinx would take that of `__new__`."""

    def __get__(self, instance, cls):
        own = signature(cls.__init__)
        return own.replace(parameters=[*own.parameters.values()][1:])


class Module:
    """A function with parameters. Subclasses assign parameters and modules as attributes, and write `forward`.

    A Tensor that requires a gradient when it is assigned to an attribute is a parameter; a Module that is assigned is
    a child; an array passed to `register_buffer` is saved with the parameters but not trained. Inside a larger module
    they have dotted names, such as "encoder.0.weight".

    Attributes
    ----------
    training : bool
        Whether layers such as Dropout behave as they do in training. Set by `train` and `eval`.

    Examples
    --------
    >>> from minigrad import nn
    >>> class Line(nn.Module):
    ...     def __init__(self):
    ...         self.slope = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return self.slope * x
    >>> line = Line()
    >>> line(np.array([1.0, 2.0])).data
    array([2., 4.])
    >>> [name for name, parameter in line.named_parameters()]
    ['slope']
    """

    __signature__ = SignatureOfInit()
    training: bool
    _parameters: list[str]  # the names of the attributes that are parameters, in order of assignment
    _buffers: list[str]
    _modules: list[str]

    def __new__(cls, *args, **keywords):
        if wrong := complaint(signature(cls.__init__), (None, *args), keywords, cls.__name__):
            raise wrong
        module = super().__new__(cls)
        # Set here, so that a subclass need not call super().__init__().
        vars(module).update(training=True, _parameters=[], _buffers=[], _modules=[])
        return module

    def __setattr__(self, name, value):
        parameter = isinstance(value, Tensor) and value.requires_grad and value.is_leaf
        if name in self._parameters and not parameter and value is not None:
            raise TypeError(f"{name} is a parameter of this {type(self).__name__}, and the new value is not one: "
                            f"write {name}.data[...] = ... for new numbers, or assign nn.Parameter(...) or None")
        if name in self._buffers:
            value = np.asarray(value)
        else:
            self._forget(name)
            if parameter:
                self._parameters.append(name)
            elif isinstance(value, Module):
                self._modules.append(name)
            elif isinstance(value, (list, tuple)) and any(isinstance(item, Module) for item in value):
                raise TypeError(f"a {type(value).__name__} hides the parameters of its modules: "
                                f"write self.{name} = nn.ModuleList([...])")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        super().__delattr__(name)
        self._forget(name)

    def _forget(self, name):
        for names in (self._parameters, self._buffers, self._modules):
            if name in names:
                names.remove(name)

    def register_buffer(self, name: str, array: ArrayLike) -> None:
        """Keep an array that is saved with the parameters but not trained, as the attribute `name`."""
        setattr(self, name, np.asarray(array))
        self._buffers.append(name)

    # Calling

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        try:
            return self.forward(*args, **keywords)
        except Exception:
            wrong = complaint(signature(self.forward), args, keywords, f"{type(self).__name__}.forward")
            if wrong is None:
                raise
        raise wrong

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """Compute the output; every subclass writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: write `def forward(self, x): ...` in it")

    # What is inside. A module or parameter that is used twice is named once, because it is trained once.

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the name of each module assigned to this one, and the module."""
        for name in self._modules:
            yield name, getattr(self, name)

    def children(self) -> Iterator["Module"]:
        """Yield the modules assigned to this one."""
        for _, module in self.named_children():
            yield module

    def _paths(self, prefix=""):
        """Yield (path, module) for this module and all inside it, parents first, shared ones as often as they occur."""
        yield prefix, self
        for name, module in self.named_children():
            yield from module._paths(f"{prefix}.{name}" if prefix else name)

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """Yield this module, named "", and every module inside it with its dotted name."""
        return _once(self._paths())

    def modules(self) -> Iterator["Module"]:
        """Yield this module and every module inside it."""
        for _, module in self.named_modules():
            yield module

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the dotted name of each parameter, and the parameter."""
        return _once(self._attributes("_parameters"))

    def parameters(self) -> Iterator[Tensor]:
        """Yield every parameter, in order of assignment: pass them to an optimizer."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the dotted name of each buffer, and its array."""
        return _once(self._attributes("_buffers"))

    def buffers(self) -> Iterator[np.ndarray]:
        """Yield every buffer's array."""
        for _, buffer in self.named_buffers():
            yield buffer

    def _attributes(self, *kinds):
        """Yield (dotted name, value) of the attributes of these kinds, here and in every module inside."""
        for path, module in self._paths():
            for kind in kinds:
                for name in getattr(module, kind):
                    yield f"{path}.{name}" if path else name, getattr(module, name)

    def apply(self: Self, function: Callable[["Module"], Any]) -> Self:
        """Call function(module) for every module inside, then for this one; return this one."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    # Training

    def train(self: Self, mode: bool = True) -> Self:
        """Behave as in training, here and in every module inside; return this module."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Behave as after training, with running statistics and without dropout; return this module."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Set whether the parameters receive gradients (False freezes them); return this module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for parameter in self.parameters():
            parameter.zero_grad()

    # Saving and loading

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of every parameter and buffer: a dictionary from dotted names to arrays."""
        return {name: np.array(_array(value)) for name, value in self._attributes("_parameters", "_buffers")}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> tuple[list[str], list[str]]:
        """Copy arrays from a `state_dict` into the parameters and buffers; change nothing if any of them does not fit.

        Parameters
        ----------
        state_dict : dict
            Arrays by dotted name; PyTorch's tensors work too.
        strict : bool, default True
            Whether the names must be exactly those of this module. Otherwise names that only one side has are skipped.

        Returns
        -------
        missing, unexpected : lists of str
            The names that only the module has, and those that only `state_dict` has; both are empty if `strict`.

        Raises
        ------
        KeyError
            If `strict`, and names are missing or unexpected.
        ValueError
            If a shape differs.
        TypeError
            If an array is not made of numbers that fit.
        """
        own = {name: _array(value) for name, value in self._attributes("_parameters", "_buffers")}
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        if strict and (missing or unexpected):
            raise KeyError(f"state_dict does not belong to this {type(self).__name__}: missing are "
                           f"{missing or 'none'}, unexpected are {unexpected or 'none'}; strict=False loads the names "
                           "that both have")
        loaded = {}
        for name in own.keys() & state_dict.keys():
            loaded[name] = np.asarray(_array(state_dict[name]))
            if loaded[name].shape != own[name].shape:
                raise ValueError(f"state_dict[{name!r}] has shape {loaded[name].shape}; expected {own[name].shape}")
            if not np.can_cast(loaded[name].dtype, own[name].dtype, "same_kind"):
                raise TypeError(f"state_dict[{name!r}] has dtype {loaded[name].dtype}; expected {own[name].dtype}")
        for name, array in loaded.items():
            own[name][...] = array
        return missing, unexpected

    # Printing

    def extra_repr(self) -> str:
        """Return the text in the parentheses of this module's repr: its own parameters, unless overridden."""
        own = [(name, getattr(self, name)) for name in self._parameters]
        return ", ".join([f"{name}: {parameter.dtype} of shape {parameter.shape}" for name, parameter in own])

    def __repr__(self):
        inside = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self.named_children()]
        if not inside:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n  ".join([f"{type(self).__name__}(", *filter(None, [self.extra_repr()]), *inside]) + "\n)"


def _once(named):
    """Yield (name, thing) for each thing the first time it appears."""
    seen = set()
    for name, thing in named:
        if id(thing) not in seen:
            seen.add(id(thing))
            yield name, thing


def _array(value):
    """Return the array of a parameter; a buffer is one already."""
    return value.data if isinstance(value, Tensor) else value


class FunctionModule(Module):
    """A function as a module: one without parameters, such as an activation or a loss.

    The class names the `function` and how many `inputs` it has; the arguments after those are given when a module is
    made.
    """

    inputs = 1

    def __init_subclass__(cls):
        if hasattr(cls, "function"):
            cls.__signature__ = Signature(list(signature(cls.function).parameters.values())[cls.inputs:])

    def __init__(self, *args, **keywords):
        sign, name = type(self).__signature__, type(self).__name__
        try:
            self.arguments = sign.bind(*args, **keywords).arguments
            check(sign, self.arguments)
        except (TypeError, ValueError) as error:
            wrong = self._inputs_as_settings(args) or complaint(sign, args, keywords, name)
            raise wrong or TypeError(f"{name}: {error}") from None

    def _inputs_as_settings(self, args):
        """Return the error for MSELoss(output, target) instead of MSELoss()(output, target), or None."""
        if len(args) < self.inputs or not all(isinstance(x, (Tensor, np.ndarray)) for x in args[:self.inputs]):
            return None
        name, inputs = type(self).__name__, {1: "x", 2: "output, target", 3: "x, y, target"}[self.inputs]
        required = "..." * any(p.default is p.empty for p in type(self).__signature__.parameters.values())
        function = f"{'nn' if name.endswith('Loss') else 'nn.functional'}.{self.function.__name__}"
        return TypeError(f"{name} got arrays where its settings belong: make it first, as in nn.{name}({required})"
                         f"({inputs}), or call {function}({inputs}{', ' * bool(required)}{required})")

    def forward(self, *inputs):
        return self.function(*inputs, **self.arguments)

    def extra_repr(self):
        return ", ".join([f"{name}={value!r}" for name, value in self.arguments.items()])


def _how_to_give(thing):
    """Return how to give a container the modules that are meant, as the end of a message."""
    if isinstance(thing, type) and issubclass(thing, Module):
        return f": write {thing.__name__}(), with its arguments if it has any"
    if isinstance(thing, (list, tuple)):
        return ": write a * before it, as in nn.Sequential(*modules)"
    return ": write a module, such as nn.Tanh() for np.tanh" if callable(thing) else ""


class _Container(Module):
    """Modules in a row, named "0", "1" and so on."""

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end; return the container."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds modules; got {shown(module)}{_how_to_give(module)}")
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.of([getattr(self, name) for name in self._modules[index]])
        return getattr(self, self._modules[index])


class Sequential(_Container):
    """Modules one after the other: each is called with the result of the one before it.

    Parameters
    ----------
    *modules : Module, or one dict
        The modules in order; a dictionary gives them names of its own.

    Examples
    --------
    >>> from minigrad import nn
    >>> nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    Sequential(
      (0): Linear(in_features=2, out_features=16, bias=True)
      (1): Tanh()
      (2): Linear(in_features=16, out_features=1, bias=True)
    )
    """

    def __init__(self, *modules: Module | dict[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                setattr(self, name, module)
        else:
            for module in modules:
                self.append(module)

    def of(self, modules):
        return Sequential(*modules)

    def forward(self, x: Any) -> Any:
        for name in self._modules:
            x = getattr(self, name)(x)
        return x


class ModuleList(_Container):
    """A list of modules whose parameters are found; the `forward` of the module around it calls them.

    Parameters
    ----------
    modules : iterable of Module
        The modules in order.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        if not isinstance(modules, Iterable) or isinstance(modules, (Module, str)):
            raise TypeError(f"modules must be a list of modules, as in nn.ModuleList([first, second]); got "
                            f"{shown(modules)}")
        for module in modules:
            self.append(module)

    def of(self, modules):
        return ModuleList(modules)


def functional_call(module: Module, parameters: dict[str, Any], *args: Any, **keywords: Any) -> Any:
    """Call a module with other Tensors instead of its parameters, as a function of them.

    Parameters
    ----------
    module : Module
    parameters : dict
        Tensors or arrays by dotted name, as in `named_parameters`; names that are missing keep their values.
    *args, **keywords
        The arguments of the call.

    Raises
    ------
    KeyError
        If a name belongs to no parameter or buffer.

    Examples
    --------
    >>> import minigrad
    >>> from minigrad import nn
    >>> line = nn.Linear(1, 1, dtype=np.float64)
    >>> def loss(parameters):
    ...     return nn.mse_loss(nn.functional_call(line, parameters, np.ones((1, 1))), np.zeros((1, 1)))
    >>> minigrad.grad(loss)({"weight": np.array([[2.0]]), "bias": np.array([1.0])})["weight"]
    array([[6.]])
    """
    if not isinstance(module, Module):
        raise TypeError(f"module must be a Module; got {shown(module)}")
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters must be a dictionary from names to Tensors or arrays; got {shown(parameters)}")
    owners = {}
    for path, inside in module.named_modules():
        for name in inside._parameters + inside._buffers:
            owners[f"{path}.{name}" if path else name] = vars(inside), name
    if unknown := [name for name in parameters if name not in owners]:
        raise KeyError(f"{type(module).__name__} has no parameters named {unknown}; it has {list(owners)}")
    replaced = {name: owners[name][0][owners[name][1]] for name in parameters}
    try:
        for name, value in parameters.items():
            attributes, attribute = owners[name]
            attributes[attribute] = value
        return module(*args, **keywords)
    finally:
        for name, value in replaced.items():
            attributes, attribute = owners[name]
            attributes[attribute] = value
