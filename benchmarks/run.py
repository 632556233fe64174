"""Run the benchmarks: `python benchmarks/run.py`, or some families of them: `python benchmarks/run.py autograd runs`.

Peers (PyTorch, JAX, autograd, micrograd) come with `pip install ".[bench]"`.
"""
# ruff: noqa: E402

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is loaded: one thread each
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import sys
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import contest

FAMILIES = ["autograd", "optimizers", "runs"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", metavar="family", help=f"any of {', '.join(FAMILIES)}; default: all")
    families = parser.parse_args().families or FAMILIES
    if unknown := set(families) - set(FAMILIES):
        parser.error(f"unknown family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    contest.warm_up_malloc()
    for family in families:
        module = import_module(f"bench_{family}")
        print(f"\n{module.__doc__.partition(chr(10))[0]}")
        for row in module.rows():
            row.report()
    if contest.missing:
        print(f"\nLeft out, not installed: {', '.join(sorted(contest.missing))}")


if __name__ == "__main__":
    main()
