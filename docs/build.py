"""Build the site: `python docs/build.py` writes docs/_build/html, static pages that work from disk and offline.

Usage: python docs/build.py [--quick]
       python docs/build.py lab

The lab is a page with Python in it, docs/_build/lab. `--quick` leaves out the lessons' outputs and the portraits, for
people who edit text. Needs `pip install ".[docs]"`; the lab needs npm as well.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "lab"), str(HERE.parent)]

import build_lab  # noqa: E402

SOURCE, HTML = HERE / "_build" / "source", HERE / "_build" / "html"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["html", "lab"], default="html", help="the site, or the lab")
    parser.add_argument("--quick", action="store_true", help="leave the outputs of lessons and the portraits out")
    options = parser.parse_args()
    if options.what == "lab":
        return build_lab.main()
    quick = options.quick
    if quick:
        os.environ["SITE_QUICK"] = "1"
    os.environ["MPLBACKEND"] = "agg"
    import pages

    started = time.monotonic()
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(HERE / "site", SOURCE)
    for write in pages.WRITERS:
        write(SOURCE, quick)
        print(f"{time.monotonic() - started:4.0f} s  {write.__name__}", flush=True)
    shutil.rmtree(HTML, ignore_errors=True)
    status = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-b", "html", "-c", HERE,
                             "-d", HERE / "_build" / "doctrees", SOURCE, HTML]).returncode
    size = sum(file.stat().st_size for file in HTML.rglob("*") if file.is_file())
    print(f"{time.monotonic() - started:4.0f} s  {HTML / 'index.html'}: {size / 1e6:.0f} MB")
    return status


if __name__ == "__main__":
    sys.exit(main())
