"""Optimizers: one step, against the optimizer of the same name in PyTorch"""

import numpy as np
from contest import Row, peer

import optim

torch = peer("torch")
CONFIGURATIONS = {
    "SGD": {"lr": 1e-3, "momentum": 0.9}, "Adagrad": {}, "RMSprop": {}, "Adam": {}, "AdamW": {},
    "Adadelta": {}, "Adamax": {}, "NAdam": {}, "RAdam": {}, "Rprop": {}, "ASGD": {},
}
NAMED = {  # marks of 2 numbers, 1 Mi float32, 1 Mi float64
    "Adam": (0.2, 1.4, 1.15), "AdamW": (0.2, 1.4, 1.15), "RMSprop": (0.25, 1.3, 1.1), "Adagrad": (0.25, 1.3, 1.1),
    "SGD": (0.25, 1.3, 1.1),
}


def rows():
    for name, keywords in CONFIGURATIONS.items():
        if not hasattr(optim, name):
            continue
        small, single, double = NAMED.get(name, (0.25, 1.4, 1.75))
        yield row(name, keywords, [(2,)], np.float64, "2 numbers", small)
        yield row(name, keywords, [(10, 1024)], np.float32, "10 Ki float32", None)
        yield row(name, keywords, [(1024, 1024)], np.float32, "1 Mi float32", single)
        yield row(name, keywords, [(1024, 1024)], np.float64, "1 Mi float64", double)
        yield row(name, keywords, [(10, 10)] * 50, np.float64, "50 tensors of 10 x 10", 0.4)
    yield matrix_products("Muon", 15)  # five Newton-Schulz iterations of three products
    yield matrix_products("Shampoo", 6)  # two statistics, two roots, two preconditionings; beside them two eigh
    yield matrix_products("Shampoo", 4, precondition_frequency=10)  # old roots in nine steps of ten
    yield matrix_products("SOAP", 6)  # two into the eigenbasis, two back, two statistics; every tenth step a refresh


def matrix_products(name, products, side=512, **keywords):
    """Ten float32 steps of a matrix method on a square parameter, against a number of products of its size a step."""
    rng = np.random.default_rng(0)
    parameter = optim.Parameter(rng.normal(size=(side, side)).astype(np.float32))
    parameter.grad = 0.1 * parameter.data
    other = parameter.data.copy()

    optimizer = getattr(optim, name)([parameter], **keywords)

    def ten_steps():  # one of them refreshes what is not refreshed in every step
        for _ in range(10):
            optimizer.step()

    def multiply():
        for _ in range(10 * products):
            other @ other

    given = ", ".join(f"{key}={value}" for key, value in keywords.items())
    return Row(f"10 steps of {name}({given}), {side} x {side}", ten_steps, {f"10 x {products} products": multiply},
               slow=True)


def row(name, keywords, shapes, dtype, size, mark):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    parameters = [optim.Parameter(value) for value in values]
    for parameter in parameters:
        parameter.grad = 0.1 * parameter.data
    ours = getattr(optim, name)(parameters, **keywords).step
    return Row(f"{name}, {size}", ours, {"PyTorch": torch and pytorch_step(name, keywords, values)}, {"PyTorch": mark})


def pytorch_step(name, keywords, values):
    parameters = [torch.tensor(value, requires_grad=True) for value in values]
    for parameter in parameters:
        parameter.grad = 0.1 * parameter.detach()
    return getattr(torch.optim, name)(parameters, **keywords).step
