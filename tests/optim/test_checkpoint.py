"""What `save` writes, `load` reads, or says why not; and neither a crash nor a full disk leaves a broken file."""

import errno
import os
import signal
import subprocess
import sys
import traceback
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import minigrad
import optim
from optim.checkpoint import converted


def told(error):
    """Return what a user sees of an error: its message, and those of the errors that it came from."""
    return "".join(traceback.format_exception_only(type(error), error)) + (
        "" if error.__suppress_context__ or error.__context__ is None else told(error.__context__))


def assert_same(actual, expected):
    """Compare nested values: their types, their dtypes, and every bit."""
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        assert [type(key) for key in actual] == [type(key) for key in expected]
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected)
        for ours, theirs in zip(actual, expected):
            assert_same(ours, theirs)
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert actual.dtype == expected.dtype and actual.shape == expected.shape
        assert actual.tobytes() == expected.tobytes()
    elif isinstance(expected, float):
        assert expected.hex() == actual.hex()
    else:
        assert actual == expected


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


STATES = {
    "plain values": {"a": 1, "b": -2.5, "c": "text \u2603 \ud800", "d": True, "e": None, "f": float("inf"), "g": -0.0},
    "the smallest float": 5e-324,
    "not a number": [float("nan")],
    "large integers": [2**200, -(2**65)],
    "integer keys beside text keys": {0: "zero", "0": "text", -7: {}},
    "lists and tuples": [(1, (2, [3])), [], (), ((),)],
    "a bare array": np.arange(6.0).reshape(2, 3),
    "a bare number": 3,
    "scalars of NumPy": [np.float32(0.1), np.float64(0.1), np.int8(-3), np.bool_(True), np.complex64(1j), np.str_("a")],
    "every kind of array": [np.array(values, dtype) for values, dtype in [
        ([1, 2], np.int8), ([1, 2], np.uint64), ([1.5], np.float16), ([1.5], np.float32), ([1.5], ">f8"),
        ([1j], complex), ([True], bool), (["ab", "c"], "U2"), ([b"ab"], "S2"), ([0], "M8[s]"),
        ([(1, 2.0)], [("x", "i4"), ("y", "f8")])]],
    "odd shapes": [np.array(1.0), np.zeros((0, 3)), np.zeros((2, 0)), np.ones((1, 1, 1)), np.array(["", ""])],
    "keys that are names in the file": {"structure": np.ones(1), "checksum": 2, "array_0": 1, "file": np.ones(3)},
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_what_is_saved_is_loaded(path, state):
    optim.save(path, state)
    assert_same(optim.load(path), state)


def test_arrays_that_are_not_contiguous_are_loaded_with_the_same_values(path, rng):
    array = rng.normal(size=(6, 8))
    views = {"fortran": np.asfortranarray(array), "strided": array[::2, ::-3], "transposed": array.T,
             "one number everywhere": np.broadcast_to(1.0, (3, 4))}
    optim.save(path, views)
    loaded = optim.load(path)
    for name, view in views.items():
        np.testing.assert_array_equal(loaded[name], view)
        assert loaded[name].flags.writeable


def test_an_ordered_dictionary_is_loaded_as_a_dictionary_in_the_same_order(path):
    optim.save(path, OrderedDict([("b", 1), ("a", 2)]))
    loaded = optim.load(path)
    assert type(loaded) is dict and list(loaded.items()) == [("b", 1), ("a", 2)]


@pytest.mark.parametrize("bit_generator", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_generator_goes_on_where_it_was(path, bit_generator):
    generator = np.random.Generator(bit_generator(7))
    generator.random(5)
    optim.save(path, generator.bit_generator.state)
    expected = generator.random(10)
    resumed = np.random.Generator(bit_generator(0))
    resumed.bit_generator.state = optim.load(path)
    np.testing.assert_array_equal(resumed.random(10), expected)


@pytest.mark.parametrize(("value", "message"), [
    ({"model": {"w": np.array([None])}}, r"state\['model'\]\['w'\] is an array of object"),
    ([1, {2, 3}], r"state\[1\] is a set"),
    ({"x": {(1, 2): 3}}, r"state\['x'\] has the key \(1, 2\)"),
    ({True: 1}, "has the key True"),
    ({"rng": np.random.default_rng(0)}, r"generator\.bit_generator\.state"),
    ({"p": optim.Parameter([1.0])}, r"write its \.data"),
    ({"o": optim.SGD([optim.Parameter([1.0])])}, r"write its state_dict\(\)"),
    (b"bytes", "state is a bytes"),
    (np.ma.masked_array([1.0]), "state is a MaskedArray"),
])
def test_what_cannot_be_saved_is_named_and_leaves_no_file(path, value, message):
    with pytest.raises(TypeError, match=message):
        optim.save(path, value)
    assert list(path.parent.iterdir()) == []


def test_a_state_that_contains_itself_is_refused(path):
    state = {"list": []}
    state["list"].append(state)
    with pytest.raises(ValueError, match=r"state\['list'\]\[0\] contains itself"):
        optim.save(path, state)


def test_one_object_in_two_places_is_no_cycle(path):
    shared = [1, 2]
    optim.save(path, [shared, shared])
    assert optim.load(path) == [[1, 2], [1, 2]]


def test_a_file_is_read_by_numpy_without_pickle(path):
    optim.save(path, {"w": np.arange(3)})
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["array_0"], np.arange(3))


# Faults

@pytest.mark.slow
def test_a_flipped_bit_anywhere_is_noticed_or_does_not_matter(path, rng):
    state = {"w": rng.normal(size=7), "tuple": (1, "text"), "step": 3}
    optim.save(path, state)
    good = path.read_bytes()
    refused = 0
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = optim.load(path)
        except ValueError as error:
            assert "run.npz" in str(error)
            refused += 1
        else:
            assert_same(loaded, state)
    assert refused > len(good) // 2


def test_a_file_cut_short_is_refused(path):
    optim.save(path, {"w": np.arange(100.0)})
    good = path.read_bytes()
    for length in [0, 1, 10, len(good) // 2, len(good) - 1]:
        path.write_bytes(good[:length])
        with pytest.raises(ValueError, match="damaged, or not a file"):
            optim.load(path)


def test_files_of_others_are_refused(path):
    np.savez(path, w=np.ones(3))
    with pytest.raises(ValueError, match=r"not written by optim.save: it holds \['w'\]"):
        optim.load(path)
    path.write_bytes(b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(ValueError, match="damaged, or not a file"):
        optim.load(path)
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match="damaged, or not a file"):
        optim.load(path)


def test_a_missing_file_is_called_missing(path):
    with pytest.raises(FileNotFoundError):
        optim.load(path)


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(path, monkeypatch, failing):
    optim.save(path, {"step": 1})

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        optim.save(path, {"step": 2, "w": np.ones(1000)})
    assert optim.load(path) == {"step": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_reported_by_the_name_that_was_given(tmp_path):
    for path, kind, words in ((tmp_path / "none" / "run.npz", FileNotFoundError, "there is no folder '.*none'"),
                              (tmp_path, IsADirectoryError, "not of a folder or a device")):
        with pytest.raises(kind, match=words) as raised:
            optim.save(path, {"step": 1})
        assert raised.value.filename == str(path) and "unfinished" not in told(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, b"run.npz", {"step": 1}])
def test_what_is_not_a_path_is_refused(path):
    with pytest.raises(TypeError, match=r"path is .*, in optim.save\(path, state\); expected the name of a file"):
        optim.save(path, {"step": 1})
    with pytest.raises(TypeError, match=r"path is .*, in optim.load\(path\); expected the name of a file"):
        optim.load(path)


def write(path, structure, *arrays, savez=np.savez, **more):
    """Write a file with a checksum that is right, whatever is in it."""
    members = {f"array_{i}": array for i, array in enumerate(arrays)}
    members["structure"] = np.frombuffer(structure.encode(), np.uint8)
    savez(path, **members, **more, checksum=np.frombuffer(optim.checkpoint.checksum(members), np.uint8))


def content(state):
    return '{"format": 1, "state": ' + state + "}"


def test_the_forger_can_write_a_file_that_is_loaded(path):
    write(path, content('["dict", [["a", ["array", 0]]]]'), np.ones(2))
    np.testing.assert_array_equal(optim.load(path)["a"], np.ones(2))


@pytest.mark.parametrize("structure", [
    "", "3", "[]", "{}", '{"format": 1}', content('["array", 7]'), content('["array", {}]'), content('["array"]'),
    content('["number", 0, 1]'), content('["set", []]'), content("[[], []]"), content('[{"a": 1}, 2]'),
    content('["dict", 3]'), content('["dict", [3]]'), content('["dict", [[[], 3]]]'), content('["list", 5]'),
    content('["list", ' * 5000 + "1" + "]" * 5000), content('["list", [' * 3000 + "1" + "]]" * 3000),
    content("1" * 5000), content('"') + "\xff"], ids=lambda text: text[:40])
def test_a_forged_structure_is_called_damaged(path, structure):
    write(path, structure, np.ones(2))
    with pytest.raises(ValueError, match="run.npz is damaged, or not a file that optim.save has written"):
        optim.load(path)


def test_a_compressed_file_is_refused_before_it_is_unpacked(path):
    write(path, content('["array", 0]'), np.zeros(10_000_000), savez=np.savez_compressed)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="damaged, or not a file that optim.save has written"):
            optim.load(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_header_that_claims_more_than_there_is_is_refused(path):
    optim.save(path, np.zeros(3))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["array_0.npy"] = members["array_0.npy"].replace(b"(3,)", b"(9,)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, written in members.items():
            archive.writestr(name, written)
    with pytest.raises(ValueError, match="damaged, or not a file that optim.save has written"):
        optim.load(path)


def nested(depth):
    state = 1
    for _ in range(depth):
        state = [state]
    return state


@pytest.mark.slow
def test_states_are_nested_200_deep_and_no_deeper(path):
    optim.save(path, nested(200))
    assert optim.load(path) == nested(200)
    for depth in 201, 100_000:
        with pytest.raises(ValueError, match=r"state\[0\].* is nested more than 200 deep"):
            optim.save(path, nested(depth))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_a_pipe_is_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(OSError, match="not of a folder or a device"):
        optim.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_what_is_no_ordinary_file_is_not_replaced_by_one(path):
    os.mkfifo(path)
    with pytest.raises(OSError, match="not of a folder or a device"):
        optim.save(path, {"step": 1})
    assert path.is_fifo()


@pytest.mark.parametrize("content", [b"", b"plain text", b"\x80\x04K\x01.", b"PK\x03\x04 cut short"])
def test_a_file_is_refused_without_the_advice_that_numpy_gives(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="run.npz is damaged, or not a file that optim.save has written") as raised:
        optim.load(path)
    assert "pickle" not in told(raised.value)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system has no limit on the size of a file")
def test_a_file_that_may_not_grow_leaves_the_old_one(path):
    optim.save(path, {"step": 1})
    program = ("import resource, signal, sys, numpy as np, optim\n"
               "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
               "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
               "try:\n    optim.save(sys.argv[1], {'step': 2, 'w': np.ones(100_000)})\n"
               "except OSError as error:\n    print(error)\n")
    done = run_python(program, path, capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert optim.load(path) == {"step": 1}
    assert list(path.parent.iterdir()) == [path]


def run_python(program, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(Path(optim.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], env=environment, **options)


KILLED_AT_EVERY_LINE = """
import os, signal, sys, numpy as np, optim

path, kills = sys.argv[1], int(sys.argv[2])
old, new = ({"step": step, "w": np.full(3000, float(step))} for step in (1, 2))

def save(state, dies_after=None):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        count += 1
        if count == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    optim.save(path, state)
    sys.settrace(None)
    return count

save(old)
total = save(old)
found = []
for dies_after in np.linspace(1, total - 1, kills).astype(int).tolist():
    save(old)
    child = os.fork()
    if not child:
        save(new, dies_after)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    run = optim.load(path)
    assert np.all(run["w"] == run["step"])
    found.append(run["step"])
print(*found)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot copy a process")
@pytest.mark.slow
def test_killed_200_times_during_save_the_file_is_the_old_one_or_the_new_one(path):
    done = run_python(KILLED_AT_EVERY_LINE, path, "200", capture_output=True, text=True, check=True)
    found = done.stdout.split()
    assert len(found) == 200 and set(found) == {"1", "2"}
    assert found == sorted(found), "once it is the new one, it stays the new one"


# State dictionaries of PyTorch

def test_converted_reaches_every_array_and_keeps_the_rest():
    state = {"state": {0: {"step": 3, "m": np.zeros(2)}}, "param_groups": [{"betas": (0.9, 0.99), "params": [0]}]}
    assert converted(np.ndarray.tolist, state) == {**state, "state": {0: {"step": 3, "m": [0.0, 0.0]}}}


def test_a_model_and_its_optimizer_go_into_one_file_and_the_run_continues_bit_for_bit(path, rng):
    gradients = rng.normal(size=(10, 4)).astype(np.float32)

    def train(parameter, optimizer, gradients):
        for gradient in gradients:
            parameter.grad = gradient
            optimizer.step()

    parameter = optim.Parameter(np.ones(4, np.float32))
    optimizer = optim.Adam([parameter], lr=0.1)
    train(parameter, optimizer, gradients[:5])
    optim.save(path, {"model": {"w": parameter.data}, "optimizer": optimizer.state_dict()})
    train(parameter, optimizer, gradients[5:])

    run = optim.load(path)
    resumed = optim.Parameter(run["model"]["w"])
    optimizer = optim.Adam([resumed], lr=0.5)
    optimizer.load_state_dict(run["optimizer"])
    train(resumed, optimizer, gradients[5:])
    np.testing.assert_array_equal(resumed.data, parameter.data)


@pytest.mark.parametrize("tensor", [
    minigrad.Tensor([1.0]), minigrad.Tensor([1.0], requires_grad=True), minigrad.Tensor(1.0, requires_grad=True) ** 2,
])
def test_a_tensor_is_refused_with_the_advice_to_write_its_data_and_without_a_warning(path, tensor):
    with pytest.raises(TypeError, match=r"state\['loss'\] is a Tensor; .*: write its \.data"):
        optim.save(path, {"loss": tensor})
