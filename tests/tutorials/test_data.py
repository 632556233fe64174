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
