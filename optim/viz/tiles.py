"""A map is computed tile by tile: here, by other processes, or on a cluster; interrupted, and taken up again.

The work is a picklable function of two vectors, the coordinates of N pixels, that returns a dictionary of arrays of
length N. `compute` cuts the plane into tiles, lets them be worked at, and puts the results together; `Store` keeps the
tiles of a map that takes long. A pixel's numbers are the same to the last bit, whatever the tile it lies in.
"""

import os
import shutil
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import suppress

import numpy as np

import optim

LANES = 64  # a multiple of every CPU's SIMD width, in numbers
BATCH = 16 * 1024  # pixels in one pass of two coordinates: their arrays fit into the cache
ATTEMPTS = 4  # how often the tiles that were lost with their workers are handed out


def compute(work, x, y, *, side, executor=None, store=None):
    """Return the arrays of a map, each of shape (len(y), len(x)), by name.

    Parameters
    ----------
    work : callable
        Takes the coordinates of N pixels, two arrays of shape (N,), and returns a dictionary of arrays of shape (N,).
        Its attribute `batch` says how many pixels it wants at a time, a multiple of `LANES`.
    x, y : ndarray
        The coordinates of the columns and of the rows.
    side : int
        Pixels along the side of a tile.
    executor : concurrent.futures.Executor, optional
        Who computes the tiles. Default: this process.
    store : Store, optional
        Where finished tiles are kept, and found again.

    Raises
    ------
    KeyboardInterrupt
        As it came, with a message that says what has been kept.
    RuntimeError
        If tiles fail again and again.
    """
    tiles = [(slice(i, min(i + side, len(y))), slice(j, min(j + side, len(x))))
             for i in range(0, len(y), side) for j in range(0, len(x), side)]
    whole, progress = {}, Progress(len(tiles))
    missing = []
    for tile in tiles:
        arrays = store and store.read(tile)
        if arrays is None:
            missing.append(tile)
        else:
            place(whole, (len(y), len(x)), tile, arrays)
            progress.advance(computed=False)
    finished = compute_here(work, x, y, missing) if executor is None else hand_out(work, x, y, missing, executor)
    try:
        for tile, arrays in finished:
            if store:
                store.write(tile, arrays)
            place(whole, (len(y), len(x)), tile, arrays)
            progress.advance()
    except KeyboardInterrupt:
        kept = f"are kept in {store.folder}; the same call goes on from there" if store else "are lost without path="
        raise KeyboardInterrupt(f"the map was interrupted: {progress.done} of {len(tiles)} tiles {kept}") from None
    finally:
        finished.close()
        progress.end()
    return whole


def place(whole, shape, tile, arrays):
    """Write a tile's arrays into those of the whole map, which the first tile creates."""
    for name, array in arrays.items():
        if name not in whole:
            whole[name] = np.empty(shape, array.dtype)
        whole[name][tile] = array


def computed(work, x, y):
    """Return the arrays of one tile, each of shape (len(y), len(x)).

    The last batch is filled up to whole SIMD registers, since what NumPy does with the rest of an array may differ in
    the last bit from what it does with its bulk; so each pixel has the numbers that it would have in any other tile.
    """
    columns, rows = (grid.ravel() for grid in np.meshgrid(x, y))
    parts = []
    for start in range(0, columns.size, work.batch):
        batch = slice(start, start + work.batch)
        count = columns[batch].size
        filled = [np.pad(grid[batch], (0, -count % LANES), mode="edge") for grid in (columns, rows)]
        parts.append({name: array[:count] for name, array in work(*filled).items()})
    return {name: np.concatenate([part[name] for part in parts]).reshape(len(y), len(x)) for name in parts[0]}


def compute_here(work, x, y, tiles):
    """Yield each tile with its arrays, computed in this process."""
    for rows, columns in tiles:
        yield (rows, columns), computed(work, x[columns], y[rows])


def hand_out(work, x, y, tiles, executor):
    """Yield each tile with its arrays, computed by an executor, in the order in which they are finished.

    Tiles that fail, because their worker was killed for instance, are handed out again, `ATTEMPTS` times in all. A
    process pool that has lost a worker takes no work any more, and is replaced by one of the same kind.
    """
    pool, futures = executor, {}
    try:
        for _ in range(ATTEMPTS):
            futures, error = submitted(pool, work, x, y, tiles)
            failed = tiles[len(futures):]
            for future in as_completed(list(futures)):
                tile = futures.pop(future)
                try:
                    arrays = future.result()
                except Exception as raised:  # whatever kills a worker or a tile of work
                    failed.append(tile)
                    error = raised
                else:
                    yield tile, arrays
            if not failed:
                return
            tiles = failed
            if isinstance(error, BrokenExecutor):
                pool = replaced(pool, executor, error)
        raise RuntimeError(f"{len(tiles)} tiles of the map failed {ATTEMPTS} times; the last time with "
                           f"{type(error).__name__}: {error}") from error
    finally:
        for future in futures:
            future.cancel()
        if pool is not executor:
            pool.shutdown(cancel_futures=True)


def submitted(pool, work, x, y, tiles):
    """Return a dictionary from futures to tiles, and the error that kept the rest from being submitted, or None."""
    futures = {}
    try:
        for rows, columns in tiles:
            futures[pool.submit(computed, work, x[columns], y[rows])] = rows, columns
    except BrokenExecutor as error:
        return futures, error
    return futures, None


def replaced(broken, executor, error):
    """Return a new process pool in place of a broken one: as many workers, started in the same way."""
    if broken is not executor:
        broken.shutdown(wait=False)
    if not isinstance(executor, ProcessPoolExecutor):
        raise RuntimeError(f"the executor broke: {error}; make a new {type(executor).__name__} and call again (with "
                           "path=..., the finished tiles are kept)") from error
    return ProcessPoolExecutor(executor._max_workers, mp_context=executor._mp_context,
                               initializer=executor._initializer, initargs=executor._initargs)


class Store:
    """The tiles of an unfinished map: a folder beside the file that the map will be written to.

    Each tile is a file that is there as a whole or not at all, as `optim.save` has it.

    Parameters
    ----------
    path : str or path
        The file of the map.
    plan : dict
        What is to be computed. Tiles that were computed to another plan are refused.
    """

    def __init__(self, path, plan):
        self.folder = f"{os.fspath(path)}.tiles"
        os.makedirs(self.folder, exist_ok=True)
        plan_path = os.path.join(self.folder, "plan.npz")
        if os.path.exists(plan_path):
            check_same(self.folder, optim.load(plan_path), plan)
        else:
            optim.save(plan_path, plan)

    def file(self, tile):
        """Return the path of a tile's file."""
        return os.path.join(self.folder, f"row_{tile[0].start}_column_{tile[1].start}.npz")

    def write(self, tile, arrays):
        """Keep a tile's arrays."""
        optim.save(self.file(tile), arrays)

    def read(self, tile):
        """Return a tile's arrays, or None if it is to be computed: it is not there, or the disk has damaged it."""
        with suppress(FileNotFoundError, ValueError):
            return optim.load(self.file(tile))
        return None

    def remove(self):
        """Take the folder away, when the map itself has been written."""
        shutil.rmtree(self.folder)


def check_same(where, found, plan):
    """Raise a ValueError unless what was found is the same plan."""
    for name in {**plan, **found}:
        if not (name in plan and name in found and np.array_equal(found[name], plan[name])):
            raise ValueError(f"{where} belongs to another map, with a different {name}: give another path, "
                             "or remove it first")


class Progress:
    """A line on the standard error, as long as that is a terminal, which says how far the map is."""

    def __init__(self, total):
        self.total, self.done, self.computed = total, 0, 0
        self.began = time.monotonic()
        self.shown = sys.stderr is not None and sys.stderr.isatty()

    def advance(self, computed=True):
        """Count a tile, which has been computed or read from a file."""
        self.done += 1
        self.computed += computed
        if self.shown and self.computed:
            seconds = (time.monotonic() - self.began) / self.computed * (self.total - self.done)
            left = f"{seconds // 60:.0f} min {seconds % 60:2.0f} s"
            print(f"\r{self.done} of {self.total} tiles, {left} left ", end="", file=sys.stderr, flush=True)

    def end(self):
        """End the line."""
        if self.shown and self.computed:
            print(file=sys.stderr)
