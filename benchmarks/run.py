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

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#8C564B"]  # Okabe and Ito's
FAMILIES = ["autograd", "programs", "optimizers", "runs", "growth"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", metavar="family", help=f"any of {', '.join(FAMILIES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no slow rows: under a minute")
    parser.add_argument("--picture", metavar="FILE", help="draw the ratios, too")
    options = parser.parse_args()
    families = options.families or FAMILIES
    if unknown := set(families) - set(FAMILIES):
        parser.error(f"unknown family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
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
    """Draw every ratio as a dot on a logarithmic axis: left of 1 is faster than the peer."""
    from matplotlib.figure import Figure

    rows = [(f"{title} (written out)" if family == "programs" else title, found)
            for (family, title), found in ratios.items() if found]
    figure = Figure(figsize=(9, 1.2 + 0.24 * len(rows)), layout="constrained")
    ax = figure.subplots()
    peers = dict.fromkeys(name for _, found in rows for name in found)
    for name, color, marker in zip(peers, cycle(COLORS), cycle("os^Dv<>")):
        points = [(found[name][0], i) for i, (_, found) in enumerate(rows) if name in found]
        ax.plot(*zip(*points), marker, color=color, label=name, markersize=5, linestyle="none")
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set(xscale="log", xlabel="our time as a ratio to the peer's, one thread", ylim=(len(rows) - 0.5, -0.5))
    ax.set_xticks(ticks := [0.1, 0.2, 0.5, 1, 2, 5], [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_yticks(range(len(rows)), [title for title, _ in rows], fontsize=7)
    ax.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
