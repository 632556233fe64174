"""What the surfaces claim is put to the test: every minimum, saddle and maximum, for every surface in the registry.

Gradients are taken by a complex step, exact to rounding and independent of minigrad, and once more by minigrad itself.
"""

import copy
import dataclasses
import itertools
import pickle

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from minigrad.transforms import grad
from optim.viz import record, surfaces
from optim.viz.surfaces import Surface, surface
from optim.viz.surfaces.registry import _registry

NAMES = surfaces.names()
KINKED = ["ackley", "eggholder", "bukin6"]  # no derivative at the minimum, or the minimum lies on an edge
SMOOTH = [name for name in NAMES if name not in KINKED]
TOO_MANY_TO_LIST = ["rastrigin", "ackley", "levy", "griewank", "eggholder", "bukin6"]
DEGENERATE = ["monkey_saddle"]  # its Hessian vanishes at the saddle

# Values as printed in the literature (or worked out by hand for the surfaces of our own); saddles have no minimum.
PUBLISHED_MINIMUM = dict.fromkeys(NAMES, 0.0) | {
    "saddle": None, "monkey_saddle": None, "easom": -1.0, "six_hump_camel": -1.031628453489877, "goldstein_price": 3.0,
    "styblinski_tang": -78.33233140754284, "mccormick": -3**0.5 / 2 - np.pi / 3, "branin": 5 / (4 * np.pi),
    "eggholder": -959.6406627208508}

# Values at a point where each can be had on paper.
WORKED_BY_HAND = {
    "quadratic_bowl": [(1, 1), 2.5], "illconditioned_bowl": [(1, 1), 50.5],
    "narrow_valley": [(3**0.5, 1), 2.0], "noisy_bowl": [(1, 2), 2.5], "booth": [(0, 0), 74], "matyas": [(1, 2), 0.34],
    "zakharov": [(2, 1), 25], "rosenbrock": [(0, 1), 101], "dixon_price": [(0, 1), 9], "beale": [(0, 0), 14.203125],
    "plateau": [(1, 2), 2 / 3], "easom": [(np.pi, 0), np.exp(-np.pi**2)], "saddle": [(2, 1), 3],
    "monkey_saddle": [(2, 1), 2], "himmelblau": [(0, 0), 170], "three_hump_camel": [(1, 1), 2.95 + 1 / 6],
    "six_hump_camel": [(1, 1), 2.9 + 1 / 3], "styblinski_tang": [(1, 1), -10],
    "mccormick": [(0, 0), 1], "branin": [(0, 0), 36 + 20 - 10 / (8 * np.pi)], "goldstein_price": [(0, 0), 600],
    "rastrigin": [(0.5, 0.5), 40.5], "ackley": [(1, 1), 20 * (1 - np.exp(-0.2))],
    "levy": [(5, 1), 1 + 10 * np.sin(1)**2], "griewank": [(np.pi, 0), 2 + np.pi**2 / 4000],
    "eggholder": [(0, 0), -47 * np.sin(47**0.5)], "bukin6": [(-10, 0), 100]}


def complex_step_gradient(f, p):
    """Gradient of an analytic f at p of shape (2,) or (2, N), exact to rounding."""
    p = np.asarray(p, dtype=complex)
    steps = 1e-30j * np.eye(len(p)).reshape(len(p), len(p), *[1] * (p.ndim - 1))
    return np.stack([f(p + step).imag for step in steps]) / 1e-30


def hessian(f, p, step=1e-6):
    """Hessian of an analytic f at one point, by central differences of the complex-step gradient."""
    rows = [complex_step_gradient(f, p + e) - complex_step_gradient(f, p - e) for e in step * np.eye(len(p))]
    return np.array(rows) / (2 * step)


def inside(box, point, slack=0.0):
    return all(low - slack <= x <= high + slack for x, (low, high) in zip(point, box))


def critical_points(s):
    """Pairs (point, signs that the Hessian's eigenvalues must have there)."""
    return ([(p, {1}) for p in s.minima + s.local_minima] + [(p, {-1, 1}) for p in s.saddles]
            + [(p, {-1}) for p in s.maxima])


# What is claimed of each surface


def test_the_registry_holds_at_least_24_surfaces():
    assert len(NAMES) == len(set(NAMES)) >= 24


@pytest.mark.parametrize("name", NAMES)
def test_every_surface_comes_with_formula_source_lesson_and_start(name):
    s = surfaces.get(name)
    assert s.name == name and getattr(surfaces, name) is s
    assert s.formula and s.source and s.lesson.endswith(".") and s.starts[0] == s.start
    assert s.formula.count("{") == s.formula.count("}") and "\n" not in s.lesson
    for point in s.starts + s.minima + s.local_minima + s.saddles + s.maxima:
        assert inside(s.domain, point)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_formulas_are_drawn_by_matplotlib(name):
    width, height, *_ = MathTextParser("path").parse(f"${surfaces.get(name).formula}$")
    assert width > 0 and height > 0


@pytest.mark.parametrize("name", NAMES)
def test_values_agree_with_those_worked_by_hand(name):
    point, value = WORKED_BY_HAND[name]
    np.testing.assert_allclose(surfaces.get(name)(np.array(point, dtype=float)), value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_minimum_has_the_published_value_at_every_global_minimum(name):
    s = surfaces.get(name)
    if PUBLISHED_MINIMUM[name] is None:
        assert s.minimum is None and not s.minima
    else:
        values = s(np.transpose(s.minima))
        np.testing.assert_allclose(values, PUBLISHED_MINIMUM[name], rtol=4e-15, atol=1e-13)
        np.testing.assert_allclose(s.minimum, PUBLISHED_MINIMUM[name], rtol=4e-15, atol=1e-13)


@pytest.mark.parametrize("name", SMOOTH)
def test_critical_points_are_exact_and_of_the_stated_kind(name):
    s = surfaces.get(name)
    assert critical_points(s)
    for point, signs in critical_points(s):
        gradient, curvature = complex_step_gradient(s, point), hessian(s, np.array(point))
        if name in DEGENERATE:
            np.testing.assert_allclose(np.append(gradient, curvature), 0, atol=1e-5)
            continue
        assert_critical(point, gradient, curvature, signs)


@pytest.mark.parametrize("name", SMOOTH)
def test_critical_points_are_certified_by_minigrad(name):
    s = surfaces.get(name)
    for point, signs in critical_points(s):
        gradient = grad(s)
        curvature = [grad(lambda p: gradient(p)[i])(np.array(point)) for i in range(2)]  # noqa: B023
        if name in DEGENERATE:
            np.testing.assert_array_equal(np.append(gradient(np.array(point)), curvature), 0)
            continue
        assert_critical(point, gradient(np.array(point)), curvature, signs)


def assert_critical(point, gradient, curvature, signs):
    """Newton's method would move the point by a few roundings only, and the Hessian is of the stated kind."""
    newton_step = np.linalg.solve(curvature, gradient)
    np.testing.assert_allclose(newton_step, 0, atol=1e-14 * max(1, np.abs(point).max()))
    assert set(np.sign(np.linalg.eigvalsh(curvature))) == signs


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in TOO_MANY_TO_LIST])
def test_no_critical_point_inside_the_domain_is_missing(name):
    """Around a box the gradient turns once for each minimum and maximum inside, and once backwards for each saddle."""
    s = surfaces.get(name)
    uneven = [0, 0.137, 0.291, 0.458, 0.613, 0.777, 1]  # so that no edge runs through a critical point
    x_cuts, y_cuts = ([low + (high - low) * cut for cut in uneven] for low, high in s.domain)
    saddle_index = -2 if name in DEGENERATE else -1
    for box in itertools.product(itertools.pairwise(x_cuts), itertools.pairwise(y_cuts)):
        extrema = sum(inside(box, p) for p in s.minima + s.local_minima + s.maxima)
        saddles = sum(inside(box, p) for p in s.saddles)
        assert gradient_turns_around(s, box) == extrema + saddle_index * saddles, box


def gradient_turns_around(s, box):
    """How often the gradient turns anticlockwise while its foot goes once around the box."""
    (left, right), (bottom, top) = box
    t = np.linspace(0, 4, 401)  # one unit for each side
    for _ in range(30):
        path = [np.interp(t, range(5), [left, right, right, left, left]),
                np.interp(t, range(5), [bottom, bottom, top, top, bottom])]
        gx, gy = complex_step_gradient(s, path)
        angle = np.unwrap(np.arctan2(gy, gx))
        coarse = np.abs(np.diff(angle)) > 1
        if not coarse.any():
            return round((angle[-1] - angle[0]) / (2 * np.pi))
        t = np.sort(np.append(t, (t[1:] + t[:-1])[coarse] / 2))
    raise AssertionError(f"the gradient of {s.name} jumps on the edge of {box}")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if surfaces.get(name).minima])
def test_no_point_of_a_fine_grid_lies_below_the_minimum(name):
    s = surfaces.get(name)
    assert s.grid(801)[2].min() >= s.minimum - 1e-12 * abs(s.minimum)


@pytest.mark.parametrize("name", [name for name in NAMES if surfaces.get(name).minima])
def test_every_other_minimum_lies_above_the_global_ones(name):
    s = surfaces.get(name)
    if s.local_minima:
        assert np.min(s(np.transpose(s.local_minima))) > s.minimum + 1e-3


@pytest.mark.parametrize("name", KINKED)
def test_minima_without_derivative_lie_below_their_whole_neighbourhood(name):
    s = surfaces.get(name)
    rng = np.random.default_rng(0)
    width = np.array([[high - low] for low, high in s.domain])
    for minimum in s.minima:
        for radius in 10.0 ** -np.arange(2, 7):
            around = np.array(minimum)[:, np.newaxis] + radius * width * rng.uniform(-1, 1, (2, 2000))
            around = around[:, [inside(s.domain, p) for p in around.T]]
            assert around.shape[1] > 500
            assert np.all(s(around) > s.minimum - 1e-12 * abs(s.minimum))
            if radius > 1e-5:
                assert np.all(s(around) > s.minimum)


def test_eggholder_is_lowest_where_it_is_level_along_the_edge():
    (x, y), = surfaces.eggholder.minima
    assert x == surfaces.eggholder.domain[0][1]
    step = 1e-2

    def along(t):
        return surfaces.eggholder((x, y + t))

    slope = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    curvature = (along(step) - 2 * along(0) + along(-step)) / step**2
    assert curvature > 0.1 and abs(slope / curvature) < 1e-9
    assert surfaces.eggholder((x + step, y)) < along(0) < surfaces.eggholder((x - step, y))


# How they are evaluated


@pytest.mark.parametrize("name", NAMES)
def test_many_points_at_once_equal_one_by_one(name):
    s = surfaces.get(name)
    low, high = np.transpose(s.domain)[..., np.newaxis]
    points = low + (high - low) * np.random.default_rng(1).random((2, 30))
    at_once = s(points)
    assert at_once.shape == (30,)
    np.testing.assert_allclose(at_once, [s(p) for p in points.T], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(s(points.reshape(2, 5, 6)), at_once.reshape(5, 6))
    assert np.ndim(s(points[:, 0])) == 0 and s(tuple(points[:, 0])) == s(points[:, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*NAMES, "rosenbrock_nd"])
def test_dtype_is_kept(name, dtype):
    s = surfaces.rosenbrock_nd(2) if name == "rosenbrock_nd" else surfaces.get(name)
    point = np.array(s.start, dtype=dtype)
    assert s(point).dtype == dtype
    assert s(np.stack([point] * 3, axis=1)).dtype == dtype


@pytest.mark.parametrize("name", NAMES)
def test_minigrad_differentiates_every_surface(name):
    s = surfaces.get(name)
    point = np.array(s.start) + 0.01
    step = 1e-6 * max(1.0, np.abs(point).max())
    differences = [(s(point + e) - s(point - e)) / (2 * step) for e in step * np.eye(2)]
    np.testing.assert_allclose(grad(s)(point), differences, rtol=1e-6, atol=1e-6)


def test_points_stored_one_a_row_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"rosenbrock takes p with its 2 coordinates on the first.*\(5, 2\).*p\.T"):
        surfaces.rosenbrock(np.zeros((5, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_surfaces_pickle_and_copy(name):
    s = surfaces.get(name)
    for twin in (pickle.loads(pickle.dumps(s)), copy.deepcopy(s), pickle.loads(pickle.dumps(dataclasses.replace(s)))):
        assert repr(twin) == repr(s) and twin.minima == s.minima and twin.lesson == s.lesson
        assert twin(s.start) == s(s.start)


def test_surfaces_of_chosen_parameters_pickle():
    for s in (surfaces.illconditioned(7, angle=0.3), surfaces.rosenbrock_nd(5)):
        point = np.array(s.start)
        assert pickle.loads(pickle.dumps(s))(point) == s(point)


# Grids and levels


def test_grid_covers_the_domain_and_holds_the_values():
    X, Y, Z = surfaces.branin.grid(5)
    np.testing.assert_array_equal(X[0], np.linspace(-5, 10, 5))
    np.testing.assert_array_equal(Y[:, 0], np.linspace(0, 15, 5))
    assert Z[1, 2] == surfaces.branin((X[1, 2], Y[1, 2]))
    X, Y, _ = surfaces.branin.grid(3, domain=((0, 1), (2, 3)))
    assert (X.min(), X.max(), Y.min(), Y.max()) == (0, 1, 2, 3)


@pytest.mark.parametrize("name", NAMES)
def test_levels_increase_from_the_lowest_value_to_the_highest(name):
    s = surfaces.get(name)
    levels = s.levels(15)
    assert levels.shape == (15,) and np.all(np.diff(levels) > 0)
    lowest = s.grid()[2].min() if s.minimum is None else s.minimum
    np.testing.assert_allclose([levels[0], levels[-1]], [lowest, s.grid()[2].max()])


def test_levels_crowd_in_the_valley_of_rosenbrock_and_spread_evenly_over_a_saddle():
    valley = surfaces.rosenbrock.levels(20)
    assert valley[1] < 0.1 and valley[4] < 5 and valley[-1] > 2000
    steps = np.diff(surfaces.saddle.levels(20))
    np.testing.assert_allclose(steps, steps[0])


def test_levels_leave_out_what_is_not_finite_and_tell_when_nothing_is():
    def well(p):
        return np.where(p[0] > 0, p[0]**2, np.inf)

    assert np.isfinite(Surface(well).levels()).all()
    with pytest.raises(ValueError, match="no finite value"):
        Surface(lambda p: p[0] * np.nan).levels()
    assert Surface(lambda p: 0 * p[0] + 3).levels().tolist() == [3.0]


def test_functions_of_several_arguments_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"takes x and y; it must take one point p.*p\[0\] for x, p\[1\] for y"):
        surfaces.get(lambda x, y: x + y)


def test_arguments_with_defaults_are_the_functions_own_affair():
    assert surfaces.get(lambda p, scale=2.0, *rest, shift=1.0: scale * p[0])((3, 4)) == 6
    assert surfaces.get(max)((3, 4)) == 4  # which does not tell its arguments


def test_grid_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match=r"two coordinates, but .* has 3"):
        surfaces.rosenbrock_nd(3).grid()
    with pytest.raises(ValueError, match=r"must return one number for one point, got array"):
        Surface(lambda p: p * 2).grid(9)
    with pytest.raises(ValueError, match="low < high"):
        surfaces.beale.grid(9, domain=((1, 0), (0, 1)))


@pytest.mark.parametrize("of_one_point", [lambda p: np.sum(p**2), lambda p: p @ p, lambda p: p @ np.eye(2) @ p])
def test_functions_that_take_one_point_only_are_sampled_point_by_point(of_one_point):
    X, Y, Z = Surface(of_one_point).grid(9)
    np.testing.assert_allclose(Z, X**2 + Y**2)


# The surfaces of chosen parameters


@pytest.mark.parametrize("angle", [0, 0.7])
def test_illconditioned_has_the_condition_number_asked_for(angle):
    s = surfaces.illconditioned(kappa=250, angle=angle)
    curvature = hessian(s, np.array([0.3, -0.2]))
    eigenvalues, directions = np.linalg.eigh(curvature)
    np.testing.assert_allclose(eigenvalues, [1, 250], rtol=1e-8)
    np.testing.assert_allclose(abs(directions[:, 0] @ [np.cos(angle), np.sin(angle)]), 1)
    assert s.minimum == 0 and "250" in s.formula and "250" in s.name


@pytest.mark.parametrize("kappa", [0.5, np.nan, np.inf, [1, 2]])
def test_illconditioned_refuses_what_is_no_condition_number(kappa):
    with pytest.raises(ValueError, match="kappa must be a condition number"):
        surfaces.illconditioned(kappa)


def test_rosenbrock_nd_agrees_with_scipy_and_in_two_dimensions_with_rosenbrock():
    points = np.random.default_rng(2).uniform(-2, 2, (6, 40))
    np.testing.assert_allclose(surfaces.rosenbrock_nd(2)(points[:2]), surfaces.rosenbrock(points[:2]), rtol=1e-14)
    optimize = pytest.importorskip("scipy.optimize")
    np.testing.assert_allclose(surfaces.rosenbrock_nd(6)(points), optimize.rosen(points), rtol=1e-13)


@pytest.mark.parametrize("n", [4, 7, 12])
def test_rosenbrock_nd_has_a_global_minimum_at_ones_and_a_local_one_across(n):
    s = surfaces.rosenbrock_nd(n)
    assert s.minima == ((1.0,) * n,) and s.minimum == 0 and s.ndim == n
    x = np.array([-1.0] + [1.0] * (n - 1))
    for _ in range(20):
        x = x - np.linalg.solve(hessian(s, x), complex_step_gradient(s, x))
    assert np.abs(complex_step_gradient(s, x)).max() < 1e-10 and -1.1 < x[0] < -0.7
    assert np.linalg.eigvalsh(hessian(s, x)).min() > 0 and s(x) > 1


@pytest.mark.parametrize("n", [1, 2.5, "3"])
def test_rosenbrock_nd_refuses_what_is_no_dimension(n):
    with pytest.raises(ValueError, match="n must be the number of coordinates"):
        surfaces.rosenbrock_nd(n)


# A user's own function, and names


def test_a_function_alone_makes_a_surface():
    s = Surface(lambda p: p[0]**2 + p[1]**2)
    assert s.domain == ((-2, 2), (-2, 2)) and s.name == "f" and s.minimum is None and s.noise == 0
    assert s.starts == (s.start,) and inside(s.domain, s.start) and s.start != (0, 0)
    assert s.grid(7)[2].shape == (7, 7)


def test_the_default_domain_holds_all_points_and_takes_their_dimension():
    s = Surface(lambda p: np.sum(p**2, axis=0), start=(1, 2, 8), minima=[(0, 0, 0)])
    assert s.ndim == 3 and all(inside(s.domain, p) for p in s.starts + s.minima)


def test_the_default_start_heads_the_starts_and_can_be_exchanged():
    s = Surface(lambda p: p[0], starts=[(1, 1), (0, 1)])
    assert s.start == (1, 1)
    assert dataclasses.replace(s, start=(0, 1)).starts == ((0, 1), (1, 1))


def test_name_and_lesson_come_from_the_function():
    def pit(p):
        """Deep
        and dark.

        Nothing more is said of it.
        """
        return p[0]

    assert (Surface(pit).name, Surface(pit).lesson) == ("pit", "Deep and dark.")
    assert repr(Surface(pit, domain=((0, 1), (-0.5, 2)))) == "<Surface pit on [0, 1] x [-0.5, 2]>"


@pytest.mark.parametrize(("facts", "message"), [
    ({"domain": ((2, -2), (0, 1))}, "domain must hold a pair"),
    ({"domain": (0, 1, 2)}, "domain must be a point or a list of points"),
    ({"domain": 5}, "domain must"),
    ({"domain": [-2, 2, -1, 3]}, r"domain must hold a pair .*: write \(\(-2, 2\), \(-1, 3\)\), not"),
    ({"start": (1, 2, 3), "domain": ((0, 1), (0, 1))}, "start must be"),
    ({"start": [(1, 2), (3, 4)]}, "start must be"),
    ({"minima": [(0, np.nan)]}, "minima must be"),
    ({"minima": [(0, 0), (1,)]}, "minima must be"),
    ({"start": (0, 0), "saddles": [(0, 0, 0)]}, "saddles must be"),
    ({"noise": -1}, "noise must be a standard deviation"),
])
def test_facts_that_do_not_fit_are_refused(facts, message):
    with pytest.raises(ValueError, match=message):
        Surface(lambda p: p[0], **facts)


def test_a_forgotten_return_is_asked_about():
    def forgetful(p):
        p[0]**2

    with pytest.raises(TypeError, match="forgetful returned None: is `return` missing"):
        Surface(forgetful).grid()
    with pytest.raises(TypeError, match="forgetful returned None: is `return` missing"):
        record("SGD", forgetful)


def test_what_cannot_be_called_is_no_surface():
    with pytest.raises(TypeError, match=r"function must be callable.*surfaces\.get"):
        Surface("rosenbrock")


def test_get_takes_names_surfaces_and_functions():
    assert surfaces.get("Styblinski-Tang") is surfaces.get("styblinski tang") is surfaces.styblinski_tang
    assert surfaces.get(surfaces.booth) is surfaces.booth
    assert surfaces.get(np.sum).name == "sum"
    with pytest.raises(TypeError, match="a name, a Surface or a function"):
        surfaces.get(3)


@pytest.mark.parametrize(("misspelt", "meant"), [("rosenbrok", "rosenbrock"), ("camel", "three_hump_camel"),
                                                 ("bowl", "noisy_bowl"), ("illconditioned", "illconditioned_bowl")])
def test_the_error_for_an_unknown_name_suggests_the_nearest_known_one(misspelt, meant):
    with pytest.raises(ValueError, match=f"{misspelt!r}; did you mean .*{meant!r}"):
        surfaces.get(misspelt)


def test_the_error_for_a_name_like_no_other_lists_all_names():
    with pytest.raises(ValueError, match=r"choose from quadratic_bowl, .*bukin6"):
        surfaces.get("xyzzy")


@pytest.fixture
def registry(monkeypatch):
    """The registry, put back as it was after the test."""
    monkeypatch.setattr("optim.viz.surfaces.registry._registry", dict(_registry))


def trough(p):
    """A trough has no unique minimum."""
    return p[0]**2


def test_a_decorated_function_is_registered_and_pickles(registry, monkeypatch):
    monkeypatch.setitem(globals(), "trough", surface(domain=((0, 1), (0, 1)))(trough))
    assert surfaces.get("trough") is trough and surfaces.names()[-1] == "trough"
    assert pickle.loads(pickle.dumps(trough))((0.5, 0)) == 0.25


def test_a_name_of_another_module_is_not_taken_over(registry):
    def rosenbrock(p):
        return p[0]

    with pytest.raises(ValueError, match="'rosenbrock' belongs to <Surface rosenbrock"):
        surface()(rosenbrock)
    assert surfaces.get("rosenbrock") is surfaces.rosenbrock


def test_noise_is_a_fact_about_the_gradient_and_leaves_the_values_exact():
    assert surfaces.noisy_bowl.noise > 0
    assert surfaces.noisy_bowl((1.0, 1.0)) == surfaces.noisy_bowl((1.0, 1.0)) == 1.0
    assert [name for name in NAMES if surfaces.get(name).noise] == ["noisy_bowl"]


@pytest.mark.parametrize(("name", "heading"), [
    ("mccormick", "McCormick"), ("dixon_price", "Dixon–Price"), ("illconditioned_bowl", "Ill-conditioned bowl"),
    ("narrow_valley", "Narrow valley"), ("rosenbrock", "Rosenbrock")])
def test_a_surface_has_a_heading_for_pictures(name, heading):
    assert surfaces.get(name).heading == heading
    assert dataclasses.replace(surfaces.get("rosenbrock"), name="my_valley").heading == "My valley"
