"""The pages of the site that are written from the code itself: lessons, gallery, catalogue, rules, annotated source.

Each writer takes the folder of Sphinx's sources, and whether to be quick.
"""

import ast
import html
import inspect
import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import gallery
import matplotlib.pyplot as plt
import themes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes
from numpydoc.docscrape_sphinx import SphinxDocString

import minigrad
import optim
from minigrad import rule_source
from minigrad.registry import TABLE
from optim import viz
from optim.explanation.listings import methods_of
from optim.viz.live_page.printing import rule_text
from optim.viz.pictures.drawing import Drawing
from optim.viz.runs.contestants import factory
from tutorials import handouts
from tutorials import lessons as course

ROOT = Path(__file__).parent.parent


def write(path, lines):
    """Write lines of text, and make the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def underlined(title, mark="="):
    """Return a heading of reStructuredText."""
    return [title, mark * len(title), ""]


def indented(text, by=4):
    return textwrap.indent(text, " " * by)


def code_block(text, by=0, language="python"):
    """Return source text as a block of reStructuredText."""
    return [" " * by + f".. code-block:: {language}", "", indented(text.rstrip(), by + 3), ""]


def contents(*pages, hidden=False):
    """Return a table of contents of Markdown; a hidden one is in the sidebar alone."""
    return ["```{toctree}", ":maxdepth: 1", *[":hidden:"] * hidden, "", *pages, "```", ""]


def first_line(entry):
    """Return the first line of a docstring."""
    return inspect.getdoc(entry).partition("\n")[0]


# The lessons

def lessons(folder, quick):
    """Write every lesson with its exercises folded, and the student's notebook and script to download."""
    names = []
    for lesson in course.lessons():
        notebook = json.loads(handouts.notebook(lesson))
        links = (f"Download it as a <a href=\"../downloads/{lesson.path.stem}.ipynb\" download>notebook</a> or a "
                 f"<a href=\"../downloads/{lesson.path.name}\" download>script</a>, with the exercises blank.")
        notebook["cells"].insert(1, {"cell_type": "markdown", "id": "links", "metadata": {}, "source": links})
        checks = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]
        notebook["cells"] = [cell for cell in notebook["cells"] if cell not in checks]
        for cell in notebook["cells"]:
            if "".join(cell["source"]) == handouts.setup(ROOT):
                cell["source"] = "import themes\n\nthemes.show_twice_in_notebooks()"
                cell["metadata"]["tags"] = ["remove-cell"]  # it runs, but is of no interest to a reader
        write(folder / "lessons" / f"{lesson.path.stem}.ipynb", [json.dumps(notebook)])
        names.append(lesson.path.stem)
    write(folder / "lessons" / "index.md", [(folder / "lessons.md").read_text(encoding="utf-8"), *contents(*names)])
    (folder / "lessons.md").unlink()


# Pictures

Drawing.save = themes.twice(Drawing.save)  # so that the lines in the gallery are those that a reader writes


def picture_folder(folder):
    """Return the folder of the site's pictures, and make it."""
    target = folder / "_extra" / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    return target


def pictures(folder, quick):
    """Draw every picture of the gallery, and show it with the lines that made it."""
    target = picture_folder(folder)
    lines = ["# Gallery", "", "Every kind of picture, each with the lines that made it. Most take a `Race` or a "
             "`Trajectory`, as `viz.race` and `viz.record` return them.", ""]
    for name, draw in gallery.PICTURES.items():
        before = set(target.iterdir())
        draw(target / name)
        plt.close("all")
        lines += [f"## {name.replace('_', ' ').capitalize()}", ""]
        for file in sorted(set(target.iterdir()) - before):
            if file.suffix == ".html":
                shutil.move(file, folder / "_extra" / "live" / file.name)
                lines += [f"<a href=\"../live/{file.name}\">Open the page</a>", ""]
            elif not file.stem.endswith("-dark"):
                lines += [themes.shown(file, "../pictures", file.stem.replace("_", " ")), ""]
        lines += ["```python", inspect.getsource(draw).partition("\n")[2].rstrip(), "```", ""]
    write(folder / "gallery" / "index.md", lines)


# The live page, and the catalogue

def live_page(folder, quick):
    """Write the one live page, which the home page and the catalogue open."""
    path = folder / "_extra" / "live" / "classics.html"
    path.parent.mkdir(parents=True)
    viz.page(None, path)


CHAPTERS = [
    ("Gradient descent", "gradient_descent"), ("Adaptive methods", "adaptive"), ("Sparse gradients", "sparse"),
    ("Signs", "sign"), ("Layers", "layerwise"), ("Matrices", "matrix"), ("Averaging", "averaging"),
    ("Without a learning rate", "parameter_free"), ("Whole vectors", "quasi_newton"),
    ("Second order", "second_order"), ("Constraints", "constrained"), ("Wrappers", "wrappers"),
]


def classes_of(chapter):
    """Return the optimizers that a chapter exports, in the order of its file."""
    found = [entry for name, entry in vars(optim).items() if inspect.isclass(entry) and name in optim.__all__
             and entry.__module__ == f"optim.{chapter}" and hasattr(entry, "step")]
    return sorted(found, key=lambda entry: inspect.getsourcelines(entry)[1])


def catalogue(folder, quick):
    """Write a page for every optimizer: the rule from its source, its portrait, and its docstring."""
    lines = ["# The optimizers", "", "One page each: the rule as it runs, what it adds to the one before it, when it "
             "helps, where libraries disagree, and its paper.", ""]
    for title, chapter in CHAPTERS:
        classes = classes_of(chapter)
        module = sys.modules[f"optim.{chapter}"]
        lines += [f"## {title}", "", first_line(module), "",
                  *(f"* {{doc}}`{entry.__name__}`: {first_line(entry)}" for entry in classes), "",
                  *contents(*(entry.__name__ for entry in classes), hidden=True)]
        for entry in classes:
            write(folder / "optimizers" / f"{entry.__name__}.rst", optimizer_page(entry, folder, quick))
    write(folder / "optimizers" / "index.md", lines)


def optimizer_page(entry, folder, quick):
    """Yield the lines of the page of one optimizer."""
    name = entry.__name__
    yield from underlined(name)
    yield from [first_line(entry), ""]
    if methods := methods_of(entry):
        yield from underlined("The rule", "-")
        yield from code_block("\n\n".join(textwrap.dedent(inspect.getsource(method)).rstrip() for method in methods))
    path = picture_folder(folder) / f"{name}.png"
    if not quick and portrait(name, path):
        yield from underlined("Its portrait", "-")
        yield from ["Each pixel is a run on Himmelblau's surface. Its colour names the minimum that the run reaches, "
                    "its shade the number of steps. Of nine learning rates from 0.001 to 10, this is the one with "
                    "which most runs arrive.", "", ".. raw:: html", "",
                    indented(themes.shown(path, "../pictures", f"basins of attraction of {name}"), 3), ""]
    if runs_in_the_page(name):
        yield from [f"`Open the live page with {name} <../live/classics.html#optimizer={name}>`__", ""]
    yield from underlined("In detail", "-")
    yield from [f".. autoclass:: optim.{name}", ""]


def runs_in_the_page(name):
    """Say whether the rule of an optimizer can be printed for the live page."""
    try:
        rule_text(factory(name))
    except (TypeError, ValueError):
        return False
    return True


def portrait(name, path):
    """Draw the basins of an optimizer on Himmelblau's surface; return False if that is impossible."""
    try:
        viz.basin_map("himmelblau", f"{name}(lr={best_lr(name):g})", size=160, steps=200).plot().save(path)
    except (TypeError, ValueError):
        return False
    plt.close("all")
    return True


def best_lr(name):
    """Return the learning rate with which an optimizer reaches a minimum of Himmelblau's surface most often."""
    def arrivals(lr):
        return (viz.basin_map("himmelblau", f"{name}(lr={lr})", size=24, steps=200)["minimum"] >= 0).sum()

    return max((0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10), key=arrivals)


# The table of derivative rules

def numpy_functions(folder, quick):
    """Write what happens to every function of NumPy, with the line of its rule."""
    intro = (ROOT / "docs" / "numpy.md").read_text(encoding="utf-8").partition("\n| function")[0]
    lines = [intro, "| function | on Tensors | rule |", "| --- | --- | --- |"]
    from minigrad.coverage_table import NAMESPACES

    for name, kind in minigrad.coverage():
        prefix, _, bare = name.rpartition(".")
        known = TABLE.get(getattr(NAMESPACES[prefix], bare)) if kind == "rule" else None
        rules = [shown_rule(rule) for rule in getattr(known, "vjps", ()) if rule is not None]
        shown = "<br>".join(rules).replace("|", r"\|")
        lines.append(f"| `{name}` | {kind} | {shown} |")
    write(folder / "numpy.md", lines)


def shown_rule(rule):
    """Return a rule as a cell of a table: its line, or a function of several lines to unfold."""
    text = rule_source.source_of(rule).text
    if not text.startswith("def "):
        return f"`` {text} ``"
    source = html.escape(inspect.getsource(inspect.unwrap(rule)).rstrip()).replace("\n", "&#10;")
    return (f"<details><summary><code class=\"literal\">{html.escape(text)}</code></summary>"
            f"<pre>{source}</pre></details>")


# Annotated source

ANNOTATED = {
    "minigrad": ["tape", "registry", "rules/elementwise", "tensor", "transforms"],
    "optim": ["interface/optimizer", "gradient_descent", "adaptive", "sign", "layerwise", "matrix", "sparse",
              "averaging", "parameter_free", "quasi_newton", "second_order", "constrained", "transform", "links"],
}


def annotated_source(folder, quick):
    """Write the files that are read as a book: their docstrings and comments, and beside them the code."""
    names, said = [], []
    for package, files in ANNOTATED.items():
        for file in files:
            path = ROOT / package / f"{file}.py"
            name = f"{package}_{file}".replace("/", "_")
            write(folder / "source" / f"{name}.rst", annotated(path))
            names.append(name)
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            said.append(f"* {{doc}}`{package}/{file}.py <{name}>`: {docstring.partition(chr(10))[0]}")
    write(folder / "source" / "index.md", ["# Annotated source", "", "The files to read, in the order to read them. "
          "The text is the files' own: docstrings and comments, with the code beside them.", "", *said, "",
          *contents(*names, hidden=True)])


def annotated(path):
    """Yield the lines of a page that shows a file: the docstring of each definition, and beside it the code."""
    text = path.read_text(encoding="utf-8")
    place = path.relative_to(ROOT)
    yield from [*underlined(place.as_posix()), f".. currentmodule:: {place.parts[0]}", ""]
    yield from [".. div:: annotated", ""]
    for said, code in sections(text):
        yield from row(said, code)


def sections(text):
    """Yield pairs of a docstring and code: of the file, of each function and class, and of what is between them."""
    tree, lines = ast.parse(text), text.splitlines()
    said, at, body = ast.get_docstring(tree), 0, tree.body
    if said:
        at, body = body[0].end_lineno, body[1:]
    for node in body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or not ast.get_docstring(node):
            continue
        start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        while start > at and (lines[start - 1].startswith("#") or not lines[start - 1]):  # a heading belongs below
            start -= 1
        if said or "".join(lines[at:start]).strip():
            yield said, "\n".join(lines[at:start])
        docstring = node.body[0]
        yield ast.get_docstring(node), "\n".join(lines[start:docstring.lineno - 1]
                                                 + lines[docstring.end_lineno:node.end_lineno])
        said, at = None, node.end_lineno
    if "".join(lines[at:]).strip():
        yield said, "\n".join(lines[at:])


def row(said, code):
    """Return a grid of two columns; on a phone, one is above the other."""
    said = said or ""
    out = ["   .. grid:: 1 1 2 2", "      :margin: 0", "      :gutter: 2", "",
           "      .. grid-item::", "         :columns: 12 12 5 5", ""]
    said = re.sub(r"\[(\d+)\]_", r"[\1]", re.sub(r"^\.\. \[(\d+)\]", r"* [\1]", said, flags=re.MULTILINE))
    out += [indented(str(SphinxDocString(said)), 9) if said else "         \\ ", ""]
    out += ["      .. grid-item::", "         :columns: 12 12 7 7", ""]
    if code.strip():
        out += code_block(textwrap.dedent(code).strip("\n"), 9)
    return out


# The reference, the benchmarks, and pages from the repository

REFERENCE = {
    "minigrad": ("minigrad", "Derivatives of anything written in NumPy."),
    "minigrad_nn": ("minigrad.nn", "Modules, layers and losses."),
    "optim": ("optim", "Optimizers, links of chains, and what goes with them."),
    "optim_schedule": ("optim.schedule", "Schedules of the learning rate."),
    "optim_viz": ("optim.viz", "Surfaces, runs, and pictures of both."),
    "optim_viz_surfaces": ("optim.viz.surfaces", "The surfaces, by name."),
}


def reference(folder, quick):
    """Write the reference of every public name."""
    seen = set()
    for page, (module, said) in REFERENCE.items():
        lines = [*underlined(module), said, "", f".. currentmodule:: {module}", ""]
        namespace = __import__(module, fromlist=["__all__"])
        for name in getattr(namespace, "__all__", None) or public_names(namespace):
            entry = getattr(namespace, name)
            if id(entry) in seen:
                continue
            seen.add(id(entry))
            if (folder / "optimizers" / f"{name}.rst").exists():
                lines += [f":doc:`{name} </optimizers/{name}>`", ""]
            elif inspect.isclass(entry):
                lines += [f".. autoclass:: {name}", "   :members:", ""]
            elif callable(entry):
                lines += [f".. autofunction:: {name}", ""]
        write(folder / "api" / f"{page}.rst", lines)
    write(folder / "api" / "index.md", ["# Reference", "", "Every public name.", "", *contents(*REFERENCE)])


def public_names(module):
    """Return the names of functions and classes that a module defines and does not hide."""
    return [name for name, entry in vars(module).items() if not name.startswith("_")
            and getattr(entry, "__module__", None) == module.__name__]


def repository_pages(folder, quick):
    """Copy the pages that are also read in the repository, and the last benchmarks."""
    last, page = ROOT / "benchmarks" / "last", folder / "benchmarks.md"
    shutil.copy(last / "benchmarks.txt", folder)
    picture = shutil.copy(last / "benchmarks.png", picture_folder(folder))
    page.write_text(re.sub(r"!\[(.+)\]\(benchmarks.png\)", lambda found: themes.shown(picture, "pictures", found[1]),
                           page.read_text(encoding="utf-8")), encoding="utf-8")
    for file in ("CHANGELOG.md", "CONTRIBUTING.md", "docs/teaching.md", "docs/coming_from_pytorch.md",
                 "docs/optimizers.md"):
        if (ROOT / file).exists():
            target = folder / Path(file).name.lower()
            shutil.copy(ROOT / file, target.with_stem("results") if target.stem == "optimizers" else target)


def downloads(folder, quick):
    """Write the downloads: the wheel, the course, its scripts and notebooks, and a notebook to start from."""
    target = folder / "_extra" / "downloads"
    handouts.write(target)
    for file in target.iterdir():  # they look for the course beside them, not where the site was built
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(repr(str(ROOT)), repr(".")), encoding="utf-8")
    with tempfile.TemporaryDirectory() as clean:
        for name in ("minigrad", "optim", "tutorials"):
            shutil.copytree(ROOT / name, Path(clean) / name, ignore=shutil.ignore_patterns("__pycache__", "figures"))
        for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, clean)
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", target, clean], check=True)
        shutil.make_archive(target / "course", "zip", clean, "tutorials")
    (wheel,) = target.glob("*.whl")
    write(target / "starter.ipynb", [starter_notebook(wheel.name)])


def starter_notebook(wheel):
    """Return the notebook that installs the library and makes a first picture."""
    cells = [
        new_markdown_cell("# A first race\n\nThe first cell installs the library, here from the wheel beside this "
                          "notebook. The path of a clone will do as well. In Colab, upload the wheel first."),
        new_code_cell(f"%pip install -q {wheel}"),
        new_code_cell('from optim import viz\n\nviz.overview(viz.race("rosenbrock", viz.CLASSICS))'),
        new_code_cell("import numpy as np\n\nimport optim\nfrom minigrad import Tensor\n\n"
                      "p = Tensor([-1.5, 2.0], requires_grad=True)\noptimizer = optim.Adam([p], lr=0.1)\n"
                      "for step in range(1000):\n    optimizer.zero_grad()\n"
                      "    loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2\n"
                      "    loss.backward()\n    optimizer.step()\nloss.item(), p.data"),
        new_code_cell("print(optim.explain(optimizer, element=0))"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return writes(new_notebook(cells=cells, metadata=kernel))


WRITERS = [live_page, lessons, pictures, catalogue, numpy_functions, annotated_source, reference, repository_pages,
           downloads]
