"""References to the project's own names: they become links, and a name that does not exist fails the build.

Names are checked in two places: in code among the words of a page or a docstring (`optim.Adam(lr=0.1)`), and in the
types of a docstring (`Tensor or array_like`). Sphinx reports the wrong ones, since `build.py` calls it with -n.
"""

import builtins
import functools
import importlib
import inspect
import pkgutil
import pydoc
import re

from docutils import nodes
from numpydoc.xref import DEFAULT_LINKS
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import get_node_line, get_node_source

import minigrad
import optim

SHORT = {"viz": "optim.viz", "nn": "minigrad.nn"}
OWN = re.compile(r"(minigrad|optim|viz|nn)\.[A-Za-z_][\w.]*(?=$|[(\[ ])")
FOREIGN = {"Axes", "Figure", "np.float32", "np.random.Generator", "numpy.random.Generator",
           "concurrent.futures.Executor", *dir(builtins)}


class Words(set):
    """The words of types that are not names: `array`, `of`, `N`. A name has a capital and more letters, or a dot."""

    def __contains__(self, word):
        return not re.match(r"[A-Z]\w*[a-z]|\w+\.\w", word)


def setup(app):
    """Have Sphinx link and check own names."""
    app.add_transform(OwnNames)
    app.connect("missing-reference", resolve)
    app.config.numpydoc_xref_param_type = True
    app.config.numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS}  # no links to other projects
    app.connect("builder-inited", skip_words)  # after Sphinx has checked that the setting is a plain set
    return {"parallel_read_safe": True}


def skip_words(app):
    """Have numpydoc make references only of what can be a name."""
    app.config.numpydoc_xref_ignore = Words()


class OwnNames(SphinxTransform):
    """Makes code that begins with an own name a reference."""

    default_priority = 400

    def apply(self):
        """Change the document."""
        for code in list(self.document.findall(nodes.literal)):
            found = OWN.match(code.astext())
            if not found or isinstance(code.parent, (nodes.reference, nodes.title, addnodes.pending_xref)):
                continue
            reference = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=full(found[0]))
            reference.source, reference.line = get_node_source(code), get_node_line(code)
            code.replace_self(reference)
            reference += code


def full(name):
    """Return a name with the whole path of its module."""
    first, _, rest = name.partition(".")
    return f"{SHORT.get(first, first)}.{rest}"


def resolve(app, env, node, shown):
    """Return the link for a name that Sphinx did not find, or the name without a link if it exists but has no page."""
    if node["refdomain"] != "py":
        return None
    name, python = node["reftarget"], env.domains["py"]
    documented = [key for key in python.objects if key.endswith(f".{name}")]
    if name[0].isupper() and documented:  # a class of another module
        return python.resolve_xref(env, node["refdoc"], app.builder, "obj", documented[0], node, shown)
    if name in FOREIGN | defined() or ("." in name and pydoc.locate(name) is not None):
        return shown if isinstance(shown, nodes.literal) else nodes.Text(shown.astext())
    return None


@functools.cache
def defined():
    """Return the names of all classes and functions of both packages."""
    modules = [module.name for package in (minigrad, optim)
               for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return {name for module in modules if not module.endswith("__main__")
            for name, entry in vars(importlib.import_module(module)).items()
            if inspect.isclass(entry) or inspect.isfunction(entry)}
