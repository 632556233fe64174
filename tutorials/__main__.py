"""The course in the shell: `python -m tutorials start FOLDER`, `check 11.1 FILE`, `progress FOLDER`."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from time import sleep

from .handouts import write
from .lessons import lessons
from .student_files import check_file, files_in, folders_with_lessons, lessons_in


def main(arguments=None):
    """Run a command; return the exit code."""
    options = parser().parse_args(arguments)
    return options.command(options)


def parser():
    """Return the parser of the three commands."""
    top = argparse.ArgumentParser("python -m tutorials", description="The course: lessons, and checked exercises.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    start = commands.add_parser("start", help="write the lessons into a folder, with blanks to fill in")
    start.add_argument("folder")
    kinds = start.add_mutually_exclusive_group()
    kinds.add_argument("--no-solutions", dest="solutions", action="store_false", help="leave out the solutions, which "
                       "otherwise are at the end of each file")
    kinds.add_argument("--nbgrader", action="store_true", help="instead, the notebooks from which nbgrader makes "
                       "assignments, with solutions, as FOLDER/source/LESSON/LESSON.ipynb")
    start.set_defaults(command=started)

    check = commands.add_parser("check", help="check an exercise of a script or notebook")
    check.add_argument("exercise", type=known, help="such as 11.1, or all exercises of a lesson: 11")
    check.add_argument("file")
    check.add_argument("--watch", action="store_true", help="check again whenever the file is saved")
    check.add_argument("--json", action="store_true", help="print a line of JSON for each exercise")
    check.set_defaults(command=checked)

    progress = commands.add_parser("progress", help="show which exercises of a student's folder are solved")
    progress.add_argument("folder", help="or a file")
    progress.add_argument("--json", action="store_true", help="print a line of JSON for each exercise")
    progress.set_defaults(command=progressed)
    return top


def known(text):
    """Return the numbers of the exercises that a text such as "11.1" or "11" names."""
    tasks = [(lesson, task) for lesson in lessons() for task in lesson.tasks]
    numbers = [task.number for lesson, task in tasks if text in (str(lesson.number), task.number)]
    if not numbers:
        is_lesson = text in [str(lesson.number) for lesson in lessons()]
        words = f"lesson {text} has no exercises" if is_lesson else f"there is no exercise {text!r}"
        raise argparse.ArgumentTypeError(f"{words}; write a number such as 11.1")
    return numbers


def refused(words):
    """Say why a command does nothing; return its exit code."""
    print(words, file=sys.stderr)
    return 2


def started(options):
    """Write the student's files."""
    try:
        written, kept = write(options.folder, options.nbgrader, options.solutions)
    except OSError as error:
        why = "it is a file, not a folder" if Path(options.folder).is_file() else error.strerror
        return refused(f"no lessons can be written into {options.folder}: {why}")
    print(f"wrote {len(written)} files into {options.folder}" + f", kept {len(kept)} that were there" * bool(kept))
    if options.nbgrader:
        print(f"next: cd {quote(options.folder)}; nbgrader generate_assignment 01_slope_by_hand")
    else:
        print(f"next: open one, and when an exercise is done, python -m tutorials progress {quote(options.folder)}")
    return 0


def checked(options):
    """Check a file, once or at each save; the exit code says whether all exercises passed."""
    if Path(options.file).is_dir():
        return refused(f"{options.file} is a folder: name one of its files, or check them all with "
                       f"python -m tutorials progress {quote(options.file)}")
    if not Path(options.file).is_file():
        return refused(f"there is no file {options.file}")
    passed = report(options)
    last = Path(options.file).stat().st_mtime_ns
    while options.watch:
        try:
            sleep(0.3)
            now = Path(options.file).stat().st_mtime_ns
        except FileNotFoundError:  # an editor that writes a new file and renames it
            continue
        except KeyboardInterrupt:
            break
        if now != last:
            last, passed = now, report(options)
    return 0 if passed else 1


def report(options):
    """Print the verdicts on a file; return whether all passed."""
    verdicts = check_file(options.file, options.exercise)
    for verdict in verdicts:
        print(as_json(verdict, options.file) if options.json else verdict, flush=True)
    return all(verdict.passed for verdict in verdicts)


def as_json(verdict, path):
    """Return a verdict as a line of JSON."""
    return json.dumps({"file": str(path), **asdict(verdict)}, ensure_ascii=False)


def progressed(options):
    """Show the exercises of all lessons in a folder; if several files have the same exercise, the best one counts."""
    place = Path(options.folder)
    if not place.exists():
        return refused(f"there is no folder {place}: python -m tutorials start {quote(str(place))}")
    files = {path: lessons_in(path) for path in files_in(place)}
    name_skipped(place, files)
    if not any(lesson.tasks for found in files.values() for lesson in found):
        return refused(f"{place}: no script (.py) and no notebook (.ipynb) with an exercise of the course")
    solved = total = 0
    for lesson in lessons():
        best = best_verdicts(lesson, [path for path, found in files.items() if lesson in found])
        if options.json:
            for verdict, path in best.values():
                print(as_json(verdict, path))
        elif lesson.tasks:
            marks = [mark(best[task.number][0]) if task.number in best else " " for task in lesson.tasks]
            print(f"{lesson.number:2}  {' '.join(marks):8} {lesson.title}", flush=True)
            solved, total = solved + marks.count("✓"), total + len(marks)
    if not options.json:
        print(f"{solved} of {total} exercises solved")
    return 0


def name_skipped(place, files):
    """Name the files without an exercise, and the folders below that have some: nothing is left out in silence."""
    skipped = [f"{path}: it defines no exercise of the course" for path, found in files.items() if not found]
    skipped += [f"the folder {folder}, which has lessons: python -m tutorials progress {quote(str(folder))}"
                for folder in folders_with_lessons(place)]
    for words in skipped:
        print("skipped", words, file=sys.stderr)


def best_verdicts(lesson, paths):
    """Return for each exercise of a lesson the best verdict on any of the files, and its file."""
    best = {}
    for path in paths:
        for verdict in check_file(path, [task.number for task in lesson.tasks]):
            number = verdict.exercise
            if number not in best or "·✗✓".index(mark(verdict)) > "·✗✓".index(mark(best[number][0])):
                best[number] = verdict, path
    return best


def mark(verdict):
    """Return a sign: solved, wrong, or not yet begun."""
    return "✓" if verdict.passed else "·" if verdict.kind in ("blank", "missing") else "✗"


if __name__ == "__main__":
    sys.exit(main())
