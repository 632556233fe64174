"""The parameters that most optimizers share, described once: `Optimizer` puts them into the docstring of each class.

A class describes only its own parameters; `help(optim.Adam)` shows all of them, in the order of the signature and with
its defaults.
"""

import inspect
import re

SHARED = {  # the type, with a place for "or array" where arrays make independent runs, and the description
    "params": ("iterable", "Parameters, or dictionaries that are groups of them; see `Optimizer`."),
    "lr": ("float{}", "Learning rate γ."),
    "betas": ("pair of floats{s}", "β₁ and β₂: the weight of the past in the averages of the gradient and of its "
              "square."),
    "eps": ("float{}", "ε, keeps 0/0 away."),
    "weight_decay": ("float{}", "λ; adds λθ to the gradient."),
    "maximize": ("bool", "Climb instead of descending."),
}
HEADING = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)


def describe_shared_parameters(cls):
    """Complete the section "Parameters" of a class whose docstring has sections."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
    headings = list(HEADING.finditer(doc))
    if not headings:
        return
    begin, end, described = headings[0].start(), headings[0].start(), {}
    if headings[0][1] == "Parameters":
        end = headings[1].start() if len(headings) > 1 else len(doc)
        described = entries(doc[headings[0].end():end])
    listed = []
    for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
        entry = described.get(parameter.name) or shared_entry(parameter, cls.elementwise)
        if entry and entry not in listed:
            listed.append(entry)
    cls.__doc__ = "\n".join([doc[:begin] + "Parameters\n----------", *listed, "", doc[end:]]).rstrip() + "\n"


def entries(section):
    """Return the entries of a section "Parameters" by the names that each describes."""
    found = {}
    for entry in re.split(r"\n(?=\w)", section.strip()):
        names = entry.partition("\n")[0].partition(" : ")[0]
        found |= dict.fromkeys(names.split(", "), entry.rstrip())
    return found


def shared_entry(parameter, elementwise):
    """Return the entry of a parameter that optimizers share, or "" if it is not one."""
    if parameter.name not in SHARED:
        return ""
    kind, text = SHARED[parameter.name]
    kind = kind.format(" or array" if elementwise else "", s=" or arrays" if elementwise else "")
    default = "" if parameter.default is parameter.empty else f", default {parameter.default!r}"
    return f"{parameter.name} : {kind}{default}\n    {text}"
