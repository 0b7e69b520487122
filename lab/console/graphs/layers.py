"""Which row a state is drawn in, and in which order a row is: the steps of a layered drawing. Pure.

Rows follow the longest way from the start, so that arrows lead downwards; what leads back up is told apart first. An
arrow over several rows passes each of them as a bend, which takes its place among the states of the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SWEEPS: Final = 6
Link = tuple[str, str]


@dataclass(frozen=True)
class Rows:
    """``bends``: for each link over several rows, the names that stand for it in the rows between.

    ``links``: who stands next to whom from row to row, bends included.
    """

    rows: tuple[tuple[str, ...], ...]
    back: frozenset[Link]
    bends: Mapping[Link, tuple[str, ...]]
    links: tuple[Link, ...]


def rows_of(names: Sequence[str], links: Iterable[Link], start: str) -> Rows:
    """``links`` lead between ``names``; loops to itself may be left in and count as leading back."""
    distinct = list(dict.fromkeys(links))
    first = [start] if start in names else []
    order = [*first, *(name for name in names if name != start)]
    back = _back(order, distinct)
    down = [link for link in distinct if link not in back]
    depth = _depths(order, down)
    bends = {link: _bends(link, depth) for link in down if depth[link[1]] - depth[link[0]] > 1}
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in order:
        rows[depth[name]].append(name)
    for (source, _), passed in bends.items():
        for step, bend in enumerate(passed, depth[source] + 1):
            rows[step].append(bend)
    links_between = _short_links(down, bends)
    return Rows(tuple(map(tuple, _untangled(rows, links_between))), frozenset(back), bends, tuple(links_between))


def _back(order: Sequence[str], links: Sequence[Link]) -> set[Link]:
    """The links that close a circle when one walks from the first name on."""
    following: dict[str, list[str]] = {name: [] for name in order}
    for link in links:
        following[link[0]].append(link[1])
    done: set[str] = set()
    walking: set[str] = set()
    found: set[Link] = set()
    for root in order:
        ways = [(root, iter(following[root]))] if root not in done else []
        walking.update(name for name, _ in ways)
        while ways:
            name, rest = ways[-1]
            target = next(rest, None)
            if target is None:
                ways.pop()
                walking.discard(name)
                done.add(name)
            elif target in walking:
                found.add((name, target))
            elif target not in done:
                walking.add(target)
                ways.append((target, iter(following[target])))
    return found


def _depths(order: Sequence[str], down: Sequence[Link]) -> dict[str, int]:
    depth = dict.fromkeys(order, 0)
    waiting = dict.fromkeys(order, 0)
    for _, target in down:
        waiting[target] += 1
    ready = [name for name in order if not waiting[name]]
    for name in ready:  # grows as it is walked
        for source, target in down:
            if source == name:
                depth[target] = max(depth[target], depth[name] + 1)
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return depth


def _bends(link: Link, depth: Mapping[str, int]) -> tuple[str, ...]:
    source, target = link
    return tuple(f"{source}\n{target}\n{row}" for row in range(depth[source] + 1, depth[target]))


def _short_links(down: Iterable[Link], bends: Mapping[Link, tuple[str, ...]]) -> list[Link]:
    short: list[Link] = []
    for link in down:
        stops = (link[0], *bends.get(link, ()), link[1])
        short += pairwise(stops)
    return short


def _untangled(rows: list[list[str]], links: Sequence[Link]) -> list[list[str]]:
    """Each row in the order of where its neighbours stand, down and up again, so that fewer arrows cross."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for source, target in links:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        indices = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for index in indices:
            beside = rows[index - 1 if downwards else index + 1]
            place = {name: number for number, name in enumerate(beside)}
            rows[index] = _by_neighbours(rows[index], neighbours, place)
    return rows


def _by_neighbours(row: list[str], neighbours: Mapping[str, list[str]], place: Mapping[str, int]) -> list[str]:
    def key(numbered: tuple[int, str]) -> float:
        number, name = numbered
        known = [place[each] for each in neighbours.get(name, ()) if each in place]
        return sum(known) / len(known) if known else float(number)

    return [name for _, name in sorted(enumerate(row), key=key)]
