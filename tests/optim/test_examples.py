"""The examples of docstrings can be copied: each imports what it uses."""

import ast
import builtins
import doctest
from pathlib import Path

import pytest

import optim

OPTIM = Path(optim.__file__).parent
FILES = sorted(OPTIM.rglob("*.py"))


def examples(file):
    """Yield (name, program) for each docstring with examples."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        text = ast.get_docstring(node) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) else None
        if text and (found := doctest.DocTestParser().get_examples(text)):
            yield getattr(node, "name", "module"), "".join(example.source for example in found)


def names(program):
    """Return the names that a program reads, and those that it binds."""
    nodes = list(ast.walk(ast.parse(program)))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {alias.asname or alias.name.partition(".")[0] for node in nodes
              if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    return read, bound


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(OPTIM).as_posix())
def test_an_example_imports_what_it_uses(file):
    for where, program in examples(file):
        read, bound = names(program)
        assert not read - bound - set(dir(builtins)), f"in the example of {where}"
