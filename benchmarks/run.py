"""Run the benchmarks: `python benchmarks/run.py`, or some families of them: `python benchmarks/run.py autograd runs`.

Peers (PyTorch, JAX, autograd, micrograd) come with `pip install ".[bench]"`. What the site shows is made by
`python benchmarks/run.py --picture benchmarks/last/benchmarks.png | tee benchmarks/last/benchmarks.txt`.
"""
# ruff: noqa: E402

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded: one thread each
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import sys
from datetime import date
from importlib import import_module
from itertools import cycle
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import contest

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9",  # Okabe and Ito's,
          "#8C564B", "#7F7F7F", "#9467BD"]  # and three
HEADINGS = {"autograd": "Autograd", "programs": "The derivative, written out", "optimizers": "A step of an optimizer",
            "runs": "Whole runs", "growth": "Growth"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", metavar="family", help=f"any of {', '.join(HEADINGS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no slow rows: under a minute")
    parser.add_argument("--picture", metavar="FILE", help="draw the ratios, too")
    options = parser.parse_args()
    families = options.families or HEADINGS
    if unknown := set(families) - set(HEADINGS):
        parser.error(f"unknown family {', '.join(sorted(unknown))}; there are {', '.join(HEADINGS)}")
    print(f"{date.today()}, {contest.environment()}")
    print("Ours as a ratio to each peer, below 1 is faster: of the minima, and of the medians in brackets.")
    contest.quick = options.quick
    contest.warm_up_malloc()
    ratios = {}
    for family in families:
        module = import_module(f"bench_{family}")
        print(f"\n{module.__doc__.partition(chr(10))[0]}")
        for row in module.rows():
            ratios[family, row.title] = row.report() or {}
    if contest.missing:
        print(f"\nLeft out, not installed: {', '.join(sorted(contest.missing))}")
    if options.picture:
        draw(ratios, options.picture)
        print(f"\nwrote {options.picture}")


def draw(ratios, path):
    """Draw every ratio as a dot on a logarithmic axis, left of 1 if it is faster than the peer; a heading a family."""
    from matplotlib.figure import Figure
    from PIL import Image

    rows = []
    for family in dict.fromkeys(family for family, _ in ratios):
        found = [(title, peers) for (of, title), peers in ratios.items() if of == family and peers]
        rows += [(HEADINGS[family], {}), *found] if found else []
    figure = Figure(figsize=(8, 1.2 + 0.19 * len(rows)), layout="constrained")
    ax = figure.subplots()
    points = {}
    for i, (_, peers) in enumerate(rows):
        for name, (ratio, *_) in peers.items():
            points.setdefault("its matrix products" if "products" in name else name, []).append((ratio, i))
    for (name, places), color, marker in zip(points.items(), cycle(COLORS), cycle("os^Dv<>*PX")):
        ax.plot(*zip(*places), marker, color=color, label=name, markersize=5, linestyle="none")
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set(xscale="log", xlabel="our time as a ratio to the peer's, one thread", ylim=(len(rows) - 0.5, -0.5))
    ax.set_xticks(ticks := [0.1, 0.2, 0.5, 1, 2, 5], [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    labels = ax.set_yticks(range(len(rows)), [title for title, _ in rows], fontsize=8)
    for tick, (_, peers) in zip(labels, rows):
        if not peers:
            tick.label1.set_fontweight("bold")
    ax.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)
    with Image.open(path) as image:  # few colours are enough, and take a third of the room
        image.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE).save(path, dpi=(110, 110))


if __name__ == "__main__":
    main()
