"""Files are complete or unchanged, and parts that do not fit together raise a clear error."""

import copy
import os

import numpy as np
import pytest

import optim
from optim.viz import (
    animate,
    basin_map,
    contour,
    hyperparameter_map,
    load,
    page,
    race,
    record,
    surfaces,
    trainability_map,
)

RUNS = race("booth", ["SGD(lr=0.1)", "Adam(lr=1)"], steps=4)
MAPS = [
    hyperparameter_map("booth", "SGD", ("lr", [0.01, 0.02]), ("momentum", [0.0, 0.5]), steps=3),
    basin_map("booth", "SGD(lr=0.1)", size=3, steps=3),
    trainability_map([0.1, 0.2], [0.1, 0.2], steps=3),
]


@pytest.mark.parametrize("name", ["race.npz", "map.npz", "picture.png", "picture.svg", "page.html", "film.gif",
                                  "film.html"])
@pytest.mark.slow
def test_an_interrupted_file_is_as_it_was_and_leaves_nothing_beside(name, tmp_path, monkeypatch):
    writers = {"race": RUNS.save, "map": MAPS[0].save, "picture": contour("booth").save,
               "page": lambda path: page(RUNS, path), "film": lambda path: animate(RUNS, path, frames=2, dpi=30)}

    def interrupted(*names):
        raise KeyboardInterrupt

    (tmp_path / name).write_text("as it was")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writers[name.partition(".")[0]](tmp_path / name)
    assert (tmp_path / name).read_text() == "as it was"
    assert os.listdir(tmp_path) == [name]
    writers[name.partition(".")[0]](tmp_path / name)
    assert (tmp_path / name).stat().st_size > 500
    assert os.listdir(tmp_path) == [name]


def forgeries(content):
    """Yield copies of nested dictionaries and tuples in which one part is missing, or of another kind."""
    for key in list(content) if isinstance(content, dict) else range(len(content)):
        for other in (None, 7, "text", np.zeros((2, 5)), []):
            if type(other) is not type(content[key]):
                forged = copy.copy(content) if isinstance(content, dict) else list(content)
                forged[key] = other
                yield forged
        if isinstance(content, dict):
            yield {name: value for name, value in content.items() if name != key}
        if isinstance(content[key], (dict, tuple, list)):
            for part in forgeries(content[key]):
                forged = copy.copy(content) if isinstance(content, dict) else list(content)
                forged[key] = part
                yield forged


@pytest.mark.parametrize("value", [RUNS, record("SGD(lr=0.1)", "booth", steps=2, seed=[1, 2]), *MAPS],
                         ids=["race", "many runs", "hyperparameters", "basins", "trainability"])
@pytest.mark.slow
def test_forged_files_raise_a_value_error_or_hold_together(value, tmp_path):
    path = tmp_path / "file.npz"
    value.save(path)
    refused = 0
    for forged in forgeries(optim.load(path)):
        optim.save(path, forged)
        try:
            found = load(path, function=surfaces.booth.function)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            repr(found), found.table()
    assert refused > 50


def test_tiles_that_a_killed_process_left_beside_a_finished_map_go(tmp_path, monkeypatch):
    def mapped():
        return basin_map("booth", "SGD(lr=0.1)", size=3, steps=3, path=tmp_path / "map.npz")

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("optim.viz.maps.map.remove_tiles", killed)
        with pytest.raises(KeyboardInterrupt):
            mapped()
    assert sorted(os.listdir(tmp_path)) == ["map.npz", "map.npz.tiles"]
    mapped()
    assert os.listdir(tmp_path) == ["map.npz"]
