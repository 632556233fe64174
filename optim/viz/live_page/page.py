"""One HTML file in which optimizers run: drag the start or move a slider, and all runs are made again.

The file needs no server, no network and no library. `printing.py` prints the real rules and surfaces as JavaScript, so
none is written twice. `stored.py` gives the page stored runs where a rule cannot be printed. page.html, page.css and
the scripts beside this file are copied into the page unchanged.
"""

import base64
import html
import json
import zlib
from pathlib import Path
from string import Template

import numpy as np

from minigrad import hessian
from optim.checkpoint import replacing

from .. import surfaces
from ..pictures.framing import frame
from ..pictures.plots import first_positions
from ..runs.contestants import factory, known, labelled, without_lr
from ..runs.recording import race, record, tuned_race
from ..runs.trajectory import Race
from .ground import UNITS, contours, surface_facts
from .printing import NotPrinted, rule_text, surface_text
from .stored import stored_runs, with_learning_rates

LARGEST = 600_000  # bytes, so that the page can be sent by e-mail
TEMPLATE = Path(__file__).with_name("page.html")
SCRIPTS = ("engine", "worker", "charts", "explanation", "landscape", "page")
CHECKED = 10  # steps that the page repeats from each checkpoint
SCALES = {  # the values of the sliders of hyperparameters
    "lr": (1e-5, 10, "log"), "eps": (1e-12, 1, "log"), "momentum": (0, 0.9999, "near 1"),
    "betas": (0, 0.9999, "near 1"), "alpha": (0, 0.9999, "near 1"), "rho": (0, 0.9999, "near 1"),
}


class Page:
    """A page as text. A notebook shows it below the cell; `save` writes it to a file.

    Attributes
    ----------
    text : str
        The whole HTML document.
    """

    def __init__(self, text, title):
        self.text, self.title = text, title

    def save(self, path):
        """Write the page to a file with the ending .html or .htm, and return the path."""
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"path is {str(path)!r}; a page is HTML, so its ending must be .html or .htm")
        with replacing(path) as beside:
            Path(beside).write_text(self.text, encoding="utf-8")
        return path

    def _repr_html_(self):
        return (f'<iframe srcdoc="{html.escape(self.text)}" title="{html.escape(self.title)}" '
                'style="width: 100%; height: 46rem; border: 0"></iframe>')

    def __repr__(self):
        return f"<Page: {self.title}, {len(self.text.encode()) / 1000:.0f} kB>"


def page(what=None, path=None, optimizers=None, steps=None, start=None, *, seed=0, **facts):
    """Make a page in which optimizers run.

    Parameters
    ----------
    what : Race, str, Surface, callable, or list of surfaces, optional
        A race that was run; or the surface for a new race; or several surfaces, which get a menu. Default: all
        registered surfaces of two coordinates, and all optimizers whose rule can be printed.
    path : str or path, optional
        Where to write, with the ending .html or .htm. Without it, the page is returned.
    optimizers, steps, start : optional
        As in `race`. Default: those of `CLASSICS`, each with the best of 31 learning rates; 200; the surface's own.
    seed : int, default 0
        For the noise on the gradient.
    **facts
        What to change in the surface, see `race`.

    Returns
    -------
    str or path, or Page
        The path, if there is one.

    Raises
    ------
    ValueError
        If the path has another ending, a surface does not have two coordinates, a run is N runs, or `optimizers` or
        other settings are given with a race.

    Notes
    -----
    Rules, surfaces and gradients are printed as JavaScript from what the real code does. On loading, the page repeats
    ten steps from several places of the real runs, and says whether they agree to 1e-12.

    Optimizers that look at all coordinates together, or evaluate the loss several times a step, cannot be printed.
    Their runs are made beforehand: 21 learning rates, from one start. A page of several surfaces leaves them out.

    The part of the address after # chooses what is shown first: ``page.html#surface=beale&optimizer=Adam``.
    """
    if path is not None and Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path is {str(path)!r}; a page is HTML, so its ending must be .html or .htm")
    if what is None or isinstance(what, (list, tuple)):
        made = page_of_surfaces(what, optimizers, steps or 200, seed, start, facts)
    else:
        made = page_of_race(as_race(what, optimizers, steps, start, seed, facts), seed)
    return made if path is None else made.save(path)


def as_race(what, optimizers, steps, start, seed, facts):
    """Return the race that a page is made of."""
    if isinstance(what, Race):
        if facts or not (optimizers is steps is start is None):
            raise ValueError("optimizers, steps, start and facts of the surface belong to a page of a surface; "
                             "a race that was run brings its own")
        return what
    settings = {"start": start, "steps": 200 if steps is None else steps, "seed": seed, **facts}
    return race(what, optimizers, **settings) if optimizers else tuned_race(what, **settings)


# A page of one race

def page_of_race(what, seed):
    """Return the page of a race; stored runs have as many steps as there is room for."""
    frame(what.surface)
    for trajectory in what:
        if trajectory.count is not None:
            raise ValueError(f"{trajectory.label} is {trajectory.count} runs in one; a page shows single runs, "
                             "such as trajectory[0]")
    planned = max(trajectory.planned for trajectory in what)
    ground = ground_of(what.surface, first_positions(what)[0], seed, planned)
    entries = [entry_of(trajectory, ground, seed) for trajectory in what]
    if len({one["label"] for one, *_ in entries}) < len(entries):
        for (one, *_), trajectory in zip(entries, what):
            one["label"] = trajectory.label
    stride = 1
    while stride < planned + 2:
        optimizers = [{**entry, "stored": runs and stored_runs(runs, stride)} for entry, _, runs, _ in entries]
        checks = [check for i, (_, _, _, found) in enumerate(entries) for check in checks_of(0, i, found)]
        text = document([ground], optimizers, [rule for _, rule, _, _ in entries], checks, planned, what.note)
        if len(text.encode()) < LARGEST:
            return Page(text, ground["title"])
        stride = max(stride + 2, int(stride * len(text) / LARGEST) // 2 * 2 + 1)
    raise ValueError(f"{len(what)} optimizers do not fit into one page of {LARGEST} bytes; show fewer")


def entry_of(trajectory, ground, seed):
    """Return what the page needs about an optimizer, its rule or None, its stored runs, and its checkpoints."""
    name = trajectory.optimizer.partition("(")[0]
    try:
        rule = printed_rule(trajectory, ground)
    except NotPrinted as reason:
        runs, fixed = with_learning_rates(trajectory, seed)
        reason = f"Its runs were made in Python, from one start: {reason}. {fixed}".strip()
        label = without_lr(trajectory.label) if len(runs) > 1 else trajectory.label
        return entry(label, name, None, reason), None, runs, None
    h = {key: trajectory.hyperparameters[key] for key in rule.hyperparameters}
    made = entry(without_lr(trajectory.label), name, rule, "", h)
    made["heavyBall"] &= not trajectory.hyperparameters.get("nesterov", False)  # whose edge is another
    return made, rule, [trajectory], trajectory


def printed_rule(trajectory, ground):
    """Return the printed rule of the optimizer of a run; raise an error if the run would not be the same."""
    if ground["text"] is None:
        raise NotPrinted(ground["reason"])
    if trajectory.make is None and trajectory.optimizer.partition("(")[0] not in known():
        raise NotPrinted("the run comes from a file, which holds no optimizer")
    if np.ptp(trajectory.rates):
        raise NotPrinted("the learning rate follows a schedule")
    make = trajectory.make or factory(trajectory.optimizer.partition("(")[0])
    return rule_text(make)


def entry(label, name, rule, reason="", h=None, tune=False, first=True):
    """Return what the page needs about an optimizer."""
    h = h or (rule.hyperparameters if rule else {})
    return {"label": label, "name": name, "reason": reason, "h": h, "tune": tune, "first": first,
            "sliders": sliders(h), "heavyBall": name == "SGD",
            "lines": rule.lines if rule else None, "aliases": rule.aliases if rule else None}


def sliders(h):
    """Return a slider for each hyperparameter that is a number, and for each number of a pair."""
    found = []
    for name, value in h.items():
        pair = isinstance(value, (tuple, list))
        for i, number in enumerate(value if pair else [value]):
            low, high, scale = SCALES.get(name) or (0, 2 * number or 1, "linear")
            path, called = ([name, i], f"{name.removesuffix('s')}{i + 1}") if pair else ([name], name)
            found.append({"path": path, "name": called, "scale": scale, "low": min(low, number or low),
                          "high": max(high, number)})
    return found


def checks_of(surface, optimizer, trajectory):
    """Yield the checkpoints of a real run: its position and state, and its position ten steps later."""
    if trajectory is None or trajectory.steps[-1] != len(trajectory.steps) - 1:
        return
    last = len(trajectory.steps) - 1
    places = [t for t in dict.fromkeys([0, 1, last // 2]) if t + CHECKED <= last]
    h = {name: value for name, value in trajectory.hyperparameters.items() if is_number(value)}
    found = [{"step": t, "states": states_at(trajectory, t), "from": trajectory.positions[t].tolist(),
              "to": trajectory.positions[t + CHECKED].tolist()} for t in places]
    if found:
        yield {"surface": surface, "optimizer": optimizer, "h": h, "checks": found}


def states_at(trajectory, t):
    """Return the state of each coordinate at a step; None before the first, when there is none yet."""
    if t == 0:
        return None
    entries = {name: np.broadcast_to(values[t], 2).tolist() for name, values in trajectory.states.items()}
    return [{name: pair[k] for name, pair in entries.items()} for k in (0, 1)]


def is_number(value):
    """Return whether a hyperparameter is a number, or a pair of numbers."""
    return all(isinstance(x, (int, float)) for x in (value if isinstance(value, (tuple, list)) else [value]))


# A page of many surfaces

def page_of_surfaces(which, optimizers, steps, seed, start, facts):
    """Return the page of several surfaces, with the named optimizers, or all that can be printed."""
    if start is not None or facts:
        raise ValueError("start and facts of a surface belong to a page of one surface")
    chosen = [surfaces.get(one) for one in which or surfaces.names()]
    chosen = chosen if which else [surface for surface in chosen if surface.ndim == 2]
    grounds = [ground_of(surface, surface.start, seed, steps) for surface in chosen]
    makers = {name: name for name in known()} if optimizers is None else with_short_labels(optimizers, chosen[0])
    first = {"SGD", "RMSprop", "Adam"} if optimizers is None else set(makers)
    entries, rules, checks = [], [], []
    for label, which_one in makers.items():
        try:
            rule = rule_text(factory(which_one))
        except (NotPrinted, TypeError, ValueError):
            continue
        tune = optimizers is None and "lr" in rule.hyperparameters
        entries.append(entry(label, label, rule, tune=tune, first=label in first))
        rules.append(rule)
        for i, surface in enumerate(chosen):
            if grounds[i]["text"] is not None:
                run = record(which_one, surface, steps=CHECKED + 1, seed=seed)
                checks += checks_of(i, len(entries) - 1, run)
    if not entries:
        raise ValueError(f"a page of several surfaces cannot run {', '.join(makers)}, whose rules cannot be printed; "
                         "a page of one surface shows stored runs")
    return Page(document(grounds, entries, rules, checks, steps, ""), "Surfaces and optimizers")


def with_short_labels(optimizers, surface):
    """Return optimizers as a dictionary from labels, which do not state the learning rate unless they differ in it."""
    found = labelled(optimizers, surface)
    short = [without_lr(label) for label in found]
    return dict(zip(short if len(set(short)) == len(short) else found, found.values()))


# The document

def ground_of(surface, start, seed, steps):
    """Return what the page needs about a surface: what to draw, its text in JavaScript, and its noise."""
    ground = surface_facts(surface, start)
    try:
        if callable(surface.noise):
            raise NotPrinted("the noise is a function")
        ground |= {"text": surface_text(surface), "reason": "", "levels": surface.levels(16)[1:-1].tolist()}
    except NotPrinted as reason:
        ground |= {"text": None, "reason": str(reason), "heights": contours(surface)}
    return ground | {"noise": noise_of(surface.noise, seed, steps), "curvature": curvature_of(surface)}


def noise_of(noise, seed, steps):
    """Return what `record` adds to the gradients of the two coordinates, step by step; None if it adds nothing."""
    if callable(noise) or not noise:
        return None
    rng = np.random.default_rng(seed)
    rng.standard_normal(2)  # drawn before the first step
    return (noise * np.array([rng.standard_normal(2) for _ in range(steps + 1)])).T.tolist()


def curvature_of(surface):
    """Return the largest curvature of a quadratic, and None for any other surface."""
    rng, curvature = np.random.default_rng(0), hessian(surface.function)
    with np.errstate(all="ignore"):
        places = [curvature(rng.uniform(*np.transpose(surface.domain))) for _ in range(3)]
    if not all(np.allclose(one, places[0], rtol=1e-9, atol=0) for one in places):
        return None
    largest = float(np.linalg.eigvalsh(places[0])[-1])
    return largest if np.linalg.eigvalsh(places[0])[0] > 0 else None


def document(grounds, optimizers, rules, checks, steps, note):
    """Return the page as text."""
    printed = [rule for rule in rules if rule is not None]
    codes = iter(range(len(printed)))
    places = iter(range(len(grounds)))
    content = {
        "surfaces": [{**{key: value for key, value in ground.items() if key != "text"},
                      "code": next(places) if ground["text"] is not None else None} for ground in grounds],
        "optimizers": [{**one, "stored": one.get("stored"), "code": next(codes) if rule is not None else None}
                       for one, rule in zip(optimizers, rules)],
        "checks": checks, "steps": steps, "note": note,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)).decode()
    texts = [ground["text"] for ground in grounds if ground["text"] is not None]
    code = "\n".join([f"const UNITS = {UNITS};", "const SURFACES = [", ",\n".join(texts), "];", "const RULES = [",
                      ",\n".join(rule.text for rule in printed), "];"])
    here = TEMPLATE.parent
    parts = {name: (here / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(grounds[0]["title"]), content=packed, rules=code,
        css=(here / "page.css").read_text(encoding="utf-8"), **parts)
