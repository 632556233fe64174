"""What setup.cfg promises: few dependencies, whole packages, and imports that point one way."""

import ast
import configparser
import subprocess
import sys
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("minigrad", "optim")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

setup = configparser.ConfigParser()
setup.read(ROOT / "setup.cfg", encoding="utf-8")


def name_of(path):
    """The file's place in the repository, with slashes on every system."""
    return path.relative_to(ROOT).as_posix()


def imported_names(tree):
    """Every module that the code imports, at the top or inside functions; relative imports are the package's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def top_level_imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name.split(".")[0] for name in imported_names(tree)}


def allowed_imports(path):
    """tutorials -> optim.viz -> {optim, minigrad}; Python, NumPy and Matplotlib for everyone, Pillow comes with it."""
    allowed = {"numpy", "matplotlib", "PIL", path.relative_to(ROOT).parts[0]}
    if name_of(path).startswith("optim/viz/"):
        allowed.add("minigrad")
    return allowed | sys.stdlib_module_names


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_one_way(path):
    assert top_level_imports(path) <= allowed_imports(path)


def file_of(module):
    """The file of a module of the project, given as a list of names; None for any other module."""
    path = ROOT.joinpath(*module)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imported_files(path):
    """The files of the project that a file imports, inside functions too; `from . import x` counts as x."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (file_of(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) + 1 - node.level] if node.level else ()
            module = [*above, *(node.module.split(".") if node.module else [])]
            yield from (file_of([*module, alias.name]) or file_of(module) for alias in node.names)


@pytest.mark.slow
def test_no_file_imports_one_that_imports_it_back():
    graph = {path: set(imported_files(path)) - {path, None} for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("these files import one another in a circle: " + " <- ".join(map(name_of, error.args[1])))


def test_every_folder_with_code_is_a_package():
    """setuptools' find: passes over a folder without __init__.py, and the wheel would lack it."""
    folders = {path.parent for path in SOURCES}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_data_file_matches_a_pattern_of_package_data():
    patterns = [pattern.strip().removeprefix("**/") for pattern in setup["options.package_data"]["*"].split(",")]
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                assert any(fnmatch(path.name, pattern) for pattern in patterns), f"{name_of(path)} is not in the wheel"


@pytest.mark.parametrize("package", PACKAGES)
def test_import_does_not_load_matplotlib(package):
    program = f"import sys, {package}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_numpy_and_matplotlib_are_the_only_requirements():
    requirements = setup["options"]["install_requires"].split()
    assert [requirement.split(">=")[0] for requirement in requirements] == ["numpy", "matplotlib"]
