"""Make one picture of every kind that optim.viz draws.

Usage: python docs/gallery.py [FOLDER]      (default: docs/_build/gallery)
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import optim
from minigrad import nn, no_grad
from optim import viz

PICTURES = {}


def picture(function):
    """Enter a function that takes the path of a picture without its ending."""
    PICTURES[function.__name__] = function
    return function


def rosenbrock():
    return viz.race("rosenbrock", viz.CLASSICS, steps=1000)


def quadratic():
    return viz.race("illconditioned_bowl", ["SGD(lr=0.015)", "SGD(lr=0.015, momentum=0.9)", "Adam(lr=0.1)"], steps=200)


# Surfaces and races


@picture
def surfaces(path):
    with viz.style():
        _, axes = plt.subplots(5, 6, figsize=(10, 8.4))
    for ax, name in zip(axes.flat, viz.surfaces.names()):
        drawing = viz.contour(name, ax)
        ax.set(xlabel="", ylabel="")
        ax.set_title(name, fontsize=9)
        ax.locator_params(nbins=3)
        ax.tick_params(labelsize=8)
    for ax in axes.flat[len(viz.surfaces.names()):]:
        ax.set_axis_off()
    drawing.save(f"{path}.png", dpi=160)


@picture
def race(path):
    viz.overview(rosenbrock()).save(f"{path}.png")


@picture
def race_tuned(path):
    viz.overview(viz.tuned_race("himmelblau", steps=100)).save(f"{path}.png")


@picture
def race_that_diverges(path):
    runs = viz.race("rosenbrock", {**viz.CLASSICS, "SGD, too fast": "SGD(lr=3e-3)"}, start=(1.5, -0.5), steps=300)
    viz.overview(runs).save(f"{path}.png")


@picture
def race_with_noise(path):
    runs = viz.race("noisy_bowl", ["SGD(lr=0.1)", "SGD(lr=0.02)", "Adam(lr=0.1)"], steps=150, seed=range(12))
    viz.overview(runs).save(f"{path}.png")


@picture
def paths(path):
    viz.paths(viz.race("beale", ["SGD(lr=0.01)", "LBFGS", "Newton", "Rprop"], steps=60)).save(f"{path}.svg")


@picture
def relief(path):
    viz.relief(rosenbrock()).save(f"{path}.png")


# One run, looked at closely


@picture
def gradient_norms(path):
    viz.gradient_norms(rosenbrock(), xscale="log").save(f"{path}.png")


@picture
def state(path):
    viz.state(viz.record("Adam(lr=0.3)", "rosenbrock", steps=300)).save(f"{path}.png")


@picture
def phase(path):
    optimizers = [f"SGD(lr=0.015, momentum={momentum})" for momentum in (0, 0.9, 0.97)]
    viz.phase(viz.race("illconditioned_bowl", optimizers, steps=250)).save(f"{path}.png")


@picture
def rates(path):
    viz.rates(quadratic()).save(f"{path}.png")


@picture
def eigen_errors(path):
    viz.eigen_errors(quadratic()[1]).save(f"{path}.png")


@picture
def anatomy(path):
    run = viz.record("AdamW(lr=0.1, betas=(0.6, 0.99), weight_decay=0.2)", "beale", steps=12)
    viz.anatomy(run, 11).save(f"{path}.png")


@picture
def schedules(path):
    viz.schedule({
        "step": lambda optimizer: optim.schedule.StepLR(optimizer, 30),
        "cosine": lambda optimizer: optim.schedule.CosineAnnealingLR(optimizer, 100),
        "one cycle": lambda optimizer: optim.schedule.OneCycleLR(optimizer, 1.0, total_steps=101),
        "warm-up and cosine": lambda optimizer: optim.schedule.warmup_cosine(optimizer, 10, 100),
    }).save(f"{path}.png")


# Maps, motion, pages


@picture
def map_of_hyperparameters(path):
    result = viz.hyperparameter_map("illconditioned_bowl", "SGD", ("lr", np.geomspace(1e-4, 0.1, 256)),
                                    ("momentum", np.linspace(0, 0.99, 256)), steps=300)
    result.plot().save(f"{path}.png")


@picture
def map_of_basins(path):
    viz.basin_map("himmelblau", "SGD(lr=0.01, momentum=0.9)", size=256, steps=300).plot().save(f"{path}.png")


@picture
def portraits(path):
    viz.portraits("himmelblau").save(f"{path}.png")


@picture
def map_of_trainability(path):
    lrs = np.geomspace(1e-2, 1e3, 128)
    viz.trainability_map(lrs, lrs).plot().save(f"{path}.png")


@picture
def animation(path):
    viz.animate(viz.race("rosenbrock", viz.CLASSICS, steps=300), f"{path}.gif")


@picture
def page(path):
    viz.page(rosenbrock(), f"{path}.html")


# Networks


@picture
def network(path):
    rng = np.random.default_rng(0)
    angle, arm = rng.uniform(0, 3 * np.pi, 300), np.arange(300) % 2
    X = np.stack([angle * np.cos(angle + np.pi * arm), angle * np.sin(angle + np.pi * arm)], axis=1) / 5
    X += 0.05 * rng.standard_normal(X.shape)
    model = nn.Sequential(nn.Linear(2, 32, generator=rng), nn.Tanh(), nn.Linear(32, 32, generator=rng), nn.Tanh(),
                          nn.Linear(32, 2, generator=rng))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    snapshots = [viz.weights(model.parameters())]
    for _ in range(300):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), arm).backward()
        optimizer.step()
        snapshots.append(viz.weights(model.parameters()))

    def loss():
        with no_grad():
            return nn.cross_entropy(model(X), arm)

    viz.decision_boundary(model, X, arm).save(f"{path}_boundary.png")
    viz.landscape(model.parameters(), loss).save(f"{path}_landscape.png")
    viz.pca_path(model.parameters(), snapshots, loss=loss).save(f"{path}_path.png")


if __name__ == "__main__":
    plt.switch_backend("agg")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "_build" / "gallery")
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        draw(folder / name)
        plt.close("all")
        print("drew", name, flush=True)
