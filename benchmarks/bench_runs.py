"""Whole runs: many starts at once, a map of hyperparameters, a training from end to end"""

import numpy as np
from contest import Row, peer

import optim
from minigrad import Tensor, nn

torch, jax = peer("torch"), peer("jax")
STEPS = 500


def rows():
    yield starts()
    yield heavy_ball_map()
    yield digits()


def value(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def starts(count=10_000, lr=0.01):
    """Adam from many starts on Rosenbrock: ours with a parameter of shape (2, N), JAX with jit and scan."""
    points = np.random.default_rng(0).uniform(-2, 2, (2, count))

    def ours():
        p = Tensor(points, requires_grad=True)
        optimizer = optim.Adam([p], lr=lr)
        for _ in range(STEPS):
            p.grad = None
            value(p).sum().backward()
            optimizer.step()

    def pytorch():
        p = torch.tensor(points, requires_grad=True)
        optimizer = torch.optim.Adam([p], lr=lr)
        for _ in range(STEPS):
            p.grad = None
            value(p).sum().backward()
            optimizer.step()

    return Row(f"Rosenbrock, {count:,} starts x {STEPS} Adam steps", ours,
               {"PyTorch": torch and pytorch, "JAX": jax and jax_adam(points, lr)}, {"PyTorch": 0.4, "JAX": 3.8})


def jax_adam(points, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    jax.config.update("jax_enable_x64", True)
    numpy = jax.numpy

    def run(p):
        def step(state, t):
            p, m, v = state
            g = jax.grad(lambda p: value(p).sum())(p)
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
            p = p - lr * (m / (1 - beta1**t)) / (numpy.sqrt(v / (1 - beta2**t)) + eps)
            return (p, m, v), None
        zeros = numpy.zeros_like(p)
        return jax.lax.scan(step, (p, zeros, zeros), numpy.arange(1.0, STEPS + 1))[0][0]

    # Over arrays of shape (2, N), where the numbers of a coordinate lie side by side; vmap over (N, 2) is slower.
    compiled, points = jax.jit(run), numpy.asarray(points)
    return lambda: compiled(points).block_until_ready()


def heavy_ball_map(side=256):
    """Heavy ball on a bowl of condition number 10, every pixel a learning rate and a momentum."""
    lr, momentum = np.meshgrid(np.linspace(0.01, 0.4, side), np.linspace(0, 0.99, side))
    curvature = np.array([[1.0], [10.0]])
    start = np.ones((2, side * side))

    def ours():
        p = optim.Parameter(start)
        optimizer = optim.SGD([p], lr=lr.ravel(), momentum=momentum.ravel())
        for _ in range(STEPS):
            p.grad = curvature * p.data
            optimizer.step()

    def by_hand():
        p, b, rate, mu = start.copy(), np.zeros_like(start), lr.ravel(), momentum.ravel()
        for _ in range(STEPS):
            b *= mu
            b += curvature * p
            p -= rate * b

    return Row(f"heavy ball, {side} x {side} map of lr and momentum, {STEPS} steps", silenced(ours),
               {"by hand": silenced(by_hand)}, {"by hand": 1.3})


def silenced(work):
    """Return `work` without warnings of overflow: outside the stable region runs diverge."""
    def quietly():
        with np.errstate(all="ignore"):
            work()
    return quietly


def digits(epochs=5, batch=32, lr=1e-3):
    """A perceptron 64-64-32-10 on 1,437 digits, five epochs with Adam."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1437, 64)).astype(np.float32)
    y = rng.integers(0, 10, len(x))
    batches = [slice(i, i + batch) for _ in range(epochs) for i in range(0, len(x), batch)]
    layers = [(rng.normal(size=(n, m)) / n**0.5).astype(np.float32) for n, m in ((64, 64), (64, 32), (32, 10))]

    def ours():
        nn.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        optimizer = optim.Adam(model.parameters(), lr=lr)
        for part in batches:
            optimizer.zero_grad()
            nn.cross_entropy(model(x[part]), y[part]).backward()
            optimizer.step()

    def pytorch():
        t = torch.nn
        model = t.Sequential(t.Linear(64, 64), t.ReLU(), t.Linear(64, 32), t.ReLU(), t.Linear(32, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        images, labels = torch.tensor(x), torch.tensor(y)
        for part in batches:
            optimizer.zero_grad()
            t.functional.cross_entropy(model(images[part]), labels[part]).backward()
            optimizer.step()

    def by_hand():
        from bench_autograd import PerceptronByHand
        weights, biases = [w.copy() for w in layers], [np.zeros(w.shape[1], np.float32) for w in layers]
        parameters = [p for pair in zip(weights, biases) for p in pair]
        moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
        for t, part in enumerate(batches, 1):
            gradients = PerceptronByHand(weights, biases, x[part], y[part]).gradients()[::-1]
            for p, g, (m, v) in zip(parameters, (g for pair in gradients for g in pair), moments):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return Row(f"MLP 64-64-32-10 on 1,437 images, {epochs} epochs with Adam", ours,
               {"PyTorch": torch and pytorch, "by hand": by_hand}, {"PyTorch": 0.5, "by hand": 1.8})
