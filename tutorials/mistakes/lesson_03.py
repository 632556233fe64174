"""Lesson 3: shared nodes, and a tape of your own."""

import numpy as np

from tutorials.exercise import Exercise, Mistake

DIAMOND = {"loss": ["left", "right"], "left": ["y"], "right": ["y"], "y": ["x"], "x": []}
SHORT_CUT = {"loss": ["y", "a"], "a": ["b"], "b": ["y"], "y": ["x"], "x": []}  # the short way arrives first
TWICE = {"loss": ["a", "b", "b"], "a": ["b", "b"], "b": ["c", "y"], "c": ["y"], "y": ["x"], "x": [], "unused": ["x"]}
LADDER = {"loss": ["a", "b"], "a": ["b", "c"], "b": ["c", "d"], "c": ["d", "x"], "d": ["x"], "x": []}
CHAIN = {i: [i - 1] if i else [] for i in range(5000)}


def arrivals(accumulate):
    """Slopes that arrive at three nodes, some of them the same array."""
    arrived, shared, alone = {}, np.array([1.0, 2.0]), np.array([0.5, -4.0])
    accumulate(arrived, "x", shared)
    accumulate(arrived, "y", shared)
    yield "arrived after the first slopes of x and y", dict(arrived)
    accumulate(arrived, "x", alone)
    yield "arrived after a second slope of x", dict(arrived)
    accumulate(arrived, "x", alone)
    yield "arrived after a third slope of x", dict(arrived)
    yield "the array that x and y share", shared
    yield "the second slope of x", alone
    accumulate(arrived, "z", np.zeros(2))
    accumulate(arrived, "z", alone)
    yield "arrived after a slope of zeros and another one at z", dict(arrived)


def walks(walk_order):
    """Walk several graphs in the student's order; every right order gives the same slopes."""
    graphs = {"a diamond": DIAMOND, "a graph with a short cut": SHORT_CUT, "a graph with doubled edges": TWICE,
              "a ladder": LADDER, "a chain of 5,000 nodes": CHAIN}
    for name, parents in graphs.items():
        result = max(parents) if name.startswith("a chain") else "loss"
        order = list(walk_order(result, dict(parents)))
        slopes = dict.fromkeys(parents, 0)
        slopes[result] = 1
        for node in order:
            for parent in parents[node]:
                slopes[parent] += slopes[node]
        leaf = min(parents) if name.startswith("a chain") else "x"
        yield f"the number of nodes in your order of {name}", len(order)
        yield f"the first node of your order of {name}", str(order[0])
        yield f"the slope of the leaf of {name}, walked in your order,", slopes[leaf]


def has_too_few_paths(many_paths):
    """Count nodes, parents and paths."""
    for n in (10, 20, 40):
        graph = many_paths(n)
        if not isinstance(graph, dict):
            return f"many_paths({n}) returns {graph!r:.60}, not a dictionary of parents."
        if set(graph) != set(range(n)):
            return f"many_paths({n}) has {len(graph)} nodes; they should be 0, 1, ... {n - 1}."
        paths = [1]
        for node in range(1, n):
            parents = list(graph[node])
            if len(parents) not in (1, 2) or len(set(parents)) != len(parents):
                return f"in many_paths({n}) node {node} has the parents {parents}, not one or two different ones."
            if not all(parent in range(node) for parent in parents):
                return f"in many_paths({n}) node {node} has the parents {parents}: parents have smaller numbers."
            paths.append(sum(paths[parent] for parent in parents))
        if graph[0]:
            return f"in many_paths({n}) node 0 has parents; it should be the leaf."
        if paths[-1] < 1.4**n:
            return f"many_paths({n}) has {paths[-1]} paths from node {n - 1} to node 0, fewer than {1.4**n:.0f}."
    return None


FIRST = """\
    if node in arrived:
        arrived[node] = arrived[node] + slope
    else:
        arrived[node] = slope"""
START = "    uses, seen, pile = {}, {result}, [result]\n"
RECURSIVE = """\
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents[node]:
                visit(parent)
            order.append(node)

    visit(result)
    return order[::-1]
"""
EXERCISES = [
    Exercise(
        "3.1",
        arrivals,
        mistakes=[
            Mistake("The newest slope replaces the earlier ones: slopes that arrive at the same node are added.",
                    (FIRST, "    arrived[node] = slope")),
            Mistake("+= changes the array in place, and another node may hold the same array.",
                    ("arrived[node] = arrived[node] + slope", "arrived[node] += slope")),
            Mistake("The first slope stays and later ones are dropped: the sum has to be stored in the dictionary.",
                    (FIRST, "    arrived.setdefault(node, slope)")),
            Mistake("A node at which nothing has arrived yet is not in the dictionary: what should its first slope be "
                    "added to?",
                    (FIRST, "    arrived[node] = arrived[node] + slope")),
            Mistake("The first slope is counted twice: it is stored, and then added to itself.",
                    (FIRST, "    arrived.setdefault(node, slope)\n    arrived[node] = arrived[node] + slope")),
            Mistake("The slopes are multiplied: ways that lead to the same node are alternatives, so they are added.",
                    ("arrived[node] + slope", "arrived[node] * slope")),
            Mistake("The slopes are averaged: two ways to a node matter twice, so they are added.",
                    ("arrived[node] + slope", "(arrived[node] + slope) / 2")),
            Mistake("slope += changes the array that was handed over, and the one who handed it over may still use it.",
                    ("arrived[node] = arrived[node] + slope", "slope += arrived[node]; arrived[node] = slope")),
            Mistake("All slopes land under one key, whichever node they are for.",
                    ("    if node in arrived", "    node = \"x\"\n    if node in arrived")),
        ],
    ),
    Exercise(
        "3.2",
        walks,
        mistakes=[
            Mistake("The order is upside down: the result comes first, and every node before its parents.",
                    ("    return order", "    return order[::-1]")),
            Mistake("This is the order in which a search meets the nodes: a node can come before one that uses it.",
                    ("uses, seen, pile = {}, {result}, [result]", "uses, seen, pile = {}, {result: None}, [result]"),
                    ("seen.add(parent)", "seen[parent] = None"), ("order, ready = [], [result]", "return list(seen)")),
            Mistake("The result itself is missing: it is the first node of the walk.",
                    ("    return order", "    return order[1:]")),
            Mistake("A node is ready at its first use already: it has to wait for the last one.",
                    ("if uses[parent] == 0:", "if parent not in order and parent not in ready:")),
            Mistake("Nodes are listed once for each use: every node hands on its slope only once.",
                    ("            if uses[parent] == 0:\n                ready.append(parent)",
                     "            if uses[parent] >= 0:\n                ready.append(parent)")),
            Mistake("A parent that is used twice by the same node is counted once: then it is ready too early.",
                    ("for parent in parents[pile.pop()]:", "for parent in set(parents[pile.pop()]):")),
            Mistake("Nodes that the result was not made of are in the order, too.",
                    ("    return order", "    return order + [node for node in parents if node not in order]")),
            Mistake("Python's recursion ends after a thousand calls, and graphs are deeper: keep a pile of your own.",
                    (START, RECURSIVE + START)),
        ],
    ),
    Exercise("3.3", property=has_too_few_paths),
]
