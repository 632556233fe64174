"""The places of a graph's boxes and the routes of its edges: layers from left to right, with few crossings.

The method is that of Sugiyama: put every box into a layer; where an edge skips layers, put a dummy into each of them;
order the layers so that few edges cross; then choose coordinates that keep this order. A long graph is broken into
rows, as text is broken into lines. Lengths are in points, and y grows downwards.

References
----------
K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical system structures", IEEE
Transactions on Systems, Man, and Cybernetics 11 (1981), 109-125.
E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, "A technique for drawing directed graphs", IEEE Transactions on
Software Engineering 19 (1993), 214-230: transpositions (section 3), and weights that keep long edges straight
(section 4.1).
"""

from bisect import bisect_right, insort
from itertools import pairwise

GAP, SLIVER = 12, 9  # between boxes in a layer, and between lines, or a line and a box
CHANNEL = 34  # between layers; more where edges climb
LANE, GUTTER = 8, 16  # between edges that run back from the end of a row, and around all of them
ROUNDS = 24
STRAIGHT = {0: 1, 1: 2, 2: 8}  # what it costs that an edge bends, by the number of dummies that it joins


class Layout:
    """The finished layout.

    Parameters
    ----------
    sizes : list of (width, height)
        The sizes of the boxes. A box comes before those that its edges lead to.
    edges : list of (source, target)
        Numbers of boxes; the same pair may occur more than once.
    page : (width, height)
        The room to fill: the graph is broken into rows so that it can be largest in it.

    Attributes
    ----------
    centres : list of (x, y)
        One for each box.
    routes : list of list
        One for each edge, from the right side of its source to the left side of its target: (point,), and then any of
        ("line", point), ("curve", point), which leaves and arrives horizontally, and ("corner", point, point).
    width, height : float
    """

    def __init__(self, sizes, edges, page):
        self.sizes, self.edges = sizes, edges
        layers = layers_of(len(sizes), edges)
        self._place(layers, ())
        if breaks := best_breaks(layers, self, page):
            self._place(layers, breaks)

    def _place(self, layers, breaks):
        """Lay out with the layers before `breaks` at the beginning of new rows."""
        self.columns = Columns(self.sizes, self.edges, layers, breaks)
        order(self.columns)
        ports = self.columns.ports()
        y = self.y = heights(self.columns, ports)
        self._place_rows()
        centre = self.columns.centre
        self.centres = [(centre[self.columns.of[i]], y[i]) for i in range(len(self.sizes))]
        self.routes = [self._route(path, port) for path, port in zip(self.columns.paths, ports)]

    def _place_rows(self):
        """Set the x of every column and the final y of every item, row below row."""
        columns, top = self.columns, 0
        self.width = 0
        self.lanes = {}  # of each item at the end of a row: its number from below, and where the lanes run
        for row in columns.rows:
            lowest = max(self.y[item] + columns.height(item) / 2 for column in row for item in columns.items[column])
            highest = min(self.y[item] - columns.height(item) / 2 for column in row for item in columns.items[column])
            for column in row:
                for item in columns.items[column]:
                    self.y[item] += top - highest
            x = GUTTER + LANE * len(columns.items[row[0]]) if row[0] in columns.entries else 0
            for column in row:
                columns.left[column] = x
                x += columns.width[column]
                if column != row[-1]:
                    x += self._channel(column)
            top += lowest - highest
            leaving = columns.items[row[-1]] if row is not columns.rows[-1] else []
            for place, item in enumerate(reversed(leaving)):
                self.lanes[item] = place, len(leaving), x + GUTTER / 2, top + GUTTER
            top += 2 * GUTTER + LANE * len(leaving) if leaving else 0
            self.width = max(self.width, x + (GUTTER + LANE * len(leaving) if leaving else 0))
        self.height = top

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
        for a, b in pairwise(path):
            at = columns.of[b]
            end = y[b] + (port if b == target else 0)
            if at in columns.entries:
                route += self._back(a, b)
            else:
                route.append(("curve", (columns.left[at], end)))
            if b != target:
                route.append(("line", (columns.right(at), end)))
        return [*route, ("line", (self.centres[target][0] - self.sizes[target][0] / 2, y[target] + port))]

    def _back(self, a, b):
        """Return the way from the end of a row to the beginning of the next: out, down, back, down and in."""
        place, count, right, below = self.lanes[a]
        right, below = right + LANE * place, below + LANE * place
        left = self.columns.left[self.columns.of[b]] - GUTTER / 2 - LANE * (count - 1 - place)
        corners = [(right, self.y[a]), (right, below), (left, below), (left, self.y[b])]
        way, ends = [], [*corners[1:], (self.columns.left[self.columns.of[b]], self.y[b])]
        for corner, end in zip(corners, ends):
            before = way[-1][-1] if way else (self.columns.right(self.columns.of[a]), self.y[a])
            way += [("line", towards(corner, before)), ("corner", corner, towards(corner, end))]
        return [*way, ("line", ends[-1])]


def towards(corner, end, radius=5):
    """Return the point at most `radius` away from the corner, on the way to `end`."""
    (x, y), (to_x, to_y) = corner, end
    length = abs(to_x - x) + abs(to_y - y)  # the way runs along an axis
    share = min(radius, length / 2) / length if length else 0
    return x + share * (to_x - x), y + share * (to_y - y)


# Layers

def layers_of(count, edges):
    """Return the number of each box's layer: one more than its latest source, and near to its targets if it can."""
    sources, targets = [[] for _ in range(count)], [[] for _ in range(count)]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    layer = [0] * count
    for i in range(count):
        layer[i] = max((layer[source] + 1 for source in sources[i]), default=0)
    for i in reversed(range(count)):
        inner = [source for source in sources[i] if sources[source]]  # others can follow, or run on to the right anyway
        if targets[i] and len(inner) < len(targets[i]):
            layer[i] = min(layer[target] for target in targets[i]) - 1
    rank = {number: place for place, number in enumerate(sorted(set(layer)))}
    return [rank[number] for number in layer]


def best_breaks(layers, layout, page):
    """Return the layers that begin rows, so that the graph is as large as it can be on the page.

    `layout` is the graph in a single row; the height of a row is estimated by its highest column.
    """
    width, height = page
    columns = layout.columns
    best, most = (), min(1, width / layout.width, height / layout.height)
    widths = [columns.width[column] + CHANNEL for column in range(len(columns.items))]
    stacks = [sum(columns.height(item) + GAP for item in items) for items in columns.items]
    slack = layout.height / max(stacks)
    crossing = [len({source for source, target in layout.edges if layers[source] < layer <= layers[target]})
                for layer in range(len(widths))]
    for count in range(2, min(len(widths), 16) + 1):
        breaks = equal_rows(widths, crossing, count)
        lanes = [2 * (GUTTER + LANE * crossing[layer]) for layer in breaks]
        rows = list(pairwise([0, *breaks, len(widths)]))
        across = max(sum(widths[a:b]) for a, b in rows) + max(lanes)
        down = sum(slack * max(stacks[a:b]) for a, b in rows) + sum(lanes)
        scale = min(1, width / across, height / down)
        if scale > 1.02 * most:
            best, most = breaks, scale
    return best


def equal_rows(widths, crossing, count):
    """Return where to break into `count` rows of similar width, where few edges cross. Dynamic programming."""
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
    """Layers with their dummies. Items are boxes, by their numbers, and dummies, by larger ones.

    Each break adds two columns: one of dummies alone at the end of a row, and an entry at the beginning of the next.
    Edges from the same source share its dummies, so that they run as one until they part.
    """

    def __init__(self, sizes, edges, layers, breaks):
        self.sizes = sizes
        column_of_layer, count, self.entries, self.rows = {}, 0, set(), [[]]
        for layer in range(max(layers) + 1):
            if layer in breaks:
                self.rows[-1].append(count)
                self.entries.add(count + 1)
                self.rows.append([count + 1])
                count += 2
            column_of_layer[layer] = count
            self.rows[-1].append(count)
            count += 1
        self.of = [column_of_layer[layer] for layer in layers]  # the column of each item
        for box in set(range(len(sizes))) - {target for _, target in edges}:
            if layers[box] + 1 in breaks:
                self.of[box] += 2  # nothing leads here: it begins the row in which it is used
        self.items = [[] for _ in range(count)]
        for box, column in enumerate(self.of):
            self.items[column].append(box)
        self.width = [max((sizes[i][0] for i in items), default=0) for items in self.items]
        self.left = [0] * count
        self.links = [[] for _ in range(count)]  # from each column to the next
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

    A box with a single edge gives way to its neighbour.
    """
    near, seen = [[] for _ in columns.of], set()
    for path, port in zip(columns.paths, ports):
        for a, b in pairwise(path):
            offset = port if b == path[-1] else 0
            if (a, b) not in seen or b == path[-1]:
                single = min(len(columns.before[i] + columns.after[i]) for i in (a, b)) == 1
                w = STRAIGHT[columns.is_dummy(a) + columns.is_dummy(b)] * (0.1 if single else 1)
                near[a].append((w, b, offset))
                near[b].append((w, a, -offset))
            seen.add((a, b))
    return near


def distance(columns, above, below):
    """Return how far the centres of two items, one below the other, must be apart."""
    gap = SLIVER if columns.is_dummy(above) or columns.is_dummy(below) else GAP
    return (columns.height(above) + columns.height(below)) / 2 + gap


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
