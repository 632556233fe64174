"""A map is computed tile by tile: here, by other processes, or on a cluster. It can be interrupted and resumed.

The work is a picklable function of two vectors, the coordinates of N pixels, that returns a dictionary of arrays of
length N. `compute` cuts the plane into tiles, has them computed, and puts the results together; `Store` keeps the tiles
of a map that takes long. A pixel's numbers are the same to the last bit, whichever tile it lies in.
"""

import os
import shutil
import sys
import time
from collections import deque
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import closing, suppress
from queue import SimpleQueue

import numpy as np

import optim
from optim.interface.words import show

LANES = 64  # a multiple of every CPU's SIMD width, in numbers
# Pixels in one pass of two coordinates: their arrays fit into the cache. Twice as many are 1.3 times as fast here, but
# take five times as long on Dask, whose workers return the memory of large arrays to the system at once.
BATCH = 8 * 1024
IN_FLIGHT = 1024  # tiles with an executor at a time: enough work for as many cores
ATTEMPTS = 4  # how often a tile that fails is tried
PLAN = "plan.npz"  # beside the tiles


def compute(work, x, y, *, side, executor=None, store=None):
    """Return the arrays of a map, each of shape (len(y), len(x)), by name.

    Parameters
    ----------
    work : callable
        Takes the coordinates of N pixels, two arrays of shape (N,), and returns a dictionary of arrays of shape (N,).
        Its attribute `batch` says how many pixels it takes at a time, a multiple of `LANES`.
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
        With a message that says what has been kept.
    RuntimeError
        If tiles fail again and again.
    """
    tiles = [(slice(i, min(i + side, len(y))), slice(j, min(j + side, len(x))))
             for i in range(0, len(y), side) for j in range(0, len(x), side)]
    whole, progress = {}, Progress(len(tiles))
    missing = []
    try:
        for tile in tiles:
            arrays = store and store.read(tile)
            if arrays is None:
                missing.append(tile)
            else:
                place(whole, (len(y), len(x)), tile, arrays)
                progress.advance(computed=False)
        with closing(finished(work, x, y, missing, executor)) as computed_tiles:
            for tile, arrays in computed_tiles:
                if store:
                    store.write(tile, arrays)
                place(whole, (len(y), len(x)), tile, arrays)
                progress.advance()
    except KeyboardInterrupt:
        kept = (f"are kept in {store.folder}; the same call goes on from there" if store else
                "are lost, since no file was named (path=, or --keep in the shell)")
        raise KeyboardInterrupt(f"the map was interrupted: {progress.done} of {len(tiles)} tiles {kept}") from None
    finally:
        progress.end()
    return whole


def place(whole, shape, tile, arrays):
    """Write a tile's arrays into those of the whole map, which the first tile creates."""
    for name, array in arrays.items():
        if name not in whole:
            whole[name] = np.empty(shape, array.dtype)
        whole[name][tile] = array


def computed(work, x, y, attempt=1):
    """Return the arrays of one tile, each of shape (len(y), len(x)).

    The number of the attempt changes nothing here; but Dask treats equal calls as one, even if that has failed.

    The last batch is filled up to whole SIMD registers, since NumPy's results for the rest of an array can differ in
    the last bit from those for its bulk. So each pixel has the numbers that it would have in any other tile.
    """
    columns, rows = (grid.ravel() for grid in np.meshgrid(x, y))
    parts = []
    for start in range(0, columns.size, work.batch):
        batch = slice(start, start + work.batch)
        count = columns[batch].size
        filled = [np.pad(grid[batch], (0, -count % LANES), mode="edge") for grid in (columns, rows)]
        parts.append({name: array[:count] for name, array in work(*filled).items()})
    return {name: np.concatenate([part[name] for part in parts]).reshape(len(y), len(x)) for name in parts[0]}


def finished(work, x, y, tiles, executor):
    """Yield each tile with its arrays, computed by an executor or, without one, in this process."""
    if executor is not None:
        yield from hand_out(work, x, y, tiles, executor)
    else:
        for rows, columns in tiles:
            yield (rows, columns), computed(work, x[columns], y[rows])


def hand_out(work, x, y, tiles, executor):
    """Yield each tile with its arrays, computed by an executor, in the order in which they are finished.

    No more than `IN_FLIGHT` tiles are out at a time, so that neither the executor nor the memory is flooded. A tile
    that fails, because its worker was killed for instance, is tried again, `ATTEMPTS` times in all. A process pool that
    has lost a worker takes no more work, and is replaced by one of the same kind.
    """
    waiting, out, done = deque((tile, 1) for tile in tiles), {}, SimpleQueue()
    pool = executor
    try:
        while waiting or out:
            while waiting and len(out) < IN_FLIGHT:
                (rows, columns), attempt = waiting.popleft()
                future = submitted(pool, computed, work, x[columns], y[rows], attempt)
                out[future] = (rows, columns), attempt, pool
                future.add_done_callback(done.put)
            future = done.get()
            tile, attempt, taken_by = out.pop(future)
            try:
                arrays = future.result()
            except Exception as error:  # anything that kills a worker or a tile
                if attempt == ATTEMPTS:
                    raise RuntimeError(f"a tile of the map failed {ATTEMPTS} times; the last time with "
                                       f"{type(error).__name__}: {error}") from error
                waiting.append((tile, attempt + 1))
                if isinstance(error, BrokenExecutor) and taken_by is pool:
                    pool = replaced(pool, executor, error)
            else:
                del future  # it holds the arrays, here or on a cluster, as long as it lives
                yield tile, arrays
    finally:
        for future in out:
            future.cancel()
        if pool is not executor:
            pool.shutdown(cancel_futures=True)


def submitted(pool, *call):
    """Return the future of a call; if the pool is broken, one that has already failed."""
    try:
        return pool.submit(*call)
    except BrokenExecutor as error:
        future = Future()
        future.set_exception(error)
        return future


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

    Each tile is a file that is complete or does not exist, as with `optim.save`.

    Parameters
    ----------
    path : str or path
        The file of the map.
    plan : dict
        What to compute. Tiles of another plan raise an error.
    """

    def __init__(self, path, plan):
        self.folder = folder_of(path)
        with suppress(FileExistsError):
            os.mkdir(self.folder)
        plan_path = os.path.join(self.folder, PLAN)
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
        """Return a tile's arrays, or None if it must be computed, because it is missing or damaged."""
        with suppress(FileNotFoundError, ValueError):
            return optim.load(self.file(tile))
        return None


def folder_of(path):
    """Return the name of the folder for the tiles of a map's file."""
    return f"{os.fspath(path)}.tiles"


def remove_tiles(path):
    """Remove the tiles of a map that is in its file.

    The plan is removed last: tiles without a plan would count as tiles of the next map.
    """
    for name in os.listdir(folder_of(path)):
        if name != PLAN:
            os.remove(os.path.join(folder_of(path), name))
    shutil.rmtree(folder_of(path))


def remove_left_over(path):
    """Remove the tiles of a map that is in its file, if a process was killed before it could do so."""
    if os.path.exists(os.path.join(folder_of(path), PLAN)):
        remove_tiles(path)


def check_same(where, found, plan):
    """Raise a ValueError unless the plan that was found is the same."""
    for name in {**plan, **found}:
        if not (name in plan and name in found and np.array_equal(found[name], plan[name])):
            there, here = in_words(found.get(name)), in_words(plan.get(name))
            raise ValueError(f"{where} belongs to another map: there {name} is {there}, and here {here}; give another "
                             "path, or remove it first")


def in_words(value):
    """Return part of a plan as short text: for the values along an axis, how many there are, and three of them.

    >>> import numpy as np
    >>> from optim.viz.maps.tiles import in_words
    >>> in_words(np.linspace(0, 0.9, 10)), in_words("booth"), in_words(0.001)
    ('10 values (0, 0.1, ..., 0.9)', 'booth', '0.001')
    """
    if isinstance(value, np.ndarray) and value.size > 3:
        return f"{value.size} values ({value[0]:.4g}, {value[1]:.4g}, ..., {value[-1]:.4g})"
    return show(value)


class Progress:
    """A line on the standard error that shows the progress of the map, if that is a terminal."""

    def __init__(self, total):
        self.total, self.done, self.computed = total, 0, 0
        self.began = time.monotonic()
        self.shown = sys.stderr is not None and sys.stderr.isatty()

    def advance(self, computed=True):
        """Count a tile that has been computed or read from a file."""
        self.done += 1
        self.computed += computed
        if self.shown and self.computed:
            seconds = (time.monotonic() - self.began) / self.computed * (self.total - self.done)
            left = f"{seconds // 60:.0f} min {seconds % 60:2.0f} s"
            line = f"{self.done} of {self.total} tiles, {left} left"
            print(f"\r{line:<50}", end="", file=sys.stderr, flush=True)

    def end(self):
        """End the line."""
        if self.shown and self.computed:
            print(file=sys.stderr)
