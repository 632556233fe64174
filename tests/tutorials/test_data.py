"""The data sets of the course are the published ones."""

import numpy as np

import tutorials

# NIST's certified least-squares solution for Longley's data: the constant, then the six columns.
CERTIFIED = [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359,
             -0.0511041056535807, 1829.15146461355]


def test_longley_has_the_certified_solution():
    table = np.loadtxt(tutorials.DATA / "longley.csv", delimiter=",", skiprows=1)
    columns = np.column_stack([np.ones(16), table[:, 2:]])
    sizes = np.linalg.norm(columns, axis=0)
    solution = np.linalg.lstsq(columns / sizes, table[:, 1], rcond=None)[0] / sizes
    np.testing.assert_allclose(solution, CERTIFIED, rtol=1e-6)


def test_co2_rises_and_breathes_as_published():
    """Keeling's means of the years are known: 315.97 ppm in 1959, 371.13 in 2001; May is high and October low."""
    year, co2 = np.loadtxt(tutorials.DATA / "co2.csv", delimiter=",", skiprows=1, unpack=True)
    assert len(year) == 521 and np.all(np.diff(year) > 0)
    assert abs(co2[year.astype(int) == 1959].mean() - 315.97) < 0.3
    assert abs(co2[year.astype(int) == 2001].mean() - 371.13) < 0.3
    month = np.floor(year % 1 * 12) + 1
    assert co2[month == 5].mean() - co2[month == 10].mean() > 4


def test_names_are_small_letters_each_once():
    names = (tutorials.DATA / "names.txt").read_text().split()
    assert len(names) == 5163 and names == sorted(set(names))
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    assert {"mary", "james", "aaron"} <= set(names)
