"""Growth: how cost grows with nodes, parameters and runs, and peak memory"""

from itertools import pairwise

import numpy as np
from bench_autograd import PerceptronByHand
from contest import Growth, Memory

import optim
from minigrad import Tensor, nn


def rows():
    yield Growth("nodes of a chain, forward and backward", chain, (10**2, 10**3, 10**4, 10**5, 10**6))
    yield Growth("numbers of a parameter, an Adam step", parameter, tuple(10**k for k in range(8)))
    yield Growth("runs in one pass, 10 Adam steps on Rosenbrock", runs, tuple(10**k for k in range(7)))
    yield memory()


def chain(nodes):
    def work():
        y = Tensor(1.0, requires_grad=True)
        for _ in range(nodes):
            y = y * 1.0
        y.backward()
    return work


def parameter(size):
    p = optim.Parameter(np.ones(size))
    p.grad = np.full(size, 0.1)
    return optim.Adam([p]).step


def runs(count):
    starts = np.random.default_rng(0).uniform(-2, 2, (2, count))

    def work():
        p = Tensor(starts, requires_grad=True)
        optimizer = optim.Adam([p], lr=np.full(count, 0.01))
        for _ in range(10):
            p.grad = None
            ((1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2).sum().backward()
            optimizer.step()
    return work


def memory():
    """Loss and gradients of a perceptron, compared with those written by hand."""
    rng = np.random.default_rng(0)
    sizes, batch = (784, 512, 256, 10), 256
    weights = [(rng.normal(size=pair) / pair[0] ** 0.5).astype(np.float32) for pair in pairwise(sizes)]
    biases = [np.zeros(size, np.float32) for size in sizes[1:]]
    x, y = rng.uniform(size=(batch, 784)).astype(np.float32), rng.integers(0, 10, batch)
    tensors = [(Tensor(w, requires_grad=True), Tensor(b, requires_grad=True)) for w, b in zip(weights, biases)]

    def ours():
        h = x
        for i, (w, b) in enumerate(tensors):
            w.grad = b.grad = None
            h = h @ w + b
            h = nn.functional.relu(h) if i < len(tensors) - 1 else h
        nn.cross_entropy(h, y).backward()

    return Memory("MLP 784-512-256-10, batch 256, float32: peak memory", ours,
                  {"by hand": lambda: PerceptronByHand(weights, biases, x, y).gradients()})
