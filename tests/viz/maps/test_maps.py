"""A map's pixels are real runs, the same wherever they are computed, and its plot shows them in the right places."""

import os
import re
import signal
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import matplotlib.pyplot as plt
import numpy as np
import pytest

import optim
from optim.viz import basin_map, hyperparameter_map, load, record, surfaces, trainability_map
from optim.viz.maps import raster, tiles
from optim.viz.maps.basins import all_minima, counted, share
from optim.viz.maps.hyperparameters import flattest_curvature
from optim.viz.maps.tiles import Progress, computed, hand_out
from optim.viz.runs import contestants
from optim.viz.runs.recording import runs_are_independent

LRS = np.geomspace(1e-4, 1e-1, 21)
MOMENTA = np.linspace(0, 0.95, 13)


def rosenbrock_map(**keywords):
    return hyperparameter_map("rosenbrock", "SGD", ("lr", LRS), ("momentum", MOMENTA), steps=60, **keywords)


def clipped(params):
    """A chain that sees the global norm."""
    return optim.chain(params, optim.clip_by_global_norm(1.0), optim.trace(0.9))


class StepsItself(optim.Optimizer):
    """An elementwise optimizer written as for PyTorch; nothing says so."""

    def __init__(self, params, lr=0.1, beta=0.9):
        super().__init__(params, {"lr": lr, "beta": beta})

    def step(self, closure=None):
        closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] * p.grad


def numbers_of(runner):
    """Return the names of the hyperparameters besides lr that are numbers, of an optimizer that can be mapped."""
    numbers = [name for name, value in runner.defaults.items() if type(value) in (int, float) and name != "lr"]
    return numbers if runs_are_independent(runner) else []


def assert_same(one, other):
    """Bit for bit, NaN included."""
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == other[name].dtype
        assert array.tobytes() == other[name].tobytes(), name


def pool(workers=2):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


class Flaky(ThreadPoolExecutor):
    """Loses the first `losses` tiles that it is given."""

    def __init__(self, losses):
        super().__init__(1)
        self.losses = losses

    def submit(self, *args, **keywords):
        if self.losses:
            self.losses -= 1
            future = Future()
            future.set_exception(OSError("the node has gone"))
            return future
        return super().submit(*args, **keywords)


class TestHyperparameterMap:
    def test_pixels_are_single_runs(self):
        result = rosenbrock_map(tolerance=1.0)
        for row, column in [(0, 0), (3, 7), (12, 12), (6, 20), (12, 0)]:
            run = record("SGD", "rosenbrock", steps=60, lr=LRS[column], momentum=MOMENTA[row])
            assert result["diverged"][row, column] == run.diverged
            assert result["last_steps"][row, column] == run.last_steps
            np.testing.assert_array_equal(result["steps"][row, column], run.steps_to(1.0))
            if not run.diverged:
                np.testing.assert_allclose(result["loss"][row, column], run.losses[-1], rtol=1e-10)
        assert result["diverged"].any() and not np.isnan(result["steps"]).all()

    def test_noise_is_that_of_the_single_run_with_the_same_seed(self):
        lrs = np.linspace(0.01, 0.1, 5)
        result = hyperparameter_map("noisy_bowl", "SGD", ("lr", lrs), ("momentum", lrs), steps=9, seed=3)
        run = record("SGD", "noisy_bowl", steps=9, seed=3, lr=lrs[4], momentum=lrs[1])
        np.testing.assert_allclose(result["loss"][1, 4], run.losses[-1], rtol=1e-12)

    @pytest.mark.parametrize("nesterov", [False, True])
    def test_runs_on_a_quadratic_diverge_beyond_the_theoretical_edge_and_nowhere_else(self, nesterov):
        lrs, momenta = np.linspace(0.1, 1.5, 40), np.linspace(0.05, 0.9, 17)
        result = hyperparameter_map("quadratic bowl", f"SGD(nesterov={nesterov}, momentum=0.5)", ("lr", lrs),
                                    ("momentum", momenta), steps=3000)
        mu = momenta[:, np.newaxis]
        edge = 2 * (1 + mu) / ((1 + 2 * mu if nesterov else 1) * 4)
        clear = abs(lrs / edge - 1) > 0.02
        np.testing.assert_array_equal(result["diverged"][clear], np.broadcast_to(lrs > edge, clear.shape)[clear])

    def test_entries_of_betas_are_axes(self):
        result = hyperparameter_map("booth", "Adam(lr=0.5)", ("beta1", np.linspace(0, 0.9, 4)),
                                    ("beta2", np.linspace(0.5, 0.9, 3)), steps=20)
        run = record("Adam(lr=0.5, betas=(0.3, 0.7))", "booth", steps=20)
        np.testing.assert_allclose(result["loss"][1, 1], run.losses[-1], rtol=1e-9)
        assert result.facts["optimizer"] == "Adam(lr=0.5)"

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "hyperparameter"), [
        pytest.param(name, hyperparameter, id=f"{name}-{hyperparameter}")
        for name, kind in contestants.known().items() if kind not in (optim.SparseAdam, optim.Muon)
        for hyperparameter in numbers_of(contestants.factory(name, sum)([optim.Parameter([1.0, 2.0])]))])
    def test_every_hyperparameter_that_is_a_number_is_an_axis(self, name, hyperparameter):
        """Of the optimizers whose elements move independently; switches and pairs are refused in words."""
        usual = contestants.factory(name)([optim.Parameter([1.0])]).defaults[hyperparameter]
        values = np.arange(1, 4) if type(usual) is int else np.sort(np.linspace(0.5, 1, 3) * (usual or 0.2))
        lrs = np.linspace(0.01, 0.05, 3)
        result = hyperparameter_map("booth", name, ("lr", lrs), (hyperparameter, values), steps=12)
        run = record(name, "booth", steps=12, lr=lrs[1].item(), **{hyperparameter: values[2].item()})
        assert result["loss"][2, 1] == pytest.approx(run.losses[-1], rel=1e-9)

    def test_links_of_a_chain_have_axes(self):
        def adamw(params):
            return optim.chain(params, optim.scale_by_adam(), optim.add_decayed_weights(0.1), lr=0.1)

        axes = (("scale_by_adam.b1", np.linspace(0.1, 0.9, 3)),
                ("add_decayed_weights.weight_decay", np.linspace(0, 1, 3)))
        result = hyperparameter_map("booth", adamw, *axes, steps=12)
        run = record("AdamW(lr=0.1, betas=(0.5, 0.999), weight_decay=1.0)", "booth", steps=12)
        assert result["loss"][2, 1] == pytest.approx(run.losses[-1], rel=1e-9)
        assert result.facts["title"] == "chain(scale_by_adam, add_decayed_weights, lr=0.1) on booth"

    @pytest.mark.parametrize(("keywords", "error", "message"), [
        ({"optimizer": "LBFGS", "y": ("tolerance_grad", MOMENTA)}, ValueError, "elementwise optimizer"),
        ({"optimizer": "LARS", "y": ("eps", MOMENTA)}, ValueError, "^LARS sees its parameters as a whole, so"),
        ({"optimizer": clipped, "y": ("trace.decay", MOMENTA)}, ValueError,
         "^the link clip_by_global_norm sees its parameters as a whole, so"),
        ({"optimizer": lambda p: optim.Lookahead(optim.SGD(p, lr=0.1)), "y": ("Lookahead.alpha", MOMENTA)},
         ValueError, "^Lookahead is wrapped around an optimizer, and may see"),
        ({"optimizer": StepsItself, "y": ("beta", MOMENTA)}, ValueError,
         "^StepsItself has its own step, which may see .*a class with an update and no step"),
        ({"x": ("lr", [0.1, 0.2, 0.5])}, ValueError, "evenly spaced"),
        ({"x": ("lr", LRS[::-1])}, ValueError, "two increasing values"),
        ({"x": ("lr", [0.1])}, ValueError, "two increasing values"),
        ({"x": ("lr", "abc")}, TypeError, "the values of x are 'abc'; expected numbers"),
        ({"x": "lr"}, TypeError, "x is 'lr'; expected the name of a hyperparameter and its values"),
        ({"x": (LRS, "lr")}, TypeError, "expected the name of a hyperparameter and its values"),
        ({"x": ("lr", MOMENTA - 1)}, ValueError, "with the value -1.0; it must be finite and not negative"),
        ({"x": ("beta1", LRS)}, ValueError, "does not know the hyperparameter 'beta1'"),
        ({"x": ("nesterov", LRS)}, ValueError, "nesterov is False, but an axis needs .* a number"),
        ({"optimizer": "Adam", "y": ("betas", MOMENTA)}, ValueError, "name its entries, beta1 or beta2"),
        ({"y": ("lr", LRS)}, ValueError, "expected two hyperparameters"),
        ({"surface": lambda p: p @ p}, ValueError, "must take p of shape"),
        ({"start": np.ones((2, 3))}, ValueError, "expected one point"),
        ({"seed": [1, 2]}, TypeError, "seed is .*; expected a whole number"),
        ({"tolerance": -1}, ValueError, "tolerance is -1; it must be positive"),
        ({"tolerance": "0.1"}, TypeError, "tolerance is '0.1'; expected a number"),
        ({"executor": 4}, TypeError, "executor is a int; expected a concurrent.futures.Executor"),
    ])
    def test_what_cannot_be_mapped_is_refused_in_words(self, keywords, error, message):
        usual = {"surface": "booth", "optimizer": "SGD", "x": ("lr", LRS), "y": ("momentum", MOMENTA), "steps": 2}
        with pytest.raises(error, match=message):
            hyperparameter_map(**{**usual, **keywords})

    def test_headings_begin_with_the_surface(self):
        def narrow_valley(p):
            return p[0]**2 + 9 * p[1]**2

        axes = ("lr", [0.1, 0.2]), ("momentum", [0, 0.5])
        for surface, heading in ("illconditioned_bowl", "Ill-conditioned bowl"), (narrow_valley, "Narrow valley"):
            found = hyperparameter_map(surface, "SGD(weight_decay=0.1)", *axes, start=(1, 1), steps=2)
            assert found.heading == f"{heading}: SGD(weight_decay=0.1)"

    def test_table_of_runs_that_all_diverge_names_no_best(self):
        result = hyperparameter_map("rosenbrock", "SGD", ("lr", MOMENTA + 1), ("momentum", MOMENTA), steps=20)
        (row,) = result.summary()
        assert row["diverged, %"] == 100 and np.isnan([row["best lr"], row["best momentum"], row["loss there"]]).all()
        assert result.plot()["hatching"] is not None

    def test_what_has_converged_is_unknown_where_no_minimum_is(self):
        axes = ("lr", [0.1, 0.2]), ("momentum", [0, 0.5])
        for minima, converged in (None, "–"), ([(0, 0)], "100"):
            bowl = surfaces.Surface(lambda p: p[0]**2 + p[1]**2, start=(1, 1), minima=minima or ())
            row = hyperparameter_map(bowl, "SGD", *axes, steps=100).table().splitlines()[-1]
            assert row.split()[-2:] == [converged, "0"]

    def test_function_that_is_not_defined_everywhere_is_mapped_without_warnings(self):
        result = hyperparameter_map(lambda p: np.log(p[0]) + p[1]**2, "SGD", ("lr", LRS), ("momentum", MOMENTA),
                                    start=(1, 1), steps=50)
        assert result["diverged"].any() and not result["diverged"].all()

    def test_curvature_is_that_of_the_flattest_minimum_or_of_a_quadratic(self):
        assert flattest_curvature(surfaces.quadratic_bowl) == pytest.approx(4)
        assert flattest_curvature(surfaces.Surface(lambda p: 3 * p[0]**2 + p[1]**2)) == pytest.approx(6)
        assert flattest_curvature(surfaces.Surface(lambda p: p[0]**4 + p[1]**2)) is None


class TestBasinMap:
    def test_pixels_are_single_runs(self):
        result = basin_map("himmelblau", "SGD(lr=0.01, momentum=0.9)", steps=150, size=(24, 20))
        seen = set()
        for row, column in [(10, 8), (3, 5), (14, 18), (5, 16), (0, 0)]:
            start = result.x[column], result.y[row]
            run = record("SGD(lr=0.01, momentum=0.9)", "himmelblau", start, steps=150)
            assert result["diverged"][row, column] == run.diverged
            reached = result["minimum"][row, column]
            seen.add(reached)
            if reached >= 0:
                away = np.linalg.norm(run.positions - result.facts["minima"][reached], axis=1)
                assert away[-1] < result.facts["radius"]
                assert result["steps"][row, column] == np.flatnonzero(away >= result.facts["radius"])[-1] + 1
        assert len(seen) > 3

    @pytest.mark.slow
    def test_minima_that_the_surface_does_not_tell_are_found(self):
        double_well = surfaces.Surface(lambda p: (p[0]**2 - 1)**2 + p[1]**2, domain=((-2, 2), (-1, 1)))
        found = all_minima(double_well, double_well.domain, 0.02)
        np.testing.assert_allclose(sorted(found), [[-1, 0], [1, 0]], atol=1e-9)
        assert len(all_minima(surfaces.rastrigin, surfaces.rastrigin.domain, 0.1)) == 121

    @pytest.mark.parametrize(("keywords", "error", "message"), [
        ({"surface": surfaces.rosenbrock_nd(5)}, ValueError, "a surface of two coordinates, but .* has 5"),
        ({"domain": (-3, 3)}, ValueError, r"domain is \(-3, 3\); expected two pairs"),
        ({"domain": ((3, -3), (-1, 1))}, ValueError, "low < high"),
        ({"size": 1}, ValueError, "size is 1; it must be at least 2"),
        ({"size": (5,)}, TypeError, r"size is \(5,\)"),
        ({"radius": 0}, ValueError, "radius is 0; it must be positive"),
        ({"optimizer": "Newton"}, ValueError, "elementwise optimizer"),
    ])
    def test_what_cannot_be_mapped_is_refused_in_words(self, keywords, error, message):
        with pytest.raises(error, match=message):
            basin_map(**{"surface": "booth", "optimizer": "SGD", "steps": 2, **keywords})

    def test_table_shares_sum_to_all_starts(self):
        result = basin_map("himmelblau", "SGD(lr=0.02)", steps=50, size=16)
        assert sum(row["starts, %"] for row in result.summary()) == pytest.approx(100)
        assert "median steps" in result.table("markdown")


class TestTrainabilityMap:
    def test_a_pixel_is_the_training_of_one_network(self):
        rates = np.geomspace(0.1, 300, 9)
        result = trainability_map(rates, rates, steps=40, inputs=2, width=3, samples=5, seed=1)
        for row, column in [(2, 3), (8, 1), (5, 0)]:
            first, losses = train_by_hand(rates[column], rates[row], steps=40)
            assert result["trained"][row, column] == (np.mean(losses[-20:]) < first)
            ratios = np.minimum(np.array(losses) / first if result["trained"][row, column] else first / losses, 1)
            assert result["measure"][row, column] == pytest.approx(np.mean(np.nan_to_num(ratios)), rel=1e-6)
        assert result["trained"].any() and not result["trained"].all()


def train_by_hand(lr_first, lr_second, steps, inputs=2, width=3, samples=5, seed=1):
    """Backpropagation with matrices; the same random numbers as in the map."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((inputs, samples)) / inputs**0.5
    y = rng.standard_normal((samples, 1))[:, 0]
    W, w = rng.standard_normal((width, inputs, 1))[..., 0], rng.standard_normal((width, 1))[:, 0]
    losses = []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            hidden = np.tanh(W @ x)
            error = w @ hidden / width**0.5 - y
            losses.append(np.mean(error**2))
            slope = 2 * error / samples / width**0.5
            W, w = W - lr_first * (w[:, np.newaxis] * slope * (1 - hidden**2)) @ x.T, w - lr_second * hidden @ slope
    return losses[0], losses


@pytest.fixture(scope="module")
def dask():
    """A client of two workers; on a port of its own, since another cluster may have taken the usual one."""
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, \
            distributed.Client(cluster) as client:
        yield client


def kill_when_tiles_are_done(monkeypatch, count, find):
    """Kill the process that `find` returns when so many tiles are done."""
    advance = Progress.advance

    def killing(progress, **keywords):
        advance(progress, **keywords)
        if progress.done == count:
            os.kill(find(), signal.SIGKILL)

    monkeypatch.setattr(Progress, "advance", killing)


class Sum:
    """Work that is easily checked."""

    batch = 64

    def __call__(self, x, y):
        return {"sum": 10 * y + x}


class Inline(Executor):
    """Computes what is submitted at once, and counts it."""

    submitted = 0

    def submit(self, function, *args):
        self.submitted += 1
        future = Future()
        future.set_result(function(*args))
        return future


class TestTiles:
    @pytest.mark.slow
    @pytest.mark.parametrize("tile", [3, 8])
    @pytest.mark.parametrize("name", ["rosenbrock", "ackley", "easom", "levy", "griewank", "eggholder"])
    def test_pixels_do_not_depend_on_the_tile(self, name, tile):
        """Sines, exponentials and roots too, which SIMD code computes otherwise at the end of an array."""
        axes = ("lr", LRS), ("beta1", MOMENTA)
        whole = hyperparameter_map(name, "Adam", *axes, steps=12)
        assert_same(whole, hyperparameter_map(name, "Adam", *axes, steps=12, tile=tile))

    @pytest.mark.parametrize("tile", [2, 7])
    @pytest.mark.slow
    def test_networks_and_basins_do_not_depend_on_the_tile(self, tile):
        rates = np.geomspace(0.1, 100, 11)
        assert_same(trainability_map(rates, rates, steps=25), trainability_map(rates, rates, steps=25, tile=tile))
        basins = {"surface": "six-hump camel", "optimizer": "RMSprop(lr=0.05)", "steps": 30, "size": (13, 9)}
        assert_same(basin_map(**basins), basin_map(**basins, tile=tile))

    @pytest.mark.slow
    def test_surfaces_of_many_coordinates_do_not_depend_on_the_tile(self):
        chain = surfaces.rosenbrock_nd(9)
        axes = ("lr", LRS), ("momentum", MOMENTA)
        assert_same(hyperparameter_map(chain, "SGD", *axes, steps=5),
                    hyperparameter_map(chain, "SGD", *axes, steps=5, tile=1))

    @pytest.mark.slow
    def test_process_pool_gives_the_same_map(self):
        with pool() as executor:
            assert_same(rosenbrock_map(), rosenbrock_map(executor=executor, tile=8))

    def test_dask_cluster_gives_the_same_map(self, dask):
        assert_same(rosenbrock_map(), rosenbrock_map(executor=dask.get_executor(), tile=8))

    @pytest.mark.slow
    def test_tiles_of_a_killed_worker_are_computed_again(self, monkeypatch):
        with pool() as executor:
            kill_when_tiles_are_done(monkeypatch, 2, lambda: next(iter(executor._processes)))
            assert_same(rosenbrock_map(), rosenbrock_map(executor=executor, tile=4))
            with pytest.raises(BrokenExecutor):  # the one that was given; another one has taken its place
                executor.submit(os.getpid)

    @pytest.mark.slow
    def test_broken_pool_is_replaced(self):
        with pool() as executor:
            executor.submit(os.kill, executor.submit(os.getpid).result(), signal.SIGKILL).exception()
            assert_same(rosenbrock_map(), rosenbrock_map(executor=executor, tile=8))

    def test_tiles_of_a_killed_worker_of_dask_are_computed_again(self, dask, monkeypatch):
        kill_when_tiles_are_done(monkeypatch, 2, lambda: next(iter(dask.run(os.getpid).values())))
        assert_same(rosenbrock_map(), rosenbrock_map(executor=dask.get_executor(), tile=4))

    def test_tile_that_failed_on_dask_is_computed_again(self, dask, tmp_path):
        """Dask remembers what equal calls have come to, failures too."""
        flag = tmp_path / "failed"

        class FailsOnce:  # sent to the workers as it is, since they cannot import this file
            batch = 64

            def __call__(self, x, y):
                if not flag.exists():
                    flag.touch()
                    raise OSError("the disk is away for a moment")
                return {"sum": 10 * y + x}

        x, y = np.arange(6.0), np.arange(4.0)
        arrays = tiles.compute(FailsOnce(), x, y, side=8, executor=dask.get_executor())
        np.testing.assert_array_equal(arrays["sum"], x + 10 * y[:, np.newaxis])
        assert flag.exists()

    def test_few_tiles_are_out_at_a_time(self, monkeypatch):
        monkeypatch.setattr(tiles, "IN_FLIGHT", 3)
        everything = [(slice(i, i + 1), slice(0, 2)) for i in range(5)]
        executor, submitted = Inline(), []
        for _ in hand_out(Sum(), np.arange(2.0), np.arange(5.0), everything, executor):
            submitted.append(executor.submitted)
        assert submitted == [3, 4, 5, 5, 5]

    def test_lost_tiles_are_handed_out_again_but_not_for_ever(self):
        with Flaky(losses=3) as executor:
            assert_same(rosenbrock_map(), rosenbrock_map(executor=executor, tile=8))
        with Flaky(losses=1000) as executor, pytest.raises(RuntimeError, match="failed 4 times.*the node has gone"):
            rosenbrock_map(executor=executor, tile=8)

    def test_executor_that_is_no_executor_breaks_in_words(self):
        with pool() as executor, pytest.raises(RuntimeError, match="a tile of the map failed 4 times"):
            hyperparameter_map(lambda p: p[0]**2 + p[1]**2, "SGD", ("lr", LRS), ("momentum", MOMENTA), steps=1,
                               executor=executor)

    def test_rows_and_columns_stay_where_they_are(self):
        result = computed(Sum(), np.arange(3.0), np.arange(2.0))
        np.testing.assert_array_equal(result["sum"], [[0, 1, 2], [10, 11, 12]])


def interrupt_after(monkeypatch, count):
    """Let Ctrl-C be pressed when so many tiles have been computed."""
    real, calls = tiles.computed, []

    def interrupted(*args):
        if len(calls) == count:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args)

    monkeypatch.setattr(tiles, "computed", interrupted)


class TestFiles:
    def test_interrupted_map_goes_on_from_its_tiles(self, tmp_path, monkeypatch):
        path, real = tmp_path / "map.npz", tiles.computed
        interrupt_after(monkeypatch, 4)
        with pytest.raises(KeyboardInterrupt, match="4 of 6 tiles are kept in .*map.npz.tiles; the same call goes on"):
            rosenbrock_map(path=path, tile=8)
        assert not path.exists()
        calls = []
        monkeypatch.setattr(tiles, "computed", lambda *args: calls.append(args) or real(*args))
        resumed = rosenbrock_map(path=path, tile=8)
        assert len(calls) == 2
        assert_same(resumed, rosenbrock_map())
        assert os.listdir(tmp_path) == ["map.npz"]
        monkeypatch.setattr(tiles, "computed", None)
        assert_same(resumed, rosenbrock_map(path=path, tile=8))

    def test_interruption_without_a_file_says_how_not_to_lose_tiles(self, monkeypatch):
        interrupt_after(monkeypatch, 4)
        with pytest.raises(KeyboardInterrupt, match="4 of 6 tiles are lost, since no file was named"):
            rosenbrock_map(tile=8)

    def test_damaged_tile_is_computed_again(self, tmp_path, monkeypatch):
        real = tiles.computed
        interrupt_after(monkeypatch, 1)
        with pytest.raises(KeyboardInterrupt):
            rosenbrock_map(path=tmp_path / "map.npz", tile=8)
        (tmp_path / "map.npz.tiles" / "row_0_column_0.npz").write_bytes(b"half of it")
        monkeypatch.setattr(tiles, "computed", real)
        assert_same(rosenbrock_map(path=tmp_path / "map.npz", tile=8), rosenbrock_map())

    def test_other_map_is_not_taken_for_this_one(self, tmp_path):
        rosenbrock_map(path=tmp_path / "map.npz")
        with pytest.raises(ValueError, match="belongs to another map: there tolerance is 0.001, and here 0.5"):
            rosenbrock_map(path=tmp_path / "map.npz", tolerance=0.5)
        assert_same(load(tmp_path / "map.npz"), rosenbrock_map())

    def test_a_map_of_another_size_is_described_by_its_axes(self, tmp_path):
        rosenbrock_map(path=tmp_path / "map.npz")
        with pytest.raises(ValueError, match=r"x is 21 values \(0.0001, .*, 0.1\), and here \[0.1, 0.2\]"):
            hyperparameter_map("rosenbrock", "SGD", ("lr", [0.1, 0.2]), ("momentum", MOMENTA), steps=60,
                               path=tmp_path / "map.npz")

    @pytest.mark.parametrize(("keywords", "message"), [
        ({"x": ("lr", 1.01 * LRS)}, "there x is 21"), ({"optimizer": "SGD(nesterov=True, momentum=0.5)"}, "title"),
        ({"steps": 61}, "there steps is 60, and here 61"), ({"tile": 4}, "there tile is 8, and here 4"),
        ({"seed": 1}, "there seed is 0, and here 1"), ({"start": (0, 1)}, "there start is"),
        ({"surface": lambda p: (1 - p[0])**2 + 99 * (p[1] - p[0]**2)**2}, "title"),
    ])
    def test_tiles_of_another_map_are_not_taken_for_this_ones(self, tmp_path, monkeypatch, keywords, message):
        usual = {"surface": "rosenbrock", "optimizer": "SGD", "x": ("lr", LRS), "y": ("momentum", MOMENTA), "steps": 60,
                 "path": tmp_path / "map.npz", "tile": 8}
        interrupt_after(monkeypatch, 1)
        with pytest.raises(KeyboardInterrupt):
            hyperparameter_map(**usual)
        with pytest.raises(ValueError, match=f"map.npz.tiles belongs to another map: .*{message}"):
            hyperparameter_map(**{**usual, **keywords})
        assert sorted(os.listdir(tmp_path / "map.npz.tiles")) == ["plan.npz", "row_0_column_0.npz"]

    @pytest.mark.parametrize("make", [hyperparameter_map, basin_map, trainability_map])
    def test_functions_and_optimizers_of_one_name_are_distinguished_by_what_they_do(self, tmp_path, make):
        def mapped(scale):
            def valley(p):
                return p[0]**2 + scale * p[1]**2

            def descent(params):
                return optim.chain(params, optim.scale_by_schedule(lambda step: scale), lr=0.01)

            rates, path = np.linspace(0.01, 0.1, 4), tmp_path / "map.npz"
            if make is hyperparameter_map:
                return make(valley, "SGD", ("lr", rates), ("momentum", rates), steps=5, start=(0, 1), path=path)
            if make is basin_map:
                return make(valley, "SGD", steps=5, size=4, path=path)
            return make(rates, rates, descent, steps=5, path=path)

        mapped(1.0)
        mapped(1.0)
        with pytest.raises(ValueError, match="belongs to another map: there (loss_at_start|corner_losses) is"):
            mapped(2.0)

    def test_interrupted_removal_of_tiles_leaves_their_plan(self, tmp_path, monkeypatch):
        def interrupted(folder):
            raise KeyboardInterrupt

        monkeypatch.setattr(tiles.shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rosenbrock_map(path=tmp_path / "map.npz")
        assert os.listdir(tmp_path / "map.npz.tiles") == ["plan.npz"]

    def test_file_that_cannot_be_written_is_reported_before_the_work(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tiles, "computed", None)
        (tmp_path / "text.npz").write_text("not a map")
        for path, error in (("nowhere/map.npz", FileNotFoundError), (".", IsADirectoryError), ("text.npz", ValueError)):
            with pytest.raises(error):
                rosenbrock_map(path=tmp_path / path)
        with pytest.raises(TypeError):
            rosenbrock_map(path=1)
        record("SGD", "booth", steps=3).save(tmp_path / "run.npz")
        with pytest.raises(ValueError, match="run.npz holds no map"):
            rosenbrock_map(path=tmp_path / "run.npz")

    def test_map_is_loaded_as_it_was_saved(self, tmp_path):
        result = basin_map("himmelblau", "SGD(lr=0.01)", steps=30, size=8)
        result.save(tmp_path / "map.npz")
        loaded = load(tmp_path / "map.npz")
        assert_same(result, loaded)
        assert loaded.facts == result.facts and repr(loaded) == repr(result) and loaded.table() == result.table()
        optim.save(tmp_path / "other.npz", {"a": 1})
        with pytest.raises(ValueError, match="neither a trajectory nor a race nor a map"):
            load(tmp_path / "other.npz")

    def test_progress_is_quiet_when_nobody_looks(self, capsys, monkeypatch):
        rosenbrock_map()
        assert capsys.readouterr().err == ""
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        progress = Progress(4)
        progress.advance()
        progress.end()
        assert "1 of 4 tiles" in capsys.readouterr().err


class TestPlots:
    def test_image_holds_the_map_and_lies_in_place_on_logarithmic_axes(self):
        drawing = rosenbrock_map().plot(show="loss")
        image, ax = drawing["image"], drawing.ax
        assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"
        to_screen = image.get_transform()
        left, right, bottom, top = image.get_extent()
        for column, row in [(0, 0), (7, 3), (20, 12)]:
            x, y = left + (right - left) * (column + 0.5) / 21, bottom + (top - bottom) * (row + 0.5) / 13
            np.testing.assert_allclose(to_screen.transform((x, y)),
                                       ax.transData.transform((LRS[column], MOMENTA[row])), rtol=1e-9)

    def test_axis_within_a_decade_has_plain_numbers(self):
        rates = np.geomspace(37, 46, 8)
        ax = trainability_map(rates, rates * 10, steps=2).plot().ax
        ax.figure.canvas.draw()
        assert ax.get_xscale() == "log"
        assert {label.get_text() for label in ax.get_xticklabels()} >= {"38", "40", "42", "44", "46"}

    def test_a_legend_names_only_what_is_there(self):
        rates = np.array([0.01, 0.02])
        legend = trainability_map(rates, rates, steps=5).plot().ax.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == ["trains (darker: slower)"]

    def test_large_maps_are_thinned_for_the_screen_and_stay_in_place(self, monkeypatch):
        result = basin_map("himmelblau", "SGD(lr=0.01, momentum=0.9)", steps=100, size=(40, 30))
        whole = result.plot()
        monkeypatch.setattr(raster, "SHOWN", 20)
        thin = result.plot()
        assert thin["image"].get_array().shape == (20, 20, 3)
        assert thin["image"].get_extent() == whole["image"].get_extent()
        assert thin.description == whole.description  # the shares are those of all pixels

    def test_edge_is_the_formula(self):
        result = hyperparameter_map("quadratic bowl", "SGD", ("lr", np.linspace(0.1, 1.2, 50)),
                                    ("momentum", np.linspace(0, 0.9, 40)), steps=10)
        (line,) = result.plot()["edge"].allsegs[0]
        np.testing.assert_allclose(line[:, 0], 2 * (1 + line[:, 1]) / 4, rtol=1e-3)  # between pixels

    @pytest.mark.parametrize(("optimizer", "name", "formula"), [
        ("SGD", "momentum", "2 (1 + momentum) / 4"), ("SGD", "weight_decay", "2 / (4 + weight_decay)"),
        ("SGD(momentum=0.5)", "dampening", "2 (1 + momentum) / ((1 - dampening) 4)"), ("SGD", "dampening", "2 / 4"),
        ("SGD(momentum=0.5, nesterov=True, weight_decay=0.1)", "momentum",
         "2 (1 + momentum) / ((1 + 2 momentum) (4 + weight_decay))")])
    def test_formula_of_the_edge_names_what_is_at_work_and_runs_beyond_it_diverge(self, optimizer, name, formula):
        lrs, values = np.linspace(0.05, 1.5, 30), np.linspace(0.1, 0.5, 4)
        result = hyperparameter_map("quadratic bowl", optimizer, ("lr", lrs), (name, values), steps=2000)
        assert result.plot().description.endswith(f"edge of stability at the minimum: lr = {formula}")
        numbers = {**result.facts["hyperparameters"], name: values[:, np.newaxis]}
        edge = eval(re.sub(r"([\d)]) (?=[\w(])", r"\1 * ", formula), {}, numbers) * np.ones((4, 1))
        clear = abs(lrs / edge - 1) > 0.03
        np.testing.assert_array_equal(result["diverged"][clear], (lrs > edge)[clear])

    def test_edge_is_not_drawn_where_none_is_known(self):
        result = hyperparameter_map("quadratic bowl", "Adam", ("lr", LRS), ("beta1", MOMENTA), steps=3)
        assert result.plot()["edge"] is None

    def test_where_everything_diverges_there_is_no_scale_of_colours(self):
        result = hyperparameter_map("quadratic bowl", "SGD", ("lr", np.geomspace(5, 10, 4)),
                                    ("momentum", np.linspace(0, 0.9, 4)), steps=60)
        drawing = result.plot()
        assert drawing["colorbar"] is None and drawing["hatching"] is not None

    def test_titles_are_as_wide_as_the_figure_at_most(self):
        drawing = basin_map("booth", "AdamW(lr=0.1, betas=(0.8, 0.9), weight_decay=0.3)", steps=5, size=6).plot()
        drawing.figure.draw_without_rendering()
        assert drawing.ax.title.get_window_extent().x1 < drawing.figure.bbox.x1
        assert "weight_decay" in drawing.ax.get_title()

    def test_basins_have_the_colour_of_their_minimum(self):
        result = basin_map("himmelblau", "SGD(lr=0.01)", steps=100, size=30)
        drawing = result.plot()
        pixels = drawing["image"].get_array()
        stars = drawing["minima"][0].get_xydata()
        np.testing.assert_allclose(stars, result.facts["minima"])
        hue = pixels.argmax(axis=-1)
        for i in range(4):
            assert len(np.unique(hue[result["minimum"] == i])) == 1
        assert "(3, 2)" in drawing.description

    @pytest.mark.slow
    def test_draws_on_the_axes_given(self):
        rates = np.geomspace(0.1, 100, 6)
        for result in (rosenbrock_map(), basin_map("booth", "SGD(lr=0.1)", steps=20, size=6),
                       trainability_map(rates, rates, steps=5)):
            figure, ax = plt.subplots()
            assert result.plot(ax).ax is ax
            assert plt.get_fignums() == [figure.number]
            assert result._repr_html_().startswith("<img alt=")
            plt.close(figure)


@pytest.mark.parametrize(("percent", "told"), [(0.0, "0 %"), (0.02, "< 1 %"), (0.7, "< 1 %"), (12.4, "12 %")])
def test_a_share_that_is_not_0_is_not_called_0(percent, told):
    assert share(percent) == told


def test_one_step_is_no_plural():
    assert [counted(steps) for steps in (0.0, 1.0, 2.0)] == ["0 steps", "1 step", "2 steps"]


def test_a_colour_bar_shows_small_numbers_as_they_are():
    lrs, momenta = np.geomspace(0.02, 0.4, 6), np.linspace(0, 0.5, 6)
    drawn = hyperparameter_map("quadratic_bowl", "SGD", ("lr", lrs), ("momentum", momenta), steps=300).plot()
    drawn.figure.canvas.draw()
    bar = drawn["colorbar"].ax
    low, high = bar.get_ylim()
    ticks = [*bar.yaxis.get_major_ticks(), *bar.yaxis.get_minor_ticks()]
    told = {tick.label2.get_text() for tick in ticks if low <= tick.get_loc() <= high}
    assert "100" in told and all(text.isdigit() for text in told - {""})
