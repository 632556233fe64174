"""Runs that are compared with other libraries: which optimizers, with which hyperparameters, on which gradients.

`test_lockstep.py` makes the runs here, in PyTorch and in optax, and compares them with each other and with the
positions in `optim/reference`, which `optim/make_reference.py` has stored for machines that have neither library.
"""

import numpy as np

import optim

STEPS = 20
WATCHED = 1, 20  # the steps whose positions are stored
SHAPES = (4, 3), (2, 5)


def problem(seed=0):
    """Return starting arrays, and gradient(t, arrays): of a tilted bowl, with noise that is the same for everybody."""
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=shape) for shape in SHAPES]
    curvatures = [rng.uniform(0.5, 3, size=shape) for shape in SHAPES]
    noise = [rng.normal(scale=0.5, size=(STEPS, *shape)) for shape in SHAPES]

    def gradient(t, arrays):
        return [c * x + n[t] for c, x, n in zip(curvatures, arrays, noise)]

    return starts, gradient


def rows_at(t):
    """Return the rows that step t of a run with sparse gradients names in each array, one of them twice."""
    rng = np.random.default_rng(t)
    return [np.append(rng.choice(n, size=n - 1, replace=False), rng.integers(n)) for n, _ in SHAPES]


def vary(**variants):
    """Return dictionaries with one hyperparameter each: vary(lr=[1, 2], eps=[3]) is {lr: 1}, {lr: 2}, {eps: 3}."""
    return [{name: value} for name, values in variants.items() for value in values]


DECAY = vary(weight_decay=[0.1], maximize=[True])
BETAS = vary(lr=[0.1], betas=[(0.5, 0.9), (0.0, 0.5)], eps=[1e-2])
TORCH = {
    "SGD": [{}, *vary(lr=[0.1]), *DECAY, *[{"lr": 0.05, "momentum": 0.9, **more} for more in (
        {}, *DECAY, {"dampening": 0.3}, {"nesterov": True}, {"nesterov": True, "weight_decay": 0.1})]],
    "Adagrad": [{}, *vary(lr=[0.3], lr_decay=[0.2], initial_accumulator_value=[0.5], eps=[0.1]), *DECAY],
    "Adadelta": [{}, *vary(lr=[0.3], rho=[0.5, 0.0, 1.0], eps=[0.1]), *DECAY],
    "RMSprop": [{}, *vary(lr=[0.1], alpha=[0.5, 0.0], eps=[0.1], momentum=[0.9], centered=[True]), *DECAY,
                {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}],
    "Adam": [{}, *BETAS, *DECAY, {"amsgrad": True, "betas": (0.9, 0.3)}, {"amsgrad": True, "weight_decay": 0.1},
             {"decoupled_weight_decay": True, "weight_decay": 0.1}],
    "AdamW": [{}, *BETAS, *DECAY, {"amsgrad": True, "betas": (0.9, 0.3), "lr": 0.1}],
    "Adamax": [{}, *BETAS, *DECAY],
    "NAdam": [{}, *BETAS, *DECAY, *vary(momentum_decay=[0.0, 0.5]),
              {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "RAdam": [{}, *BETAS, *DECAY, *vary(betas=[(0.9, 0.6), (0.9, 0.99)]),
              {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "Adafactor": [{}, *DECAY, *vary(lr=[0.3], beta2_decay=[-0.3, 0.0], d=[1.5, 10.0],
                                    eps=[(1.0, 1e-3), (None, 10.0)])],
    "ASGD": [{}, *DECAY, *vary(lr=[0.1], lambd=[0.1]), {"lambd": 0.1, "alpha": 2.0},
             {"lambd": 0.5, "alpha": 0.5, "t0": 3.0}],
    "SparseAdam": [{}, *BETAS, {"maximize": True}],
    "Rprop": [{}, *vary(lr=[0.3], etas=[(0.3, 1.7)], step_sizes=[(5e-3, 2e-2)], maximize=[True])],
    "Muon": [{}, *vary(lr=[0.1], weight_decay=[0.0], momentum=[0.5], nesterov=[False], eps=[10.0], ns_steps=[0, 2],
                       ns_coefficients=[(1.875, -1.25, 0.375)], adjust_lr_fn=["original", "match_rms_adamw"])],
}
# Each with what it is in optax, written with its arguments.
OPTAX = {
    "Lion": [({}, "lion(1e-4, weight_decay=0)"),
             ({"lr": 0.01, "betas": (0.5, 0.8)}, "lion(0.01, 0.5, 0.8, weight_decay=0)"),
             ({"weight_decay": 0.1}, "lion(1e-4, weight_decay=0.1)")],
    "SignSGD": [({"lr": 0.1}, "sign_sgd(0.1)")],
    "Signum": [({"lr": 0.1, "momentum": 0.7}, "signum(0.1, beta=0.7)")],
    "AdaBelief": [({}, "adabelief(1e-3)"), ({"lr": 0.1, "betas": (0.5, 0.9)}, "adabelief(0.1, 0.5, 0.9)"),
                  ({"eps": 1e-3}, "adabelief(1e-3, eps=1e-3, eps_root=1e-3)")],
    # optax weighs the changes of gradients by 1 − β₂ instead of β₂, and so only β₂ = 1/2 can be compared.
    "Adan": [({"lr": 0.1, "betas": (0.98, 0.5, 0.99)}, "adan(0.1, b2=0.5, eps_root=0)"),
             ({"lr": 0.1, "betas": (0.5, 0.5, 0.9), "eps": 0.1}, "adan(0.1, 0.5, 0.5, 0.9, eps=0.1, eps_root=0)")],
    "Yogi": [({}, "yogi(1e-2)"), ({"lr": 0.1, "betas": (0.5, 0.9)}, "yogi(0.1, 0.5, 0.9)"),
             ({"eps": 0.1}, "yogi(1e-2, eps=0.1)"),
             ({"initial_accumulator_value": 0.5}, "chain(scale_by_yogi(initial_accumulator_value=0.5), scale(-1e-2))")],
    "SM3": [({}, "sm3(0.1)"), ({"lr": 0.3, "momentum": 0.5}, "sm3(0.3, momentum=0.5)"),
            ({"eps": 0.1}, "chain(scale_by_sm3(0.9, eps=0.1), scale(-0.1))")],
    "LARS": [({}, "lars(1.0)"), ({"lr": 0.3, "trust_coefficient": 0.1}, "lars(0.3, trust_coefficient=0.1)"),
             ({"weight_decay": 0.1, "momentum": 0.5}, "lars(1.0, weight_decay=0.1, momentum=0.5)"),
             ({"nesterov": True, "eps": 0.1}, "lars(1.0, nesterov=True, eps=0.1)")],
    "LAMB": [({}, "lamb(1e-3)"), ({"lr": 0.1, "betas": (0.5, 0.9)}, "lamb(0.1, 0.5, 0.9)"),
             ({"weight_decay": 0.1, "eps": 1e-2}, "lamb(1e-3, weight_decay=0.1, eps=1e-2)")],
    "NovoGrad": [({}, "novograd(1e-3)"), ({"lr": 0.1, "betas": (0.5, 0.9)}, "novograd(0.1, 0.5, 0.9)"),
                 ({"weight_decay": 0.1, "eps": 0.1}, "novograd(1e-3, weight_decay=0.1, eps=0.1)")],
    "OptimisticGradient": [({"lr": 0.1}, "optimistic_gradient_descent(0.1)"),
                           ({"lr": 0.1, "optimism": 0.3}, "optimistic_gradient_descent(0.1, beta=0.3)")],
    "PolyakSGD": [({}, "polyak_sgd()"), ({"lr": 0.01}, "polyak_sgd(0.01)"),
                  ({"f_min": 0.3, "eps": 0.5}, "polyak_sgd(f_min=0.3, eps=0.5)")],
}
TORCH_CASES = [(f"{name}-{i}", name, hyper) for name, cases in TORCH.items() for i, hyper in enumerate(cases)]
OPTAX_CASES = [(f"{name}-{i}", name, *case) for name, cases in OPTAX.items() for i, case in enumerate(cases)]
CASES = TORCH_CASES + [case[:3] for case in OPTAX_CASES]


def loss_at(t, arrays):
    """Return a loss for the methods that ask for one; it need not fit the gradients."""
    return 1.0 + sum(float(np.sum(x * x)) for x in arrays) / (t + 1)


def run_here(name, hyper, steps=STEPS):
    """Return the positions after each step, a list of arrays each, and the optimizer."""
    starts, gradient = problem()
    params = [optim.Parameter(start) for start in starts]
    optimizer, path = getattr(optim, name)(params, **hyper), []
    for t in range(steps):
        set_gradients(name, params, gradient, t)
        optimizer.step((lambda t=t: loss_at(t, [p.data for p in params])) if name == "PolyakSGD" else None)
        path.append([p.data.copy() for p in params])
    return path, optimizer


def set_gradients(name, params, gradient, t):
    """Give each parameter here its gradient at step t."""
    for p, g, rows in zip(params, gradient(t, [p.data for p in params]), rows_at(t)):
        p.grad = optim.RowGradient(rows, g[rows]) if name == "SparseAdam" else g


def run_torch(name, hyper, steps=STEPS):
    """Do in PyTorch what `run_here` does. The default dtype must be float64, and Muon's bfloat16 out of the way."""
    import torch

    starts, gradient = problem()
    params = [torch.tensor(start, requires_grad=True) for start in starts]
    optimizer, path = getattr(torch.optim, name)(params, **hyper), []
    for t in range(steps):
        set_torch_gradients(name, params, gradient, t)
        optimizer.step()
        path.append([p.detach().numpy().copy() for p in params])
    return path, optimizer


def set_torch_gradients(name, params, gradient, t):
    """Give each tensor its gradient at step t."""
    import torch

    for p, g, rows in zip(params, gradient(t, [p.detach().numpy() for p in params]), rows_at(t)):
        p.grad = (torch.sparse_coo_tensor(rows[None], g[rows], g.shape, check_invariants=True) if name == "SparseAdam"
                  else torch.tensor(g))


def run_optax(call):
    """Do in optax what `run_here` does; `call` is the optimizer as written in optax. JAX must be set to float64."""
    import jax
    import optax

    starts, gradient = problem()
    transformation = eval(call, vars(optax))
    arrays, state, path = starts, transformation.init(starts), []
    update = jax.jit(transformation.update)
    for t in range(STEPS):
        extra = {"value": loss_at(t, arrays)} if "polyak" in call else {}
        updates, state = update(gradient(t, arrays), state, arrays, **extra)
        arrays = [np.asarray(x) + np.asarray(u) for x, u in zip(arrays, updates)]
        path.append(arrays)
    return path
