"""Contests: the same work done here and by peers, interleaved in one process on one thread, minima compared.

Machines are noisy and differ, so absolute times are not judged. A row shows this project's time as a ratio to each
peer's, then the ratio of the medians, and the mark to reach. A peer that is not installed is named and left out.
"""

import gc
import importlib
import importlib.metadata
import importlib.util
import platform
import tracemalloc
from dataclasses import dataclass, field
from time import process_time  # of all threads, and not of other programs

import numpy as np

SECONDS = 0.003  # of each contestant in each round: short, so that many rounds meet no other work on the machine
ROUNDS = 15, 150  # at least, and at most: a slow contest has fewer
QUICK_ROUNDS = 3, 20  # with --quick
quick = False  # set by run.py
missing = set()


def peer(name):
    """Return a peer's module, or None if it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        missing.add(name.partition(".")[0])
        return None
    if name == "torch":
        module.set_num_threads(1)
    return module


@dataclass
class Row:
    """One contest: `ours` against peers by name; `marks` gives the ratios to reach. --quick leaves out what is slow."""

    title: str
    ours: object
    peers: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    slow: bool = False

    def run(self):
        """Return the seconds of each contestant in each round."""
        contestants = {"ours": self.ours, **{name: work for name, work in self.peers.items() if work is not None}}
        repeats = {name: calls_in(work, SECONDS) for name, work in contestants.items()}
        slowest = max(timed(work, repeats[name]) * repeats[name] for name, work in contestants.items())
        rounds = round(np.clip((0.05 if quick else 0.5) / slowest, *(QUICK_ROUNDS if quick else ROUNDS)))
        seconds = {name: [] for name in contestants}
        gc.collect()
        gc.disable()
        try:
            for _ in range(rounds):
                for name, work in contestants.items():
                    seconds[name].append(timed(work, repeats[name]))
        finally:
            gc.enable()
        return seconds

    def report(self):
        """Run and print the contest; return {peer: (ratio of minima, ratio of medians, mark)}."""
        if quick and self.slow:
            print(f"{self.title:<58}   left out: slow")
            return {}
        seconds = self.run()
        ours = seconds.pop("ours")
        ratios = {name: (min(ours) / min(theirs), np.median(ours) / np.median(theirs), self.marks.get(name))
                  for name, theirs in seconds.items()}
        cells = [f"{best:.2f} ({median:.2f}) x {name}{verdict(best, mark)}"
                 for name, (best, median, mark) in ratios.items()]
        print(f"{self.title:<58} {in_words(min(ours)):>9}   {', '.join(cells)}", flush=True)
        return ratios


@dataclass
class Growth:
    """How the cost of some work grows with its size: `make(size)` returns the work."""

    title: str
    make: object
    sizes: tuple

    def report(self):
        """Print the best time of each size and the exponent of growth between the last three; return {}."""
        sizes = self.sizes[:-2] if quick else self.sizes
        best = []
        for size in sizes:
            work = self.make(size)
            calls = calls_in(work, SECONDS)
            best.append(min(timed(work, calls) for _ in range(3 if quick else 7)))
        exponent = np.polyfit(np.log(sizes[-3:]), np.log(best[-3:]), 1)[0]
        cells = ", ".join(f"{size:,}: {in_words(seconds)}" for size, seconds in zip(sizes, best))
        print(f"{self.title:<58} grows like n^{exponent:.2f}   {cells}", flush=True)
        return {}


@dataclass
class Memory:
    """Peak memory of the arrays and objects that Python allocates: `ours` against peers written in Python."""

    title: str
    ours: object
    peers: dict

    def report(self):
        """Print the peaks; return {}."""
        ours = peak(self.ours)
        cells = [f"{ours / peak(work):.2f} x {name}" for name, work in self.peers.items()]
        print(f"{self.title:<58} {ours / 1e6:>6.1f} MB   {', '.join(cells)}", flush=True)
        return {}


def peak(work):
    """Return the largest number of bytes that were allocated at one time during a call, beyond those before it."""
    work()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls_in(work, seconds):
    """Return how many calls of `work` take about this many seconds, at least one; this also warms it up."""
    work()
    calls = 1
    while (elapsed := timed(work, calls) * calls) < seconds / 4:
        calls *= 4
    return max(1, round(calls * seconds / elapsed))


def timed(work, calls):
    """Return the seconds that one call takes, averaged over this many in a row."""
    start = process_time()
    for _ in range(calls):
        work()
    return (process_time() - start) / calls


def verdict(ratio, mark):
    """Return the mark and whether it was reached, in brackets."""
    if mark is None:
        return ""
    return f" (mark {mark:g}{'' if ratio <= mark else ', MISSED'})"


def in_words(seconds):
    """Return a time with a suitable unit."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def environment():
    """Return what the numbers were measured on, in one line."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "torch", "jax", "autograd")
                if importlib.util.find_spec(name)]
    return ", ".join([f"Python {platform.python_version()}", *versions, processor(), platform.system()])


def processor():
    """Return the processor's name where the system says it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(": ")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def warm_up_malloc():
    """Free one large block, after which the C library keeps large blocks instead of handing them back to the system."""
    np.ones(2**21)
