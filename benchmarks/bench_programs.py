"""Programs: the derivative written out, against the same by hand, on the tape, and compiled by JAX"""

from itertools import pairwise

import numpy as np
from bench_autograd import PerceptronByHand
from bench_runs import STEPS, jax_adam, silenced, value
from contest import Row, peer

import minigrad
import optim
from minigrad import Tensor, nn
from optim import viz

torch, jax = peer("torch"), peer("jax")
RATES = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "decoupled_weight_decay": False}


def rows():
    yield rosenbrock()
    yield perceptron((2, 16, 16, 1), 32, np.float64)
    yield perceptron((64, 128, 64, 10), 128, np.float32)
    yield digits()
    yield starts()
    yield heavy_ball_map()
    yield record()
    yield writing()


def rosenbrock():
    p = np.array([-1.5, 2.0])
    program = minigrad.program(minigrad.value_and_grad(value), p)

    def by_hand():
        x, y = p
        a, b = 1 - x, y - x * x
        return a * a + 100 * (b * b), np.array([-2 * a - 400 * x * b, 200 * b])

    return Row("Rosenbrock, value and gradient, one point", lambda: program(p),
               {"by hand": by_hand, "JAX jit": jax and jitted(value, (0,), p)}, {"by hand": 1.3, "JAX jit": 1.0})


def jitted(function, argnums, *args):
    """Return a call of JAX's compiled value and gradient that waits for the result."""
    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.value_and_grad(function, argnums))
    args = [jax.numpy.asarray(x) for x in args]
    return lambda: jax.block_until_ready(compiled(*args))


def network(sizes, dtype):
    """Return weights and biases, and the loss of a perceptron as a function of them, of inputs and of targets."""
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(n, m)) / n**0.5).astype(dtype) for n, m in pairwise(sizes)]
    biases = [np.zeros(m, dtype) for m in sizes[1:]]

    def loss(weights, biases, x, y):
        for w, b in zip(weights[:-1], biases):
            x = np.tanh(x @ w + b) if sizes[-1] == 1 else minigrad.relu(x @ w + b)
        prediction = x @ weights[-1] + biases[-1]
        return nn.mse_loss(prediction, y) if sizes[-1] == 1 else nn.cross_entropy(prediction, y)

    return weights, biases, loss


def perceptron(sizes, batch, dtype):
    weights, biases, loss = network(sizes, dtype)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(batch, sizes[0])).astype(dtype)
    y = rng.normal(size=(batch, 1)).astype(dtype) if sizes[-1] == 1 else rng.integers(0, sizes[-1], batch)
    tape = minigrad.value_and_grad(loss, (0, 1))
    program = minigrad.program(tape, weights, biases, x, y)
    hand = PerceptronByHand(weights, biases, x, y)
    return Row(f"MLP {'-'.join(map(str, sizes))}, batch {batch}, {np.dtype(dtype)}: loss and gradients",
               lambda: program(weights, biases, x, y),
               {"by hand": hand.gradients, "tape": lambda: tape(weights, biases, x, y)}, {"by hand": 1.1})


def adam_step(loss, lr):
    """Return a training step as a function of everything that changes: parameters, moments, step number, data."""
    rule = optim.Adam([optim.Parameter([0.0])])

    def step(weights, biases, moments, t, x, y):
        value, (by_weights, by_biases) = minigrad.value_and_grad(loss, (0, 1))(weights, biases, x, y)
        for p, g, (m, v) in zip([*weights, *biases], [*by_weights, *by_biases], moments):
            p -= lr * rule.update(g, {"step": t, "exp_avg": m, "exp_avg_sq": v}, p, **RATES)
        return value
    return step


def digits(epochs=5, batch=32, lr=1e-3):
    """The training of `bench_runs.digits`, its step written out; 1,408 images, for batches of one size."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1408, 64)).astype(np.float32)
    y = rng.integers(0, 10, len(x))
    batches = [slice(i, i + batch) for _ in range(epochs) for i in range(0, len(x), batch)]
    start_weights, start_biases, loss = network((64, 64, 32, 10), np.float32)

    def fresh():
        weights, biases = [w.copy() for w in start_weights], [b.copy() for b in start_biases]
        return weights, biases, [(np.zeros_like(p), np.zeros_like(p)) for p in [*weights, *biases]]

    program = minigrad.program(adam_step(loss, lr), *fresh(), 1, x[:batch], y[:batch])

    def ours():
        state = fresh()
        for t, part in enumerate(batches, 1):
            program(*state, t, x[part], y[part])

    def by_hand():
        weights, biases, moments = fresh()
        for t, part in enumerate(batches, 1):
            pairs = PerceptronByHand(weights, biases, x[part], y[part]).gradients()[::-1]
            gradients = [w for w, _ in pairs] + [b for _, b in pairs]
            for p, g, (m, v) in zip([*weights, *biases], gradients, moments):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    def pytorch():
        t = torch.nn
        model = t.Sequential(t.Linear(64, 64), t.ReLU(), t.Linear(64, 32), t.ReLU(), t.Linear(32, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        images, labels = torch.tensor(x), torch.tensor(y)
        for part in batches:
            optimizer.zero_grad()
            t.functional.cross_entropy(model(images[part]), labels[part]).backward()
            optimizer.step()

    return Row(f"MLP 64-64-32-10 on 1,408 images, {epochs} epochs with Adam", ours,
               {"PyTorch": torch and pytorch, "by hand": by_hand}, {"PyTorch": 0.35, "by hand": 1.2})


def starts(count=10_000, lr=0.01):
    """Adam from many starts on Rosenbrock, the step written out, and JAX's fastest way: scan over arrays (2, N)."""
    points = np.random.default_rng(0).uniform(-2, 2, (2, count))
    rule = optim.Adam([optim.Parameter([0.0])])

    def step(p, m, v, t):
        q = Tensor(p, requires_grad=True)
        np.sum(value(q)).backward()
        p -= lr * rule.update(q.grad, {"step": t, "exp_avg": m, "exp_avg_sq": v}, p, **RATES)

    def fresh():
        return points.copy(), np.zeros_like(points), np.zeros_like(points)

    program = minigrad.program(step, *fresh(), 1)

    def ours():
        state = fresh()
        for t in range(1, STEPS + 1):
            program(*state, t)

    return Row(f"Rosenbrock, {count:,} starts x {STEPS} Adam steps", ours, {"JAX": jax and jax_adam(points, lr)},
               {"JAX": 3.8})


def heavy_ball_map(side=256):
    """Heavy ball on a bowl of condition number 10, every pixel a learning rate and a momentum, the step written out."""
    lr, momentum = (grid.ravel() for grid in np.meshgrid(np.linspace(0.01, 0.4, side), np.linspace(0, 0.99, side)))
    curvature, start = np.array([[1.0], [10.0]]), np.ones((2, side * side))
    rule = optim.SGD([optim.Parameter([0.0])], lr=0.1, momentum=0.5)

    def step(p, b, lr, momentum):
        p -= lr * rule.update(curvature * p, {"momentum_buffer": b}, p, momentum=momentum, dampening=0, weight_decay=0,
                              nesterov=False)

    program = minigrad.program(step, start, np.zeros_like(start), lr, momentum, assume=True)

    def ours():
        p, b = start.copy(), np.zeros_like(start)
        for _ in range(STEPS):
            program(p, b, lr, momentum)

    def by_hand():
        p, b = start.copy(), np.zeros_like(start)
        for _ in range(STEPS):
            b *= momentum
            b += curvature * p
            p -= lr * b

    return Row(f"heavy ball, {side} x {side} map of lr and momentum, {STEPS} steps", silenced(ours),
               {"by hand": silenced(by_hand)}, {"by hand": 1.1})


def record():
    def run(written_out):
        return lambda: viz.record("Adam(lr=0.3)", "rosenbrock", steps=200, written_out=written_out)

    run(None)()  # written out once a process
    return Row("viz.record, 200 steps of Adam on Rosenbrock", run(None), {"tape": run(False)})


def writing():
    weights, biases, loss = network((64, 128, 64, 10), np.float32)
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in [*weights, *biases]]
    x, y = np.ones((128, 64), np.float32), np.zeros(128, int)
    return Row("writing the program of the middle MLP's step (50 ms)", lambda: minigrad.program(
        adam_step(loss, 1e-3), weights, biases, moments, 1, x, y))
