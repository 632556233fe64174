"""A recorded run is what the training loop does, even if one pass makes many runs, and it says when it ends early."""

import numpy as np
import pytest

import optim
from minigrad import Tensor, grad
from optim.viz import Race, Surface, load, race, record, surfaces, tuned_race
from optim.viz.runs import contestants
from optim.viz.runs.recording import CLASSICS, LRS, runs_are_independent

RUNNABLE = [name for name in contestants.known() if name not in ("SparseAdam", "Muon")]  # these take no vectors
STARTS = np.array([[-1.0, 0.5, 1.5], [0.5, -1.0, 2.0]])


def by_hand(make, surface, start, steps):
    """The training loop as in the first tutorial."""
    p = Tensor(start, requires_grad=True)
    optimizer, positions, losses, gradients = make([p]), [p.data.copy()], [], []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = surface.function(p)
        loss.backward()
        losses.append(loss.item())
        gradients.append(p.grad.copy())
        optimizer.step()
        positions.append(p.data.copy())
    return np.array(positions), np.array(losses), np.array(gradients), optimizer


class TestRecord:
    def test_equals_the_loop_written_by_hand(self):
        make = lambda params: optim.Adam(params, lr=0.1)
        positions, losses, gradients, optimizer = by_hand(make, surfaces.beale, (1.0, 1.5), 20)
        run = record(make, "beale", (1.0, 1.5), 20)
        np.testing.assert_array_equal(run.positions, positions)
        np.testing.assert_array_equal(run.losses[:-1], losses)
        np.testing.assert_array_equal(run.gradients[:-1], gradients)
        (state,) = optimizer.state.values()
        for name in ("exp_avg", "exp_avg_sq", "step"):
            np.testing.assert_array_equal(run.states[name][-1], state[name])

    def test_last_loss_and_gradient_belong_to_the_last_position(self):
        run = record("Adam(lr=0.1)", "beale", steps=7)
        assert run.losses[-1] == surfaces.beale(run.positions[-1])
        np.testing.assert_allclose(run.gradients[-1], record("SGD", "beale", run.positions[-1], 1).gradients[0])

    def test_state_is_nan_before_the_first_step(self):
        run = record("SGD(lr=0.1, momentum=0.9)", "booth", steps=3)
        assert np.isnan(run.states["momentum_buffer"][0]).all()
        np.testing.assert_array_equal(run.states["momentum_buffer"][1], run.gradients[0])

    def test_lists_in_the_state_are_recorded_entry_by_entry(self):
        run = record("LBFGS(max_iter=1)", "beale", steps=5)
        assert run.states["old_dirs.0"].shape == (6, 2)
        assert np.isnan(run.states["old_dirs.0"][1]).all()
        assert np.isfinite(run.states["old_dirs.0"][-1]).all()

    @pytest.mark.parametrize("name", RUNNABLE)
    def test_many_starts_equal_single_runs(self, name):
        starts = abs(STARTS)  # some optimizers keep to positive numbers
        together = record(name, "plateau", starts, 6)
        assert together.positions.shape == (7, 2, 3)
        for i, start in enumerate(starts.T):
            alone = record(name, "plateau", start, 6)
            kept = together[i]
            np.testing.assert_allclose(kept.positions, alone.positions, rtol=1e-12, atol=1e-14)
            assert kept.states.keys() == alone.states.keys()
            for entry in alone.states:
                np.testing.assert_allclose(kept.states[entry], alone.states[entry], rtol=1e-9, atol=1e-14)

    def test_rules_that_couple_elements_are_not_run_in_one_pass(self):
        independent = {name: runs_are_independent(contestants.factory(name, np.sum)([optim.Parameter([1.0, 2.0])]))
                       for name in ("Adam", "SGD", "LBFGS", "Newton", "LAMB", "AdaHessian")}
        assert [name for name, alone in independent.items() if alone] == ["Adam", "SGD"]

    @pytest.mark.parametrize(("links", "in_one_pass"), [
        ([optim.clip(1.0), optim.scale_by_adam(), optim.add_decayed_weights(0.01)], True),
        ([optim.clip_by_global_norm(1.0), optim.scale_by_adam()], False),
        ([optim.masked(optim.clip(1.0), lambda array: array.ndim > 1), optim.scale_by_adam()], False),
        ([optim.centralize(), optim.scale_by_adam()], False),
    ])
    def test_chains_run_as_they_would_alone(self, links, in_one_pass):
        make = lambda params: optim.chain(params, *links, lr=0.1)
        assert runs_are_independent(make([optim.Parameter([1.0, 2.0])])) == in_one_pass
        together = record(make, "himmelblau", STARTS, 20)
        for i, start in enumerate(STARTS.T):
            alone = record(make, "himmelblau", start, 20)
            np.testing.assert_allclose(together[i].positions, alone.positions, rtol=1e-9)

    def test_an_array_of_learning_rates_is_a_run_for_each(self):
        lrs = np.array([0.01, 0.05, 0.1, 0.3])
        together = record("Adam", "himmelblau", steps=30, lr=lrs)
        for i, lr in enumerate(lrs):
            alone = record(f"Adam(lr={lr})", "himmelblau", steps=30)
            np.testing.assert_allclose(together[i].positions, alone.positions, rtol=1e-12)
            assert together[i].hyperparameters["lr"] == lr

    @pytest.mark.parametrize("name", ["Adam", "LAMB"])
    def test_an_array_in_a_tuple_is_a_run_for_each_too(self, name):
        together = record(name, "booth", steps=5, betas=(np.array([0.5, 0.8]), 0.99))
        assert together.label.startswith(f"{name}(lr=0.001, betas=(<2 values, 0.5 to 0.8>, 0.99)")
        assert together[1].hyperparameters["betas"] == (0.8, 0.99)
        np.testing.assert_allclose(together[1].positions,
                                   record(f"{name}(betas=(0.8, 0.99))", "booth", steps=5).positions)

    def test_rates_by_array_for_a_rule_that_couples_elements(self):
        together = record("LAMB", "booth", steps=5, lr=np.array([0.1, 0.2]), label="layerwise")
        assert together[1].hyperparameters["lr"] == 0.2
        assert (together.label, together.optimizer) == ("layerwise", "LAMB(lr=<2 values, 0.1 to 0.2>)")
        np.testing.assert_array_equal(together[1].positions, record("LAMB(lr=0.2)", "booth", steps=5).positions)

    def test_each_of_many_seeds_equals_the_run_with_that_seed(self):
        together = record("SGD(lr=0.1)", "noisy_bowl", steps=20, seed=[3, 8, 5])
        alone = record("SGD(lr=0.1)", "noisy_bowl", steps=20, seed=8)
        np.testing.assert_array_equal(together[1].positions, alone.positions)
        assert not np.array_equal(together[0].positions, alone.positions)

    def test_noise_is_on_the_gradient_and_not_on_the_loss(self):
        run = record("SGD(lr=0.1)", "quadratic_bowl", steps=4000, noise=0.5)
        exact = run.positions * [1, 4]
        noise = run.gradients - exact
        assert abs(noise.std() - 0.5) < 0.02
        assert abs(noise.mean()) < 0.02
        np.testing.assert_array_equal(run.losses, surfaces.quadratic_bowl(run.positions.T))

    def test_all_evaluations_within_a_step_see_the_same_noise(self):
        gradients = []

        class Twice(optim.Optimizer):
            def step(self, closure):
                for _ in range(2):
                    closure()
                    gradients.append(self.param_groups[0]["params"][0].grad.copy())

        record(lambda params: Twice(params, lr=1.0), "noisy_bowl", steps=2)
        np.testing.assert_array_equal(gradients[0], gradients[1])
        assert not np.array_equal(gradients[0], gradients[2])

    def test_line_searches_get_the_closure_and_their_evaluations_are_counted(self):
        run = record("LBFGS", "rosenbrock", steps=5)
        assert run.losses[-1] < 1e-3 * run.losses[0]
        assert run.evaluations > 5
        assert f"{run.evaluations} gradients in 5 steps" in run.table()
        assert record("Adam", "rosenbrock", steps=5).evaluations == 5

    def test_second_order_methods_are_given_the_curvature_of_the_surface(self):
        np.testing.assert_allclose(record("Newton", "booth", steps=1).positions[-1], (1, 3))
        np.testing.assert_allclose(record(optim.Newton, "booth", steps=1).positions[-1], (1, 3))
        np.testing.assert_allclose(record("NewtonCG", "booth", steps=8).positions[-1], (1, 3), atol=1e-6)

    def test_ones_own_optimizer_runs_in_one_pass(self):
        class SignDescent(optim.Optimizer):
            def __init__(self, params, lr=0.25):
                super().__init__(params, lr=lr)

            def update(self, grad, state, param):
                return np.sign(grad)

        run = record(SignDescent, lambda p: abs(p[0]) + abs(p[1]), STARTS, steps=2)
        np.testing.assert_array_equal(run.positions[-1], STARTS - 0.5 * np.sign(STARTS))
        assert run.label == "SignDescent(lr=0.25)"

    def test_functions_of_one_point_only_are_run_one_by_one(self):
        together = record("Adam(lr=0.1)", lambda p: p @ p, STARTS, 5)
        in_one_pass = record("Adam(lr=0.1)", lambda p: p[0]**2 + p[1]**2, STARTS, 5)
        np.testing.assert_allclose(together.positions, in_one_pass.positions)

    def test_every_keeps_the_steps_asked_for_and_the_last(self):
        full, thin = record("Adam", "booth", steps=25), record("Adam", "booth", steps=25, every=10)
        assert thin.steps.tolist() == [0, 10, 20, 25]
        np.testing.assert_array_equal(thin.positions, full.positions[thin.steps])
        np.testing.assert_array_equal(thin.losses, full.losses[thin.steps])
        np.testing.assert_array_equal(thin.states["exp_avg"], full.states["exp_avg"][thin.steps])

    def test_a_schedule_moves_the_rates_that_are_recorded(self):
        run = record("SGD(lr=0.1)", "booth", steps=4, schedule=lambda optimizer: optim.schedule.StepLR(optimizer, 2))
        np.testing.assert_allclose(run.rates, [0.1, 0.1, 0.01, 0.01, 0.001])

    def test_no_steps_are_a_run_too(self):
        run = record("Adam", "booth", (1, 2), 0)
        assert run.positions.tolist() == [[1, 2]]
        assert run.losses.tolist() == [surfaces.booth((1, 2))]

    def test_surfaces_of_many_coordinates(self):
        run = record("Adam(lr=0.01)", surfaces.rosenbrock_nd(5), steps=10)
        assert run.positions.shape == (11, 5)

    def test_the_optimizer_can_be_made_again(self):
        run = record("SGD(momentum=0.9)", "booth", steps=2, lr=np.array([0.1, 0.2]))[1]
        p = optim.Parameter([1.0, 2.0])
        assert repr(run.new_optimizer([p])) == repr(optim.SGD([p], lr=0.2, momentum=0.9))


class TestDivergence:
    def test_a_run_that_diverges_says_so_and_keeps_what_it_has(self):
        run = record("SGD(lr=0.01)", "rosenbrock", steps=100)
        taken = int(run.last_steps)
        assert 1 <= taken < 10
        assert run.diverged
        assert run.ending == f"diverged after step {taken}"
        assert len(run.positions) == len(run.losses) == len(run.gradients) == taken + 1
        assert np.isfinite(run.positions).all()
        assert "diverged" in repr(run)

    def test_of_many_runs_the_others_go_on(self):
        together = record("SGD", "quadratic_bowl", steps=300, lr=np.array([0.1, 0.6, 3.0]))
        assert together.diverged.tolist() == [False, True, True]
        assert together.ending == f"2 of 3 runs diverged, the first after step {together.last_steps[2]}"
        assert np.isfinite(together.positions[..., 0]).all()
        for i, lr in ((1, 0.6), (2, 3.0)):
            alone = record("SGD", "quadratic_bowl", steps=300, lr=lr)
            assert together.last_steps[i] == alone.last_steps
            assert np.isnan(together.positions[alone.last_steps + 1:, :, i]).all()
            np.testing.assert_allclose(together[i].positions, alone.positions)

    def test_a_loss_that_becomes_nan_ends_the_run(self):
        run = record("SGD(lr=0.3)", lambda p: np.log(p[0]) + p[1]**2, (0.5, 0.0), steps=20)
        assert run.diverged and run.ending == f"f is nan after step {run.last_steps}"
        assert np.isfinite(run.positions).all()

    def test_of_many_runs_each_says_whether_it_came_to_where_the_function_is_nan(self):
        runs = record("SGD(lr=0.1)", lambda p: np.sqrt(p[0]) + 20 * p[1]**2, [[0.5, 1e4], [0.0, 1.0]], steps=40)
        assert runs.diverged.all() and runs.undefined.tolist() == [True, False]
        assert [run.ending.partition(" after")[0] for run in runs] == ["f is nan", "diverged"]

    def test_a_run_whose_optimizer_refuses_to_go_on_keeps_what_it_has(self):
        class Timid(optim.Optimizer):
            elementwise = False

            def update(self, grad, state, param):
                if abs(param[0]) < 0.5:
                    raise FloatingPointError("too near")
                return grad

        run = record(lambda params: Timid(params, lr=0.25), "quadratic_bowl", (1.0, 0.0), steps=20)
        bold = record("SGD(lr=0.25)", "quadratic_bowl", (1.0, 0.0), steps=20)
        taken = int(run.last_steps)
        assert run.ending == f"diverged after step {taken}" and 0 < taken < 20
        np.testing.assert_array_equal(run.positions, bold.positions[:taken + 1])
        np.testing.assert_array_equal(run.gradients, bold.gradients[:taken + 1])

    def test_warnings_of_overflow_are_not_shown(self):
        record("SGD(lr=10)", "rosenbrock", STARTS, steps=100)  # a warning would be an error here


class TestWhatFollows:
    def test_effective_steps_and_rates(self):
        run = record("SGD(lr=0.125)", "himmelblau", steps=5)
        np.testing.assert_array_equal(run.effective_steps, run.positions[1:] - run.positions[:-1])
        np.testing.assert_allclose(run.effective_rates, 0.125)
        still = record("SGD(lr=0.1)", "quadratic_bowl", (1, 0), steps=2)
        assert np.isnan(still.effective_rates[:, 1]).all()

    @pytest.mark.parametrize("start", [(2.9, 2.1), [[2.9, -3.7, 0.0], [2.1, -3.2, 0.0]]])
    def test_distances_are_to_the_nearest_minimum(self, start):
        run = record("SGD(lr=0.01)", "himmelblau", start, steps=3)
        for t, position in enumerate(run.positions):
            for i, point in enumerate(position.T.reshape(-1, 2)):
                expected = min(np.hypot(*(point - minimum)) for minimum in surfaces.himmelblau.minima)
                assert run.distances[t].reshape(-1)[i] == pytest.approx(expected)

    def test_steps_to_a_tolerance(self):
        run = record("SGD(lr=0.1)", "booth", steps=100)
        reached = int(run.steps_to(1e-3))
        assert run.losses[reached] <= 1e-3 < run.losses[reached - 1]
        assert np.isnan(record("SGD(lr=0.1)", "booth", steps=1).steps_to(1e-3))

    def test_the_loss_is_counted_from_the_known_minimum(self):
        run = record("Adam(lr=0.1)", "styblinski_tang", (-2.5, -2.5), steps=200)
        assert run.losses[-1] < -78
        assert 0 <= run.excess[-1] < 1e-3 <= run.excess[0]
        assert np.isnan(record("Adam", "saddle", steps=2).excess).all()


class TestRace:
    def test_runs_are_found_by_label_and_place(self):
        both = race("booth", {"plain": "SGD(lr=0.1)", "Adam": optim.Adam}, steps=3)
        assert both["plain"] is both[0]
        assert [run.label for run in both] == ["plain", "Adam"]
        with pytest.raises(KeyError, match="no run is labelled 'SGD'; there are .*'plain'"):
            both["SGD"]

    def test_all_start_from_one_point_and_see_the_same_noise(self):
        first, second = race("noisy_bowl", {"a": "SGD(lr=0.1)", "b": "SGD(lr=0.1)"}, start=(1, 2), steps=5)
        np.testing.assert_array_equal(first.positions, second.positions)
        assert first.positions[0].tolist() == [1, 2]

    def test_your_own_function_with_facts(self):
        own = race(lambda p: (p[0] - 1)**2 + p[1]**2, ["SGD(lr=0.1)"], start=(3, 1), domain=((-4, 4), (-2, 2)),
                   minima=(1, 0))
        assert own.surface.domain == ((-4, 4), (-2, 2))
        assert own[0].distances[-1] < 1e-6

    def test_the_default_domain_of_ones_own_function_holds_start_and_paths(self):
        far = lambda p: (p[0] - 40)**2 + 3 * (p[1] + 7)**2
        runs = race(far, ["SGD(lr=0.1)", "SGD(lr=0.4)", "Adam(lr=2)"], start=(2, 2))
        assert runs["SGD(lr=0.4)"].ending  # in a frame that held this one, the others could not be seen
        assert all(run.surface is runs.surface for run in runs)
        for run in (runs[0], runs[2]):
            assert np.all(run.positions > [side[0] for side in runs.surface.domain])
            assert np.all(run.positions < [side[1] for side in runs.surface.domain])
        widths = np.diff(runs.surface.domain).ravel()
        assert widths[0] < 100 and 0.39 < widths[0] / widths[1] < 2.51

    def test_a_single_run_tuned_races_and_many_starts_are_framed_too(self):
        far = lambda p: (p[0] - 40)**2 + (p[1] + 7)**2
        starts = np.array([[1.0, 2.0, 3.0], [1.0, 0.0, 5.0]])
        for run in (record("SGD(lr=0.1)", far, (2, 2)), tuned_race(far, ["SGD"], start=(2, 2))[0],
                    record("SGD(lr=0.1)", far, starts), race(far, ["SGD(lr=0.1)"], start=starts)[0]):
            (left, right), (bottom, top) = run.surface.domain
            assert left < 2 and right > 39 and bottom < -6 and top > 1

    def test_a_tuned_race_of_ones_own_function_may_go_anywhere(self):
        fair = tuned_race(lambda p: (p[0] - 40)**2 + (p[1] + 7)**2, ["SGD"], start=(2, 2))
        assert fair[0].losses[-1] < 1e-9 and "domain" not in fair.note

    def test_a_run_that_goes_nowhere_has_a_frame(self):
        (left, right), _ = race(lambda p: 0 * p[0] + p[1]**2, ["SGD(lr=0.1)"], start=(2, 0)).surface.domain
        assert left < 2 < right

    def test_a_number_is_a_start_of_one_coordinate(self):
        own = race(lambda p: (p[0] - 1)**2, ["SGD(lr=0.1)"], start=3.0, minima=1.0)
        assert own.surface.ndim == 1 and own[0].positions[0] == 3 and own.surface.minima == ((1.0,),)
        assert Surface(lambda p: p[0]**2, start=3, local_minima=[0.0, 2.0]).local_minima == ((0.0,), (2.0,))
        assert record("SGD(lr=0.1)", own.surface, 2.0).positions[0] == 2

    def test_noise_of_ones_own_is_a_function(self):
        drawn = []

        def heavy(p, rng):
            drawn.append((p, p * rng.standard_t(3, p.shape)))
            return drawn[-1][1]

        run = record("SGD(lr=0.01)", "booth", (1, 2), 5, noise=heavy, seed=4)
        places, noise = map(np.array, zip(*drawn[-6:]))  # one for each step and one for the last gradient
        np.testing.assert_array_equal(places, run.positions)
        exact = [grad(surfaces.booth)(point) for point in run.positions]
        np.testing.assert_allclose(run.gradients, exact + noise)
        np.testing.assert_array_equal(record("SGD(lr=0.01)", "booth", (1, 2), 5, noise=heavy, seed=4).positions,
                                      run.positions)
        many = record("SGD(lr=0.01)", "booth", (1, 2), 5, noise=heavy, seed=[3, 4])
        np.testing.assert_array_equal(many[1].positions, run.positions)

    @pytest.mark.parametrize("start", [(2.2, 1.5), [[2.2, -3.0], [1.5, 0.5]]])
    def test_a_piecewise_constant_function_has_gradient_0_and_a_warning_says_so(self, start):
        stairs = Surface(lambda p: np.floor(p[0]) + np.floor(p[1]), name="stairs")
        with pytest.warns(UserWarning, match="stairs got a Tensor and returned a plain number") as told:
            run = record("SGD(lr=0.1)", stairs, start, 3)
        assert len(told) == 1
        assert not run.gradients.any()
        np.testing.assert_array_equal(run.losses[-1], np.floor(start).sum(axis=0))

    @pytest.mark.parametrize("plain", [lambda p: 3.0, lambda p: p[0].item()])
    def test_a_plain_number_has_gradient_0_and_a_warning_too(self, plain):
        with pytest.warns(UserWarning, match="returned a plain number"):
            assert not record("SGD", Surface(plain), (1, 2), 2).gradients.any()

    def test_noise_of_a_wrong_shape_is_refused_in_words(self):
        with pytest.raises(ValueError, match=r"noise\(p, rng\) returned .* the shape of p, \(2,\)"):
            race("booth", ["SGD"], noise=lambda p, rng: rng.standard_normal(3))

    def test_facts_leave_the_registered_surface_alone(self):
        race("booth", ["SGD"], steps=1, domain=((0, 1), (0, 1)))
        assert surfaces.booth.domain == ((-10, 10), (-10, 10))

    def test_labels_tell_what_differs_from_the_defaults(self):
        runs = race("booth", ["SGD(lr=0.1,momentum=.9)", lambda params: optim.Adam(params, betas=(0.5, 0.9))], steps=1)
        assert [run.label for run in runs] == ["SGD(lr=0.1, momentum=0.9)", "Adam(lr=0.001, betas=(0.5, 0.9))"]

    def test_the_classics_come_down_on_rosenbrock(self):
        runs = race("rosenbrock", CLASSICS, steps=1000)
        assert not any(run.diverged for run in runs)
        assert max(run.losses[-1] for run in runs) < 1
        assert np.isfinite(runs["Adam"].steps_to(1e-3))


class TestTunedRace:
    def test_takes_the_best_of_the_rates_for_each(self):
        lrs = [0.001, 0.01, 0.1, 10.0]
        fair = tuned_race("booth", {"SGD": "SGD", "Adam": "Adam"}, lrs, steps=40)
        for run, name in zip(fair, ("SGD", "Adam")):
            trials = {lr: record(name, "booth", steps=40, lr=lr) for lr in lrs}
            highest = {lr: trial.losses[-5:].max() for lr, trial in trials.items() if abs(trial.positions).max() <= 10}
            best = min(highest, key=highest.get)
            assert run.label == f"{name}, lr={best}"
            np.testing.assert_array_equal(run.positions, trials[best].positions)

    def test_states_the_budget(self):
        note = tuned_race("booth", ["SGD"], [0.05, 0.01, 1.0], steps=5).note
        assert note == ("best of 3 learning rates from 0.01 to 1, judged by the last tenth of the run, "
                        "among those that stay in the domain")

    def test_says_which_optimizers_need_other_rates(self):
        note = tuned_race("booth", ["SGD", "Adam"], [0.001, 0.01, 0.05], steps=5).note
        assert " from 0.001 to 0.05, judged " in note
        assert note.endswith(" the domain (at the end of the range: SGD(lr=0.05); Adam(lr=0.05))")

    def test_a_run_that_swings_through_a_low_place_on_its_last_step_is_not_taken(self):
        swinging, calm = (record("SGD(momentum=0.9)", "himmelblau", lr=lr) for lr in (0.025, 0.0063))
        assert swinging.losses[-1] < calm.losses[-1] and swinging.losses[-20:].max() > calm.losses[-20:].max()
        (run,) = tuned_race("himmelblau", ["SGD(momentum=0.9)"], [0.025, 0.0063])
        assert run.rates[0] == 0.0063

    @pytest.mark.parametrize("start", [(-0.5, 2.5), [[-0.5, -0.5], [2.5, 2.5]]])
    def test_a_run_that_leaps_out_of_the_domain_is_not_taken_even_if_it_ends_lower(self, start):
        leaping, staying = (record("RMSprop", "rosenbrock", start, lr=lr) for lr in (4.6, 0.1))
        assert (leaping.losses[-1] < staying.losses[-1]).all()
        assert leaping.positions.min() < -20 and staying.positions.min() > -2
        (run,) = tuned_race("rosenbrock", ["RMSprop"], [4.6, 0.1], start)
        assert run.label == "RMSprop(lr=0.1)"

    def test_if_no_run_stays_in_the_domain_those_that_leave_are_judged_and_reported(self):
        (run,) = fair = tuned_race("rosenbrock", ["RMSprop"], [6.8, 4.6, 1.0])
        assert run.label == "RMSprop(lr=4.6)" and not run.diverged
        assert fair.note.endswith("the domain (all leave: RMSprop(lr=4.6))")

    def test_domain_that_is_asked_for_decides_who_stays(self):
        wide = {"domain": ((-100, 100), (-100, 100))}
        (run,) = tuned_race("rosenbrock", ["RMSprop"], [4.6, 0.1], **wide)
        assert run.label == "RMSprop(lr=4.6)"

    def test_learning_rates_that_are_tried_can_be_read_off_the_label(self):
        assert (len(LRS), LRS[0], LRS[-1]) == (31, 1e-5, 10)
        np.testing.assert_allclose(np.diff(np.log10(LRS)), 0.2, atol=0.01)
        for run in tuned_race("booth", steps=20):
            assert float(run.label.partition("lr=")[2]) == run.hyperparameters["lr"]

    def test_without_a_rate_that_holds_the_run_is_still_reported(self):
        (run,) = tuned_race("rosenbrock", ["SGD"], [1.0, 10.0], steps=20)
        assert run.diverged

    def test_several_seeds_are_judged_by_their_median(self):
        (run,) = tuned_race("noisy_bowl", ["SGD"], [0.01, 0.1], steps=50, seed=range(5))
        highest = {lr: np.median(record("SGD", "noisy_bowl", steps=50, seed=range(5), lr=lr).losses[-6:].max(axis=0))
                   for lr in (0.01, 0.1)}
        assert run.rates[0] == min(highest, key=highest.get)


class TestTable:
    runs = race("booth", {"a|b": "SGD(lr=0.1)", "SGD": "SGD(lr=1)"}, steps=50)

    def test_text(self):
        head, rule, first, second, blank, note = self.runs.table().split("\n")
        columns = [name for name in head.split("  ") if name]
        assert [name.strip() for name in columns] == ["optimizer", "lr", "steps", "final loss", "distance to minimum",
                                                      "steps to 0.001", "seconds"]
        assert set(rule) == {"-", " "}
        assert first.startswith("a|b") and " 50 " in first
        assert note == f"SGD: {self.runs[1].ending}" and not blank and second

    def test_markdown_has_a_cell_for_each_column(self):
        lines = self.runs.table("markdown").split("\n")[:4]
        assert {line.replace(r"\|", "").count("|") for line in lines} == {8}

    def test_csv_reads_back_to_full_precision(self, tmp_path):
        import csv
        rows = list(csv.DictReader(self.runs.table("csv").splitlines()))
        assert float(rows[0]["final loss"]) == self.runs[0].losses[-1]
        assert rows[1]["ending"] == self.runs[1].ending

    def test_unknown_formats_are_refused(self):
        with pytest.raises(ValueError, match="'latex'; expected one of 'text', 'markdown'"):
            self.runs.table("latex")


class TestSaveAndLoad:
    def assert_same(self, one, other):
        for name in ("steps", "positions", "losses", "gradients", "rates", "last_steps"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert one.states.keys() == other.states.keys()
        for name in one.states:
            np.testing.assert_array_equal(one.states[name], other.states[name])
        for name in ("label", "optimizer", "planned", "evaluations", "seconds", "ending", "hyperparameters"):
            assert getattr(one, name) == getattr(other, name)

    def test_a_race_comes_back_as_it_was(self, tmp_path):
        runs = race("rosenbrock", CLASSICS | {"too fast": "SGD(lr=1)", "LBFGS": "LBFGS"}, steps=20, note="as it was")
        runs.save(tmp_path / "race.npz")
        back = load(tmp_path / "race.npz")
        assert isinstance(back, Race) and back.note == "as it was"
        assert back.surface((2.0, 3.0)) == runs.surface((2.0, 3.0))
        for one, other in zip(runs, back):
            self.assert_same(one, other)
            assert other.surface is back.surface

    def test_many_runs_and_facts_come_back(self, tmp_path):
        surface = Surface(lambda p: p[0]**2 + p[1]**2, name="own", domain=((-1, 1), (-2, 2)), minima=(0, 0))
        run = record("Adam(lr=0.1)", surface, STARTS, steps=5)
        run.save(tmp_path / "run.npz")
        back = load(tmp_path / "run.npz", function=surface.function)
        self.assert_same(run, back)
        assert back.surface.domain == surface.domain and back.surface.minima == surface.minima
        with pytest.raises(ValueError, match="comes from a file, which holds no optimizer"):
            back.new_optimizer([optim.Parameter([1.0])])

    def test_a_function_that_is_not_in_the_file_is_asked_for_when_needed(self, tmp_path):
        record("Adam", lambda p: p[0]**2, (1, 2), steps=2).save(tmp_path / "run.npz")
        back = load(tmp_path / "run.npz")
        assert back.positions.shape == (3, 2)
        with pytest.raises(ValueError, match=r"not in the file: give it to load\(path, function=...\)"):
            back.surface((1.0, 2.0))

    def test_other_files_are_refused(self, tmp_path):
        optim.save(tmp_path / "other.npz", {"kind": "model"})
        with pytest.raises(ValueError, match="neither a trajectory nor a race"):
            load(tmp_path / "other.npz")
        (tmp_path / "text.npz").write_text("optimizer,steps\n")
        with pytest.raises(ValueError, match="text.npz is damaged, or not a file that optim.save has written$"):
            load(tmp_path / "text.npz")


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"optimizer": "Adma"}, ValueError, "no optimizer is named 'Adma'; did you mean .*Adam"),
    ({"optimizer": "SAM"}, ValueError, r"'SAM' .* needs optimizer: .*optim.SAM\(optim.SGD\(params, lr=0.01\)\)"),
    ({"optimizer": "GaussNewton"}, ValueError, r"lambda params: optim.GaussNewton\(params, residuals, jacobian\)"),
    ({"optimizer": "MyLion(lr=1)"}, ValueError, "pass your own class itself"),
    ({"optimizer": "Adam(0.1)"}, ValueError, "0.1 has no name"),
    ({"optimizer": "Adam(lrr=0.1)"}, ValueError, "Adam has no hyperparameter 'lrr'; did you mean lr?"),
    ({"optimizer": "Adam(lr=1, lr=2)"}, ValueError, "Adam"),
    ({"optimizer": "Adam(lr=-1)"}, ValueError, r"in 'Adam\(lr=-1\)', lr is -1"),
    ({"optimizer": "Adam(lr=__import__('os'))"}, ValueError, "expected a number"),
    ({"optimizer": "Adam(lr=1).x"}, ValueError, "is not of the form"),
    ({"optimizer": "optim.Adam(lr=1)"}, ValueError, "is not of the form"),
    ({"optimizer": "Adam(lr="}, ValueError, "is not of the form"),
    ({"optimizer": "Adam(**{'lr': 1})"}, ValueError, "no hyperparameter"),
    ({"optimizer": 3}, TypeError, "an optimizer must be given as"),
    ({"optimizer": optim.SGD([optim.Parameter([1.0])])}, TypeError, "lambda params: optim.Adam"),
    ({"optimizer": lambda params: 3}, TypeError, "must return an optimizer; .* returned 3"),
    ({"start": (1, 2, 3)}, ValueError, "start must be a point of 2 finite numbers"),
    ({"start": (1, np.nan)}, ValueError, "start must be"),
    ({"start": "here"}, ValueError, "start must be"),
    ({"start": np.ones((4, 2))}, ValueError, r"array of shape \(2, N\)"),
    ({"steps": -1}, ValueError, "steps is -1; it must be at least 0"),
    ({"steps": 1.5}, TypeError, "steps is 1.5; expected a whole number"),
    ({"every": 0}, ValueError, "every is 0"),
    ({"noise": -1}, ValueError, "noise must be"),
    ({"seed": -1}, ValueError, "seed is -1"),
    ({"lr": np.ones(3), "seed": [1, 2]}, ValueError, "all have the same length; got 2 for seed, 3 for lr"),
    ({"momentum": 3}, ValueError, "Adam does not know the hyperparameter 'momentum'"),
    ({"surface": "boot"}, ValueError, "did you mean 'booth'"),
    ({"surface": lambda p: "low"}, TypeError, "returned 'low'; expected one number for each point"),
    ({"surface": lambda p: p}, ValueError, "expected one number for each point"),
])
def test_what_does_not_fit_is_reported_in_words(arguments, error, message):
    with pytest.raises(error, match=message):
        record(**{"optimizer": "Adam", "surface": "booth", **arguments})


def test_what_is_in_the_wrong_place_is_reported():
    with pytest.raises(TypeError, match="the optimizer, then the surface, and 'rosenbrock' is a surface: .* swapped"):
        record("rosenbrock", "SGD(lr=0.1)")
    for compare in (race, tuned_race):
        with pytest.raises(TypeError, match="the surface, then the optimizers, .* are they swapped"):
            compare(["SGD"], "rosenbrock")
        with pytest.raises(TypeError, match="does not take minimum, .* did you mean minima?"):
            compare("booth", ["SGD"], minimum=(1, 3))
        with pytest.raises(TypeError, match='does not take lr, .* as in "Adam.lr=0.05.", and a schedule'):
            compare("booth", ["SGD"], lr=0.1)


def test_minima_that_a_run_finds_to_be_none_are_refused():
    with pytest.raises(ValueError, match=r"minima is \(\(5.0, 5.0\),\), where f is 50, but it is lower at \("):
        race(lambda p: p[0]**2 + p[1]**2, ["SGD(lr=0.1)"], minima=[(5, 5)], start=(2, 2), domain=((-3, 3), (-3, 3)))
    rounded = Surface(lambda p: (p[0] - 1 / 3)**2 + p[1]**2, minima=[(0.33, 0)], start=(2, 2))
    assert record("SGD(lr=0.4)", rounded).losses[-1] < rounded.minimum
    below = Surface(lambda p: p[0]**3 - 3 * p[0] + p[1]**2, minima=[(1, 0)], domain=((0, 2), (-1, 1)))
    assert record("SGD(lr=0.1)", below, (-3, 0)).losses.min() < below.minimum  # but outside the domain


class TestSchedules:
    def test_are_reported_in_labels(self):
        def step(optimizer):
            return optim.schedule.StepLR(optimizer, 2)
        assert record("SGD(lr=0.1)", "booth", steps=3, schedule=step).label == "SGD(lr=0.1), StepLR"
        assert record("LBFGS", "booth", STARTS, steps=1, schedule=step).label.endswith("StepLR")

    def test_a_race_gives_each_optimizer_one(self):
        (run,) = race("booth", ["SGD(lr=0.1)"], steps=3, schedule=lambda one: optim.schedule.StepLR(one, 2))
        np.testing.assert_allclose(run.rates, [0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize(("optimizers", "message"), [
    ([], "optimizers is empty; expected at least one"), ({}, "optimizers is empty"),
    (["SGD(lr=0.1)", "SGD( lr=0.10 )"], "have the same text")])
def test_a_race_needs_optimizers_that_can_be_distinguished(optimizers, message):
    with pytest.raises(ValueError, match=message):
        race("booth", optimizers)


def test_a_mistake_in_the_last_optimizer_is_reported_before_the_first_run():
    class Stepping(optim.SGD):
        def step(self, closure=None):
            pytest.fail("the first run has begun")

    with pytest.raises(ValueError, match="no optimizer is named 'Admm'"):
        race("booth", {"first": Stepping, "last": "Admm"})


def test_a_race_builds_each_contestant_once():
    built = []

    def counted(params):
        built.append(params)
        return optim.SGD(params)

    race("booth", {"SGD": counted}, steps=3)
    assert len(built) == 1


def test_text_is_never_evaluated(capsys):
    with pytest.raises(ValueError, match="expected a number"):
        contestants.factory("Adam(lr=print('evaluated'))")
    assert capsys.readouterr().out == ""
