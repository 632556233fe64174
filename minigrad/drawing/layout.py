"""The places of a graph's boxes and the routes of its edges: layers from left to right, with few crossings.

The method is that of Sugiyama: put every box into a layer; where an edge skips layers, put a dummy into each of them;
order the layers so that few edges cross; then choose coordinates that keep this order. A long graph is broken into
rows, as text is broken into lines. No edge runs from row to row, or far along a row. It starts at a reference instead:
a small copy of its source, near its target. Lengths are in points, and y grows downwards.

References
----------
K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical system structures", IEEE
Transactions on Systems, Man, and Cybernetics 11 (1981), 109-125.
E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, "A technique for drawing directed graphs", IEEE Transactions on
Software Engineering 19 (1993), 214-230: transpositions (section 3), and weights that keep long edges straight
(section 4.1).
"""

import math
from bisect import bisect_right, insort
from itertools import groupby, pairwise
from operator import itemgetter

GAP, SLIVER = 12, 9  # between boxes in a layer, and between lines, or a line and a box
CHANNEL, GUTTER = 34, 28  # between layers, more where edges climb; and between rows
FAR = 8  # layers that an edge may skip
ROUNDS = 24
STRAIGHT = {0: 1, 1: 2, 2: 8}  # what it costs that an edge bends, by the number of dummies that it joins


def fitted(sizes, small, edges, page):
    """Return the Layout that is the largest on a page (width, height): in a single row, or broken into rows.

    In n rows the graph is about 1/n as wide and n times as high. The best n is where it has the shape of the page.
    A further row must enlarge it by 5 %.
    """
    def size(layout):
        return min(1, page[0] / layout.width, page[1] / layout.height) * 0.95 ** len(layout.columns.rows)

    layers = layers_of(len(sizes), edges)
    layouts = [Layout(sizes, small, edges, layers)]
    if layouts[0].width > page[0]:
        count = int(math.sqrt(layouts[0].width / layouts[0].height * page[1] / page[0]))
        layouts += [Layout(sizes, small, edges, layers, equal_rows(layouts[0], layers, rows))
                    for rows in (count, count + 1) if 1 < rows <= max(layers) + 1]
    return max(layouts, key=size)


class Layout:
    """A finished layout.

    Parameters
    ----------
    sizes, small : list of (width, height)
        The sizes of the boxes, and of references to them. A box comes before those that its edges lead to.
    edges : list of (source, target)
        Numbers of boxes; the same pair may occur more than once.
    layers : list of int
        The layer of each box, from `layers_of`.
    breaks : sequence of int
        The layers that begin new rows.

    Attributes
    ----------
    referred : list of int
        The box that each reference stands for.
    centres : list of (x, y)
        One for each box, and then one for each reference.
    starts : list of int
        Where each edge starts: the number of its source, or, from the number of boxes on, that of a reference.
    routes : list of list
        One for each edge, from the right side of where it starts to the left side of its target: (point,), and then
        ("line", point) or ("curve", point), which leaves and arrives horizontally, in turn.
    width, height : float
    """

    def __init__(self, sizes, small, edges, layers, breaks=()):
        seats, self.starts, self.referred = seated(layers, breaks, edges)
        self.edges = edges
        self.sizes = [*sizes, *(small[box] for box in self.referred)]
        self.columns = Columns(self.sizes, [(start, target) for start, (_, target) in zip(self.starts, edges)], seats)
        order(self.columns)
        ports = self.columns.ports()
        y = self.y = heights(self.columns, ports)
        self._place_rows()
        centre = self.columns.centre
        self.centres = [(centre[self.columns.of[i]], y[i]) for i in range(len(self.sizes))]
        self.routes = [self._route(path, port) for path, port in zip(self.columns.paths, ports)]

    def _place_rows(self):
        """Set the x of every column and the final y of every item, row below row."""
        columns, top, ends = self.columns, 0, []
        for row in columns.rows:
            items = [item for column in row for item in columns.items[column]]
            lowest = max(self.y[item] + columns.height(item) / 2 for item in items)
            highest = min(self.y[item] - columns.height(item) / 2 for item in items)
            for item in items:
                self.y[item] += top - highest
            for before, column in pairwise(row):
                columns.left[column] = columns.right(before) + self._channel(before)
            ends.append(columns.right(row[-1]))
            top += lowest - highest + GUTTER
        self.width, self.height = max(ends), top - GUTTER

    def _channel(self, column):
        """Return the room between a column and the next: the steeper the edges, the more."""
        climb = max((abs(self.y[a] - self.y[b]) for a, b in self.columns.links[column]), default=0)
        return CHANNEL + min(0.15 * climb, 60)

    def _route(self, path, port):
        """Return the route of an edge through the items of its path."""
        columns, y = self.columns, self.y
        source, target = path[0], path[-1]
        x = self.centres[source][0] + self.sizes[source][0] / 2
        route = [((x, y[source]),), ("line", (columns.right(columns.of[source]), y[source]))]
        for item in path[1:]:
            end = y[item] + (port if item == target else 0)
            route.append(("curve", (columns.left[columns.of[item]], end)))
            if item != target:
                route.append(("line", (columns.right(columns.of[item]), end)))
        return [*route, ("line", (self.centres[target][0] - self.sizes[target][0] / 2, y[target] + port))]


def seated(layers, breaks, edges):
    """Return the seats (row, layer) of the boxes and then of references, where edges start, and what is referred to.

    An edge starts at its source, or, if that is in another row or far to the left, at the latest reference to it.
    """
    seats = [(bisect_right(breaks, first), layer) for first, layer in zip(first_used(layers, edges), layers)]
    starts, referred, latest = [None] * len(edges), [], list(enumerate(seats))
    for number, (source, target) in sorted(enumerate(edges), key=lambda item: layers[item[1][1]]):
        start, (row, layer) = latest[source]
        if seats[target][0] != row or seats[target][1] - layer > FAR:
            start = len(seats)
            seats.append((seats[target][0], seats[target][1] - 1))
            referred.append(source)
        starts[number] = start
        latest[source] = start, seats[target]
    return seats, starts, referred


def first_used(layers, edges):
    """Return the layer where each box is first needed: its own, or, for a leaf, that of its first target.

    A leaf shares the row of this layer.
    """
    inner = {target for _, target in edges}
    return [layer + (box not in inner) for box, layer in enumerate(layers)]


# Layers

def layers_of(count, edges):
    """Return the number of each box's layer: one more than its latest source, and near to its targets if it can."""
    sources, targets = [[] for _ in range(count)], [[] for _ in range(count)]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    layer, loose = [0] * count, [True] * count  # a loose box needs only leaves, and loose boxes that serve it alone
    for i in range(count):
        layer[i] = max((layer[source] + 1 for source in sources[i]), default=0)
        loose[i] = all(loose[source] and (not sources[source] or set(targets[source]) == {i}) for source in sources[i])
    for i in reversed(range(count)):
        # A step to the right shortens the edges to its targets, and stretches those from sources that serve it alone.
        # Loose boxes follow it, though, and a source with other targets has a long line anyway.
        stretched = [source for source in sources[i] if set(targets[source]) == {i} and not loose[source]]
        if targets[i] and len(stretched) < len(targets[i]):
            layer[i] = min(layer[target] for target in targets[i]) - 1
    rank = {number: place for place, number in enumerate(sorted(set(layer)))}
    return [rank[number] for number in layer]


def equal_rows(layout, layers, count):
    """Return where to break a layout into rows of similar width, where few edges cross. Dynamic programming."""
    widths = [width + CHANNEL for width in layout.columns.width]
    first = first_used(layers, layout.edges)
    crossing = [len({source for source, target in layout.edges if first[source] < layer <= layers[target]})
                for layer in range(len(widths))]
    target, total = sum(widths) / count, [0]
    for width in widths:
        total.append(total[-1] + width)
    best = {0: (0, ())}  # by the end of the rows so far: the cost, and the breaks
    for row in range(count):
        longer = {}
        for start, (cost, breaks) in best.items():
            for end in range(start + 1, len(widths) + 1):
                if (end == len(widths)) != (row == count - 1):
                    continue
                more = cost + ((total[end] - total[start]) / target - 1) ** 2
                more += 0.02 * crossing[end] if end < len(widths) else 0
                if end not in longer or more < longer[end][0]:
                    longer[end] = more, (*breaks, end)
        best = longer
    return best[len(widths)][1][:-1]


class Columns:
    """The columns of all rows, with their items: boxes and references, by their numbers, and dummies, by larger ones.

    Edges with the same start share its dummies, so that they run as one until they part.
    """

    def __init__(self, sizes, edges, seats):
        self.sizes = sizes
        column = {seat: number for number, seat in enumerate(sorted(set(seats)))}
        self.rows = [[column[seat] for seat in row] for _, row in groupby(column, key=itemgetter(0))]
        self.of = [column[seat] for seat in seats]  # the column of each item
        self.items = [[] for _ in column]
        for item, number in enumerate(self.of):
            self.items[number].append(item)
        self.width = [max(sizes[i][0] for i in items) for items in self.items]
        self.left = [0] * len(column)
        self.links = [[] for _ in column]  # from each column to the next
        self.paths = self._thread(edges)
        self.before, self.after = self._neighbours()

    def _thread(self, edges):
        """Return the items that each edge runs through, with dummies in the columns that it skips."""
        dummies, paths = {}, []
        for source, target in edges:
            path = [source]
            for column in range(self.of[source] + 1, self.of[target]):
                if (source, column) not in dummies:
                    dummies[source, column] = len(self.of)
                    self.items[column].append(len(self.of))
                    self.links[column - 1].append((path[-1], len(self.of)))
                    self.of.append(column)
                path.append(dummies[source, column])
            self.links[self.of[target] - 1].append((path[-1], target))
            paths.append([*path, target])
        return paths

    def _neighbours(self):
        """Return the items on the left and on the right of each item, with multiplicity."""
        before, after = [[] for _ in self.of], [[] for _ in self.of]
        for links in self.links:
            for a, b in links:
                after[a].append(b)
                before[b].append(a)
        return before, after

    def ports(self):
        """Return how far below its target's centre each edge arrives: one below the other, in their order."""
        place, arriving = places(self), {}
        for number, path in enumerate(self.paths):
            arriving.setdefault(path[-1], []).append((place[path[-2]], number))
        offsets = [0] * len(self.paths)
        for target, ends in arriving.items():
            room = min(11, (self.sizes[target][1] - 8) / len(ends))
            for i, (_, number) in enumerate(sorted(ends)):
                offsets[number] = (i - (len(ends) - 1) / 2) * room
        return offsets

    def height(self, item):
        """Return the height of an item; a dummy has none."""
        return 0 if self.is_dummy(item) else self.sizes[item][1]

    def is_dummy(self, item):
        return item >= len(self.sizes)

    @property
    def centre(self):
        return [left + width / 2 for left, width in zip(self.left, self.width)]

    def right(self, column):
        return self.left[column] + self.width[column]


# Order within the layers

def order(columns):
    """Order every column so that few edges cross: barycentres, in sweeps back and forth, and then transpositions."""
    first_visit(columns)
    best, fewest = [list(items) for items in columns.items], crossings(columns)
    for sweep in range(ROUNDS):
        rightwards = sweep % 2 == 0
        neighbours = columns.before if rightwards else columns.after
        for items in columns.items if rightwards else reversed(columns.items):
            sort_by_barycentre(items, neighbours, places(columns))
        transpose(columns)
        if (count := crossings(columns)) < fewest:
            best, fewest = [list(items) for items in columns.items], count
        if not fewest:
            break
    columns.items = best


def first_visit(columns):
    """Order every column as a walk back from the last box visits it: boxes that belong together are then close."""
    visit, stack = {}, list(reversed(range(len(columns.of))))
    stack.sort(key=lambda item: columns.of[item])
    while stack:
        item = stack.pop()
        if item not in visit:
            visit[item] = len(visit)
            stack += reversed(columns.before[item])
    for items in columns.items:
        items.sort(key=visit.get)


def places(columns):
    """Return the place of each item within its column."""
    return {item: place for items in columns.items for place, item in enumerate(items)}


def sort_by_barycentre(items, neighbours, place):
    """Sort a column by the mean place of each item's neighbours; items without any keep theirs."""
    fixed = {item for item in items if not neighbours[item]}
    mean = {item: sum(place[other] for other in neighbours[item]) / len(neighbours[item])
            for item in items if item not in fixed}
    moving = iter(sorted(mean, key=mean.get))
    items[:] = [item if item in fixed else next(moving) for item in items]


def transpose(columns):
    """Exchange neighbours in a column as long as this makes fewer edges cross."""
    place = places(columns)
    for items in columns.items:
        improved = True
        while improved:
            improved = False
            for i, (a, b) in enumerate(pairwise(items)):
                if gain(columns, place, a, b) > 0:
                    items[i], items[i + 1] = b, a
                    place[a], place[b] = i + 1, i
                    improved = True
                    break


def gain(columns, place, a, b):
    """Return how many crossings fewer there are if b, which is below a, changes places with it."""
    fewer = 0
    for neighbours in columns.before, columns.after:
        for p in neighbours[a]:
            for q in neighbours[b]:
                fewer += (place[p] > place[q]) - (place[p] < place[q])
    return fewer


def crossings(columns):
    """Return the number of pairs of links that cross."""
    place, total = places(columns), 0
    for links in columns.links:
        ends = []
        for _, end in sorted((place[a], place[b]) for a, b in links):
            total += len(ends) - bisect_right(ends, end)
            insort(ends, end)
    return total


# Coordinates

def heights(columns, ports):
    """Return the y of each item: every item near its neighbours, in the order and at the distances that are fixed.

    Column by column the sum of w (y - y of a neighbour)² is made smallest, which finds a balance, and then the sum of
    w |y - y of a neighbour|, which makes as many edges straight as possible.
    """
    y = [0.0] * len(columns.of)
    for items in columns.items:
        for above, below in pairwise(items):
            y[below] = y[above] + distance(columns, above, below)
    near = neighbourhood(columns, ports)
    for centre in mean, median:
        for sweep in range(2 * ROUNDS):
            for items in columns.items if sweep % 2 == 0 else reversed(columns.items):
                wishes = [[(y[other] + offset, w) for w, other, offset in near[item]] or [(y[item], 1)]
                          for item in items]
                for item, at in zip(items, spread(columns, items, wishes, centre)):
                    y[item] = at
    return y


def mean(wishes):
    """Return the weighted mean of places."""
    return sum(w * at for at, w in wishes) / sum(w for _, w in wishes)


def median(wishes):
    """Return the weighted median of places; the middle between two that are equally good."""
    wishes, half, so_far = sorted(wishes), sum(w for _, w in wishes) / 2, 0
    for i, (at, w) in enumerate(wishes):
        so_far += w
        if so_far > half * (1 + 1e-9):
            return at
        if so_far > half * (1 - 1e-9):
            return (at + wishes[i + 1][0]) / 2
    return wishes[-1][0]


def neighbourhood(columns, ports):
    """Return (weight, neighbour, offset) for each link of each item, which is straight if y = neighbour's y + offset.

    A box with a single edge gives way to its neighbour, and so does the end of an edge from a leaf or a reference.
    """
    near, seen = [[] for _ in columns.of], set()
    for path, port in zip(columns.paths, ports):
        for a, b in pairwise(path):
            offset = port if b == path[-1] else 0
            if (a, b) not in seen or b == path[-1]:
                single = min(len(columns.before[i] + columns.after[i]) for i in (a, b)) == 1
                gives_way = single or (b == path[-1] and not columns.before[path[0]])
                w = STRAIGHT[columns.is_dummy(a) + columns.is_dummy(b)] * (0.1 if gives_way else 1)
                near[a].append((w, b, offset))
                near[b].append((w, a, -offset))
            seen.add((a, b))
    return near


def distance(columns, above, below):
    """Return how far the centres of two items, one below the other, must be apart."""
    pair = columns.height(above), columns.height(below)
    return sum(pair) / 2 + (min(GAP, max(pair) / 3) if all(pair) else SLIVER)  # small boxes may be closer


def spread(columns, items, wishes, centre):
    """Return the places that are nearest to the desired ones and keep the distances between the items of a column.

    With the distances above each item subtracted, the places must not decrease. This is isotonic regression, solved
    by pooling adjacent violators: M. Ayer et al., Annals of Mathematical Statistics 26 (1955), 641-647.
    """
    offsets = [0.0]
    for above, below in pairwise(items):
        offsets.append(offsets[-1] + distance(columns, above, below))
    pools = []  # (place, wishes, number of items)
    for offset, wished in zip(offsets, wishes):
        wished, count = [(at - offset, w) for at, w in wished], 1
        while pools and pools[-1][0] > centre(wished):
            _, earlier, more = pools.pop()
            wished, count = earlier + wished, count + more
        pools.append((centre(wished), wished, count))
    pooled = [place for place, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(pooled, offsets)]
