"""An example of every optimizer, and small problems that all of them can be given.

`test_registry.py` walks the classes of the package and runs each through what every optimizer must pass. One that has
no entry in `EXAMPLES` fails there, so whoever adds an optimizer writes its entry here: how it is made, hyperparameters
to vary, and the loss that it reaches on three problems in how many steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import optim


class Problem:
    """Half the sum of squared residuals of some parameters, with everything that an optimizer may ask for.

    `sign=-1` turns it upside down, and `rows` gives gradients by rows.
    """

    def __init__(self, starts, *, dtype=np.float64, sign=1, rows=False):
        self.params = [optim.Parameter(np.asarray(start, dtype)) for start in starts]
        self.sign, self.rows = sign, rows

    def closure(self):
        """Set the gradients and return the loss."""
        r = self.residuals()
        for p, J in zip(self.params, self.jacobian()):
            grad = self.sign * (r @ J).reshape(p.data.shape)
            p.grad = optim.RowGradient(range(len(grad)), grad) if self.rows else grad
        return self.sign * self.loss()

    def loss(self):
        """Return the loss, the right side up."""
        r = self.residuals()
        return float(r @ r) / 2

    def hvp(self, *vectors):
        """Return the product of the Hessian with one array for each parameter."""
        flat = self.hessian() @ np.concatenate([v.ravel() for v in vectors])
        ends = np.cumsum([v.size for v in vectors])[:-1]
        products = [part.reshape(v.shape) for part, v in zip(np.split(flat, ends), vectors)]
        return products if len(products) > 1 else products[0]


class Bowl(Problem):
    """A convex bowl over matrices, curvatures from 1 to 10; the loss falls from 1.3 to 0, at a point of simplices."""

    def __init__(self, shapes=((3, 4), (2, 2)), **kind):
        rng = np.random.default_rng(1)
        super().__init__([np.full(shape, 1 / np.prod(shape)) for shape in shapes], **kind)
        dtype = self.params[0].data.dtype
        self.roots = [np.sqrt(rng.uniform(1, 10, size=shape)).astype(dtype) for shape in shapes]
        self.centers = [rng.dirichlet(np.ones(np.prod(shape))).reshape(shape).astype(dtype) for shape in shapes]

    def residuals(self):
        parts = zip(self.params, self.roots, self.centers)
        return np.concatenate([(root * (p.data - center)).ravel() for p, root, center in parts])

    def jacobian(self):
        whole = np.diag(np.concatenate([root.ravel() for root in self.roots]))
        return np.split(whole, np.cumsum([root.size for root in self.roots])[:-1], axis=1)

    def hessian(self):
        return self.sign * np.diag(np.concatenate([root.ravel() for root in self.roots]) ** 2)


class Rosenbrock(Problem):
    """Rosenbrock's valley, for a matrix of two rows, from the usual start; the loss there is 24.2, at the bottom 0."""

    def __init__(self, **kind):
        super().__init__([[[-1.2], [1.0]]], **kind)

    def residuals(self):
        x, y = self.params[0].data.ravel()
        return np.sqrt(2) * np.array([10 * (y - x**2), 1 - x])

    def jacobian(self):
        x, _ = self.params[0].data.ravel()
        return [np.sqrt(2) * np.array([[-20 * x, 10], [-1, 0]])]

    def hessian(self):
        x, y = self.params[0].data.ravel()
        return self.sign * np.array([[1200 * x**2 - 400 * y + 2, -400 * x], [-400 * x, 200]])


class Network(Problem):
    """A network of eight tanh units that learns the sine at sixteen points; the loss at the start is 0.83."""

    def __init__(self, **kind):
        rng = np.random.default_rng(2)
        super().__init__([rng.normal(size=(1, 8)), np.zeros((1, 8)), rng.normal(size=(8, 1)), np.zeros((1, 1))], **kind)
        self.x = np.linspace(-2, 2, 16)[:, None]
        self.y = np.sin(2 * self.x)

    def residuals(self):
        W1, b1, W2, b2 = [p.data for p in self.params]
        return ((np.tanh(self.x @ W1 + b1) @ W2 + b2 - self.y) / 4).ravel()

    def jacobian(self):
        W1, b1, W2, _ = [p.data for p in self.params]
        h = np.tanh(self.x @ W1 + b1)
        slope = (1 - h * h) * W2.T
        return [self.x * slope / 4, slope / 4, h / 4, np.full((16, 1), 0.25)]

    def hessian(self):
        """Return what central differences of the gradient say."""
        def gradient(p, i, change):
            p.data.flat[i] += change
            grad = self.residuals() @ np.concatenate(self.jacobian(), axis=1)
            p.data.flat[i] -= change
            return grad

        rows = [(gradient(p, i, 1e-5) - gradient(p, i, -1e-5)) / 2e-5 for p in self.params for i in range(p.data.size)]
        return self.sign * (np.array(rows) + np.array(rows).T) / 2


@dataclass
class Example:
    """How to make an optimizer, and what to expect of it.

    Parameters
    ----------
    bowl, rosenbrock, network : (hyperparameters, steps, loss)
        The loss is reached within the steps. A string in their place says why there is none.
    hyper : dict
        Hyperparameters for short runs, if not the bowl's.
    arrays : dict
        Three values for each hyperparameter that may be an array; for a pair, two lists of three.
    rows : bool
        The gradients are by rows.
    make : callable
        Takes a problem and hyperparameters, returns the optimizer, if it takes more than parameters.
    """

    bowl: tuple
    rosenbrock: tuple | str
    network: tuple | str
    hyper: dict | None = None
    arrays: dict = field(default_factory=dict)
    rows: bool = False
    make: Callable | None = None

    def optimizer(self, name, problem, hyper=None):
        """Return the optimizer of this name for a problem."""
        hyper = self.bowl[0] if hyper is None and self.hyper is None else self.hyper if hyper is None else hyper
        return self.make(problem, **hyper) if self.make else getattr(optim, name)(problem.params, **hyper)


def unchanged(x, lr=None):
    """Return x: the projection onto the whole space, and the proximal step of no penalty."""
    return x


def around(wrapper, **hyper):
    """Return the example of a wrapper: around gradient descent with momentum, of which it must not take the speed."""
    def make(problem, lr=0.03, maximize=False):
        return wrapper(optim.SGD(problem.params, lr=lr, momentum=0.8, maximize=maximize), **hyper)

    return Example(({"lr": 0.003}, 300, 1e-3), ({"lr": 1e-3}, 2000, 0.01), ({"lr": 0.3}, 500, 0.01), make=make)


RATE = {"lr": [0.1, 0.2, 0.3]}
BETAS = {"betas": [[0.9, 0.5, 0.8], [0.999, 0.9, 0.99]]}
EPS = {"eps": [1e-8, 0.1, 1.0]}
DECAY = {"weight_decay": [0.0, 0.1, 0.5]}
MOMENTUM = {"momentum": [0.9, 0.5, 0.1]}
AVERAGING = {"warmup_steps": [0, 2, 5], "r": [0.0, 1.0, 0.5], "weight_lr_power": [2.0, 0.0, 1.0]}
ON_THE_SIMPLEX = "the minimum is not in the simplex, which it never leaves"

EXAMPLES = {
    "SGD": Example(
        ({"lr": 0.03, "momentum": 0.9}, 200, 1e-9), ({"lr": 0.003, "momentum": 0.9}, 1000, 1e-11),
        ({"lr": 0.1, "momentum": 0.9}, 500, 5e-3), hyper={"lr": 0.03, "momentum": 0.9, "weight_decay": 0.1},
        arrays={**RATE, **MOMENTUM, **DECAY, "dampening": [0.0, 0.1, 0.2]}),
    "OptimisticGradient": Example(
        ({"lr": 0.03}, 200, 1e-10), ({"lr": 1e-3}, 1000, 0.3), ({"lr": 0.1}, 500, 0.03),
        arrays={**RATE, "optimism": [1.0, 0.5, 0.0]}),
    "PolyakSGD": Example(({}, 200, 1e-12), ({}, 1000, 1e-3), ({}, 500, 5e-2)),
    "Adagrad": Example(
        ({"lr": 0.3}, 200, 1e-12), ({"lr": 1.0}, 1000, 0.1), ({"lr": 1.0}, 500, 1e-4),
        hyper={"lr": 0.3, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.1},
        arrays={**RATE, **DECAY, **EPS, "lr_decay": [0.0, 0.1, 0.2], "initial_accumulator_value": [0.0, 0.1, 1.0]}),
    "Adadelta": Example(
        ({}, 200, 5e-3), ({}, 1000, 1.0), ({"lr": 3.0}, 500, 0.05), hyper={"weight_decay": 0.1},
        arrays={**RATE, **DECAY, **EPS, "rho": [0.9, 0.5, 0.0]}),
    "RMSprop": Example(
        ({"lr": 0.3}, 200, 1e-9), ({"lr": 0.01}, 1000, 0.1), ({"lr": 0.01}, 500, 0.02),
        hyper={"momentum": 0.5, "centered": True, "weight_decay": 0.1},
        arrays={**RATE, **MOMENTUM, **DECAY, **EPS, "alpha": [0.9, 0.5, 0.99]}),
    "Adam": Example(
        ({"lr": 0.03}, 200, 1e-8), ({"lr": 0.3}, 1000, 1e-8), ({"lr": 0.1}, 500, 2e-4),
        hyper={"amsgrad": True, "weight_decay": 0.1}, arrays={**RATE, **BETAS, **EPS, **DECAY}),
    "AdamW": Example(
        ({"lr": 0.03, "weight_decay": 0}, 200, 1e-8), ({"lr": 0.3, "weight_decay": 0}, 1000, 1e-8),
        ({"lr": 0.1, "weight_decay": 0}, 500, 2e-4), hyper={}, arrays={**RATE, **BETAS, **EPS, **DECAY}),
    "Adamax": Example(
        ({"lr": 0.1}, 200, 1e-9), ({"lr": 1.0}, 1000, 1e-2), ({"lr": 0.3}, 500, 3e-4), hyper={"weight_decay": 0.1},
        arrays={**RATE, **BETAS, **EPS, **DECAY}),
    "NAdam": Example(
        ({"lr": 0.01}, 200, 1e-4), ({"lr": 0.03}, 1000, 0.05), ({"lr": 0.01}, 500, 5e-3), hyper={"weight_decay": 0.1},
        arrays={**RATE, **BETAS, **EPS, **DECAY, "momentum_decay": [4e-3, 0.1, 0.0]}),
    "Adan": Example(
        ({"lr": 0.1}, 200, 1e-9), ({"lr": 0.03}, 1000, 1e-5), ({"lr": 0.03}, 500, 5e-4), hyper={"weight_decay": 0.1},
        arrays={**RATE, **EPS, **DECAY, "betas": [[0.98, 0.5, 0.8], [0.92, 0.9, 0.5], [0.99, 0.5, 0.8]]}),
    "RAdam": Example(
        ({"lr": 0.03}, 200, 1e-8), ({"lr": 3e-3}, 1000, 4.0), ({"lr": 0.3}, 500, 2e-4), hyper={"weight_decay": 0.1},
        arrays={**RATE, **EPS, **DECAY, "betas": [[0.9, 0.5, 0.8], [0.999, 0.5, 0.8]]}),
    "AdaBelief": Example(
        ({"lr": 0.01}, 200, 1e-8), ({"lr": 0.3}, 1000, 1e-8), ({"lr": 0.1}, 500, 2e-4),
        arrays={**RATE, **BETAS, **EPS}),
    "Yogi": Example(
        ({"lr": 0.01}, 200, 1e-8), ({"lr": 0.3}, 1000, 1e-6), ({"lr": 1.0}, 500, 5e-4),
        arrays={**RATE, **BETAS, **EPS, "initial_accumulator_value": [1e-6, 0.1, 1.0]}),
    "Adafactor": Example(
        ({"lr": 0.03}, 200, 1e-3), ({"lr": 0.1}, 1000, 0.5), ({"lr": 0.01}, 500, 0.02), hyper={"weight_decay": 0.1}),
    "SM3": Example(({}, 200, 1e-8), ({"lr": 3.0}, 1000, 1e-3), ({"lr": 3.0}, 500, 5e-4)),
    "SparseAdam": Example(
        ({"lr": 0.03}, 200, 1e-8), ({"lr": 0.3}, 1000, 1e-8), ({"lr": 0.03}, 500, 2e-4), rows=True,
        arrays={**RATE, **BETAS, **EPS}),
    "SignSGD": Example(
        ({"lr": 0.003}, 200, 1e-3), ({"lr": 0.003}, 1000, 0.5), ({"lr": 0.003}, 500, 0.03), hyper={"weight_decay": 0.1},
        arrays={**RATE, **DECAY}),
    "Signum": Example(
        ({"lr": 0.003}, 200, 3e-3), ({"lr": 0.003}, 1000, 0.1), ({"lr": 0.003}, 500, 3e-3), hyper={"weight_decay": 0.1},
        arrays={**RATE, **DECAY, **MOMENTUM}),
    "Lion": Example(
        ({"lr": 0.01}, 200, 1e-2), ({"lr": 0.003}, 1000, 1e-2), ({"lr": 0.01}, 500, 0.02), hyper={"weight_decay": 0.1},
        arrays={**RATE, **BETAS, **DECAY}),
    "Rprop": Example(
        ({}, 200, 1e-9), ({"lr": 0.03}, 1000, 0.02), ({"lr": 0.1}, 500, 5e-4),
        arrays={**RATE, "etas": [[0.5, 0.3, 0.9], [1.2, 1.5, 2.0]],
                "step_sizes": [[1e-6, 1e-2, 1e-3], [50.0, 0.1, 0.02]]}),
    "LARS": Example(
        ({"lr": 10.0}, 200, 1e-3), ({"lr": 3.0}, 1000, 0.1), ({"lr": 1.0}, 500, 5e-3), hyper={"weight_decay": 0.1}),
    "LAMB": Example(
        ({"lr": 0.03}, 200, 1e-3), ({"lr": 0.03}, 1000, 0.5), ({"lr": 0.01}, 500, 0.02), hyper={"weight_decay": 0.1}),
    "NovoGrad": Example(
        ({"lr": 0.001}, 200, 1e-4), ({"lr": 0.001}, 1000, 1e-2), ({"lr": 0.001}, 500, 1e-3),
        hyper={"weight_decay": 0.1}),
    "Shampoo": Example(({"lr": 1.0}, 200, 1e-12), ({"lr": 3.0}, 1000, 0.05), ({"lr": 3.0}, 500, 1e-3)),
    "SOAP": Example(
        ({"weight_decay": 0}, 200, 1e-3), ({"lr": 0.01, "weight_decay": 0}, 1000, 1e-3),
        ({"lr": 0.01, "weight_decay": 0}, 500, 1e-4), hyper={"precondition_frequency": 2}),
    "Muon": Example(
        ({"lr": 0.01, "weight_decay": 0}, 200, 3e-3), ({"lr": 0.01, "weight_decay": 0}, 1000, 0.1),
        ({"lr": 0.01, "weight_decay": 0}, 500, 5e-3), hyper={}),
    "chain": Example(
        ({"lr": 0.03}, 200, 1e-8), ({"lr": 0.3}, 1000, 1e-8), ({"lr": 0.1}, 500, 2e-4), arrays=RATE,
        make=lambda problem, **hyper: optim.chain(problem.params, optim.scale_by_adam(), **hyper)),
    "ASGD": Example(
        ({"lr": 0.03}, 300, 1e-8), ({"lr": 1e-3}, 2000, 0.2), ({"lr": 0.3}, 500, 0.03), hyper={"weight_decay": 0.1},
        arrays={**RATE, **DECAY, "lambd": [1e-4, 0.1, 0.0], "alpha": [0.75, 0.5, 1.0], "t0": [1e6, 2.0, 4.0]}),
    "ScheduleFreeSGD": Example(
        ({"lr": 0.1}, 200, 1e-6), ({"lr": 3e-3}, 2000, 0.05), ({"lr": 1.0}, 500, 0.01), hyper={"weight_decay": 0.1},
        arrays={**RATE, **MOMENTUM, **DECAY, **AVERAGING}),
    "ScheduleFreeAdamW": Example(
        ({"lr": 0.03}, 300, 1e-6), ({"lr": 0.1}, 2000, 0.05), ({"lr": 0.03}, 500, 3e-3), hyper={"weight_decay": 0.1},
        arrays={**RATE, **BETAS, **EPS, **DECAY, **AVERAGING}),
    "DoG": Example(({}, 200, 1e-6), ({}, 1000, 5.0), ({}, 500, 0.05), hyper={"weight_decay": 0.1}),
    "Prodigy": Example(({}, 200, 1e-6), ({}, 1000, 0.01), ({}, 500, 1e-3), hyper={"weight_decay": 0.1}),
    "EMA": around(optim.EMA, decay=0.9),
    "SWA": around(optim.SWA),
    "Lookahead": around(optim.Lookahead, k=2),
    "GradientAccumulation": around(optim.GradientAccumulation, every=1),
    "ApplyIfFinite": around(optim.ApplyIfFinite),
    "SAM": around(optim.SAM, rho=1e-3),
    "BacktrackingGradientDescent": Example(({}, 100, 1e-9), ({}, 1000, 0.01), ({}, 300, 0.05)),
    "Newton": Example(({}, 2, 1e-20), ({}, 40, 1e-12), ({}, 100, 1e-3),
                      make=lambda problem, **hyper: optim.Newton(problem.params, problem.hessian, **hyper)),
    "NewtonCG": Example(({}, 10, 1e-12), ({}, 200, 1e-6), ({}, 100, 1e-3),
                        make=lambda problem, **hyper: optim.NewtonCG(problem.params, problem.hvp, **hyper)),
    "GaussNewton": Example(
        ({}, 2, 1e-20), ({}, 40, 1e-12), ({}, 100, 1e-6),
        make=lambda problem, **hyper: optim.GaussNewton(problem.params, problem.residuals, problem.jacobian, **hyper)),
    "LevenbergMarquardt": Example(
        ({}, 20, 1e-12), ({}, 30, 1e-12), ({}, 60, 1e-3),
        make=lambda problem, **hyper: optim.LevenbergMarquardt(
            problem.params, problem.residuals, problem.jacobian, **hyper)),
    "NonlinearCG": Example(({}, 50, 1e-12), ({}, 60, 1e-9), ({}, 100, 1e-3)),
    "BFGS": Example(({}, 50, 1e-12), ({}, 60, 1e-12), ({}, 100, 1e-3)),
    "LBFGS": Example(({}, 20, 1e-6), ({"line_search_fn": "strong_wolfe"}, 10, 1e-9),
                     ({"line_search_fn": "strong_wolfe"}, 20, 1e-3)),
    "AdaHessian": Example(
        ({"lr": 1.0}, 200, 1e-8), ({"lr": 1.0}, 1000, 0.1), ({"lr": 1.0}, 500, 5e-3),
        arrays={**RATE, **BETAS, **EPS, **DECAY},
        make=lambda problem, **hyper: optim.AdaHessian(problem.params, problem.hvp, **hyper)),
    "Sophia": Example(
        ({"lr": 0.03, "weight_decay": 0}, 200, 1e-2),
        ({"lr": 0.1, "weight_decay": 0, "update_interval": 1}, 1000, 1e-9),
        ({"lr": 0.03, "weight_decay": 0, "update_interval": 1}, 500, 1e-3), hyper={"update_interval": 2},
        arrays={**RATE, **BETAS, **EPS, **DECAY, "gamma": [0.01, 0.1, 1.0], "clip_threshold": [1.0, 0.5, 0.1]},
        make=lambda problem, **hyper: optim.Sophia(problem.params, problem.hvp, **hyper)),
    "ProjectedGradient": Example(
        ({"lr": 0.1}, 200, 1e-12), ({"lr": 1e-3}, 1000, 0.5), ({"lr": 0.3}, 500, 0.02),
        make=lambda problem, **hyper: optim.ProjectedGradient(problem.params, unchanged, **hyper)),
    "ISTA": Example(({"lr": 0.1}, 200, 1e-12), ({"lr": 1e-3}, 1000, 0.5), ({"lr": 0.3}, 500, 0.02),
                    make=lambda problem, **hyper: optim.ISTA(problem.params, unchanged, **hyper)),
    "FISTA": Example(({"lr": 0.1}, 200, 1e-12), ({"lr": 1e-3}, 1000, 1e-3), ({"lr": 0.03}, 500, 2e-3),
                     make=lambda problem, **hyper: optim.FISTA(problem.params, unchanged, **hyper)),
    "MirrorDescent": Example(
        ({"lr": 0.1}, 200, 1e-12), ({"lr": 1e-3}, 1000, 0.5), ({"lr": 0.1}, 500, 0.05),
        make=lambda problem, **hyper: optim.MirrorDescent(problem.params, np.arcsinh, np.sinh, **hyper)),
    "ExponentiatedGradient": Example(({"lr": 0.3}, 200, 1e-5), ON_THE_SIMPLEX, ON_THE_SIMPLEX),
    "FrankWolfe": Example(
        ({}, 200, 0.05), ({}, 1000, 0.2), ({}, 500, 0.05),
        make=lambda problem, **hyper: optim.FrankWolfe(problem.params, lambda g: optim.lmo_box(g, -2, 2), **hyper)),
    "FTRLProximal": Example(
        ({"lr": 0.3}, 200, 1e-9), ({"lr": 1.0}, 1000, 0.1), ({"lr": 3.0}, 500, 5e-3),
        arrays={**RATE, "damping": [1.0, 0.5, 2.0], "l1": [0.0, 0.01, 0.1], "l2": [0.0, 0.01, 0.1]}),
}
