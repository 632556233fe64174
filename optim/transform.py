r"""Chains: an optimizer made of links, each of which brings a gradient one step closer to the update.

.. math::
    \theta \leftarrow \theta - \gamma \, \phi_n(\dots \phi_2(\phi_1(g)))

A link is an `UpdateRule` like a named optimizer, and the order of the links makes the method:
`(add_decayed_weights, scale_by_adam)` is Adam with L2 regularisation, `(scale_by_adam, add_decayed_weights)` is AdamW.
This file chains links; the links themselves are in `links.py`.
"""

import copy
import inspect

from .interface.annotations import Any, Function, Number, Params
from .interface.hyperparameters import RANGES, check_all, prepared, ranges_of
from .interface.optimizer import Optimizer, UpdateRule, counted, hyperparameters_of
from .interface.signatures import HANDED, check_phi, check_requests, check_signature, hyperparameter_names
from .interface.words import listed


class Link(UpdateRule):
    """One link of a chain: an update rule, and the values its hyperparameters start with.

    Your own link has an `__init__` that passes its hyperparameters to `super().__init__` by name, and an `update`, like
    an optimizer. If it needs more, it can have

    * `init_state` and `advance`, as an optimizer;
    * `survey(grads)`, called with the gradients of all parameters before the first of them is updated;
    * `settle(param)`, called with a parameter's array that has just moved, to correct it in place.

    Parameters
    ----------
    **hyperparameters
        Their first values. They are in the groups of the chain as "name.hyperparameter". There you can change and
        schedule them, and they can differ between groups.

    Examples
    --------
    >>> import numpy as np, optim
    >>> class soft_sign(optim.Link):
    ...     def __init__(self, width=1.0):
    ...         super().__init__(width=width)
    ...     def update(self, grad, state, param, *, width):
    ...         return grad / (width + np.abs(grad))
    >>> p = optim.Parameter([0.0, 0.0])
    >>> p.grad = np.array([1.0, -3.0])
    >>> optim.chain([p], soft_sign(), lr=1.0).step()
    >>> p.data
    array([-0.5 ,  0.75])
    """

    machinery = ()

    survey = None
    settle = None

    def __init__(self, **hyperparameters: Any) -> None:
        check_all(hyperparameters, self.all_ranges())
        self.name = type(self).__name__
        self.hyperparameters = hyperparameters
        for method in HANDED:
            check_signature(type(self), method)
            check_requests(type(self), self.asked_by(method), {*hyperparameters, "lr"})

    def asked_by(self, method):
        """Return the names of the hyperparameters that one of the link's methods takes."""
        return hyperparameter_names(getattr(type(self), method))

    def wants(self, param):
        """Return whether the link applies to a parameter, given its array; see `masked`."""
        return True

    def __repr__(self):
        return f"{self.name}({listed({name: [value] for name, value in self.hyperparameters.items()})})"

    def state_dict(self) -> dict:
        """Return what the link remembers that belongs to no parameter, such as the state of a random generator."""
        return {}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over what `state_dict` returned."""
        if state_dict:
            raise ValueError(f"the link {self.name} has no state of its own; got {sorted(state_dict)}")


class chain(Optimizer):
    r"""An optimizer made of links, θ ← θ − γ φₙ(… φ₁(g)).

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    *links : Link
        Applied to the gradient in this order. A second link of the same name is called "name_2", a third "name_3".
    lr : float or array, default 1e-3
        Learning rate γ. It multiplies the result of the last link, so no link has to do that.
    maximize : bool, default False
        Climb instead.

    Attributes
    ----------
    links : dict
        The links by name. `param_groups` holds their hyperparameters as "name.hyperparameter", and `state` holds, for
        each parameter, one dictionary a link.

    Notes
    -----
    A link that surveys all gradients, such as `clip_by_global_norm`, can be anywhere in the chain: the links before it
    are applied to all parameters first. Elementwise links run in pieces, like the rules of the named optimizers.

    The links' names are those of optax, whose chains end in ``scale(-lr)``; here the minus sign and the learning rate
    are the optimizer's.

    Examples
    --------
    >>> import optim
    >>> p, bias = optim.Parameter([[1.0, 2.0]]), optim.Parameter([0.5])
    >>> groups = [{"params": [p]}, {"params": [bias], "add_decayed_weights.weight_decay": 0}]
    >>> optimizer = optim.chain(groups, optim.clip_by_global_norm(1.0), optim.scale_by_adam(),
    ...                         optim.add_decayed_weights(0.01), lr=1e-3)
    >>> optimizer.param_groups[0]["scale_by_adam.b1"]
    0.9
    """

    machinery = ()

    def __init__(self, params: Params, *links: Link, lr: Number = 1e-3, maximize: bool = False) -> None:
        self.links = named(links)
        self._stages = stages(self.links)
        self.elementwise = all(link.elementwise for link in self._stages[-1].values())
        self._settling = [name for name, link in self.links.items() if link.settle]
        hyperparameters = {f"{name}.{key}": value for name, link in self.links.items()
                           for key, value in link.hyperparameters.items()}
        super().__init__(params, lr=lr, maximize=maximize, **hyperparameters)

    def all_ranges(self):
        """Return the ranges of the links' hyperparameters, by their names in the groups."""
        return RANGES | {f"{name}.{key}": allowed for name, link in self.links.items()
                         for key, allowed in link.all_ranges().items()}

    def rules(self):
        """Return the links by name."""
        return self.links

    def _asked_for(self):
        return {"lr"}  # what the links ask for has been checked when they were made

    def chosen(self, method, group, data):
        """Return, link by link, the hyperparameters that the link's method of the same name takes."""
        return {name: {key: prepared(group[key if key == "lr" else f"{name}.{key}"], data)
                       for key in link.asked_by(method.__name__)} for name, link in self.links.items()}

    def init_state(self, param, **hyper):
        """Return a dictionary of the states of those links that apply to the parameter."""
        return {name: link.init_state(param, **hyper[name]) for name, link in self.links.items() if link.wants(param)}

    def advance(self, state, **hyper):
        self._advance(self._stages[-1], state, hyper)

    def update(self, grad, state, param, **hyper):
        return self._apply(self._stages[-1], grad, state, param, hyper)

    @staticmethod
    def _advance(links, state, hyper):
        for name, link in links.items():
            if name in state:
                if "step" in state[name]:
                    state[name]["step"] += 1
                link.advance(state[name], **hyper[name])

    @staticmethod
    def _apply(links, grad, state, param, hyper):
        for name, link in links.items():
            if name in state:
                grad = link.update(grad, state[name], param, **hyper[name])
                if getattr(grad, "shape", None) != param.shape:
                    check_phi(link, grad, param)
        return grad

    # Stages: the links before a survey are applied to all parameters before the links after it

    def move_all(self, work):
        for group, param, _ in work:
            if not self.state.get(param):
                self.first_state(group, param)
        for links in self._stages[:-1]:
            self._survey(links, work)
            work = [(group, param, self._transformed(links, group, param, grad)) for group, param, grad in work]
        self._survey(self._stages[-1], work)
        super().move_all(work)

    def _survey(self, links, work):
        for name, link in links.items():
            if link.survey:
                link.survey([grad for _, param, grad in work if name in self.state[param]])

    def _transformed(self, links, group, param, grad):
        state, data = self.state[param], param.data
        self._advance(links, state, self.chosen(self.advance, group, data))
        return self._apply(links, grad, state, data, self.chosen(self.update, group, data))

    def move(self, group, param, grad):
        super().move(group, param, grad)
        for name in self._settling:
            if name in self.state[param]:
                self.links[name].settle(param.data)

    # The state dictionary

    def state_dict(self) -> dict:
        """Return a copy of everything a run needs to go on; "links" has the links in their order."""
        return {**super().state_dict(), "links": {name: link.state_dict() for name, link in self.links.items()}}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over a copy of what `state_dict` returned for a chain of the same links in the same order."""
        saved = state_dict.get("links", {}) if isinstance(state_dict, dict) else {}
        if list(saved) != list(self.links):
            raise ValueError(f"the state is not that of the chain {list(self.links)}, but of {list(saved) or 'none'}")
        before = {name: link.state_dict() for name, link in self.links.items()}
        try:
            for name, link in self.links.items():
                link.load_state_dict(copy.deepcopy(saved[name]))
            super().load_state_dict({name: entry for name, entry in state_dict.items() if name != "links"})
        except (TypeError, ValueError, KeyError):
            for name, link in self.links.items():
                link.load_state_dict(before[name])
            raise

    def __repr__(self):
        hyper = hyperparameters_of(self)
        links = [f"{name}({listed({key: hyper.pop(f'{name}.{key}') for key in link.hyperparameters})})"
                 for name, link in self.links.items()]
        return f"{type(self).__name__}({', '.join([counted(self), *links])}, {listed(hyper)})"


def named(links):
    """Return the links by name; the second of the same name is called "name_2"."""
    by_name = {}
    for link in links:
        if not isinstance(link, Link):
            hint = " (write it with parentheses)" if inspect.isclass(link) and issubclass(link, Link) else ""
            raise TypeError(f"a link of the chain is {link!r}; expected a Link such as clip(1.0){hint}. "
                            "An optimizer's rule becomes a link by rule_of(Optimizer, ...)")
        count = sum(other.name == link.name for other in by_name.values())
        by_name[f"{link.name}_{count + 1}" if count else link.name] = link
    return by_name


def stages(links):
    """Cut the links before each one that surveys all gradients."""
    parts = [{}]
    for name, link in links.items():
        if link.survey:
            parts.append({})
        parts[-1][name] = link
    return parts


def masked(link: Link, mask: Function) -> Link:
    """Return the link, applied only to the parameters that `mask` picks.

    Parameters
    ----------
    link : Link
    mask : callable
        Takes a parameter's array and returns True where the link applies. It is called once, when the first gradient
        arrives.

    Examples
    --------
    Weight decay for matrices, not for biases:

    >>> import optim
    >>> decay = optim.masked(optim.add_decayed_weights(0.01), lambda array: array.ndim > 1)
    >>> bias = optim.Parameter([1.0])
    >>> bias.grad = 0 * bias.data
    >>> optim.chain([bias], decay, lr=1.0).step()
    >>> bias.data
    array([1.])
    """
    if not callable(mask):
        raise TypeError(f"mask is {mask!r}; expected a function of an array, such as lambda array: array.ndim > 1")
    wanted, link = link.wants, copy.copy(link)
    link.wants = lambda param: bool(mask(param)) and wanted(param)
    return link


class rule_of(Link):
    """The rule of a named optimizer as a link: the phi that its `update` returns, and the state that goes with it.

    Parameters
    ----------
    optimizer : type
        A subclass of `Optimizer` whose rule is of the form theta <- theta - lr * phi, one parameter at a time.
    **hyperparameters
        Those that the groups of the chain will hold, under the optimizer's own names. The others keep the
        optimizer's defaults.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0])
    >>> optimizer = optim.chain([p], optim.clip(1.0), optim.rule_of(optim.SGD, momentum=0.9), lr=0.1)
    >>> optimizer.param_groups[0]["SGD.momentum"]
    0.9
    """

    machinery = ()

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        cls.machinery = ()  # a subclass only gives the hyperparameters other names

    def __init__(self, optimizer: type[Optimizer], **hyperparameters: Any) -> None:
        if optimizer.returns_step or any(getattr(optimizer, name) is not getattr(Optimizer, name)
                                         for name in ("step", "move_all", "move")):
            raise TypeError(f"{optimizer.__name__} is more than a rule phi(gradient, state) and cannot be a link")
        check_all(hyperparameters, ranges_of(type(self)))  # by the link's own names, before the optimizer's
        self.rule = optimizer([{"params": []}], **self.arguments(**hyperparameters))  # it moves nothing itself
        self.elementwise = optimizer.elementwise
        super().__init__(**hyperparameters)
        if type(self) is rule_of:
            self.name = optimizer.__name__

    def all_ranges(self):
        """Return the ranges of the optimizer's hyperparameters, and of those that the link calls by other names."""
        return ranges_of(type(self.rule)) | ranges_of(type(self))

    def arguments(self, **hyperparameters):
        """Return the optimizer's hyperparameters, given the link's, which may have other names."""
        return hyperparameters

    def asked_by(self, method):
        asks_for_lr = "lr" in hyperparameter_names(getattr(type(self.rule), method))
        return (*self.hyperparameters, "lr") if asks_for_lr else tuple(self.hyperparameters)

    def _call(self, method, *arrays, lr=None, **hyperparameters):
        arguments = {**self.rule.defaults, **self.arguments(**hyperparameters), "lr": lr}
        return method(*arrays, **{name: arguments[name] for name in hyperparameter_names(method.__func__)})

    def init_state(self, param, **hyperparameters):
        return self._call(self.rule.init_state, param, **hyperparameters)

    def advance(self, state, **hyperparameters):
        self._call(self.rule.advance, state, **hyperparameters)

    def update(self, grad, state, param, **hyperparameters):
        return self._call(self.rule.update, grad, state, param, **hyperparameters)
