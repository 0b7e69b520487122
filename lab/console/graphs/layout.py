"""Where a state machine's states are drawn, group by group from the inside out. Pure: a graph in, a picture out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.console.graphs.geometry import Box, Picture, Point, Wire
from lab.console.graphs.layers import Link, Rows, rows_of
from orchestration.visibility.graph import Edge, Graph, Node

HEIGHT: Final = 52.0
MIN_WIDTH: Final = 160.0
MAX_WIDTH: Final = 260.0
CHARACTER: Final = 8.2
PADDING: Final = 34.0
BEND: Final = 14.0
GAP: Final = 30.0
ROW_GAP: Final = 54.0
MARGIN: Final = 16.0
TITLE: Final = 46.0
BACK_ROOM: Final = 46.0
SETTLING: Final = 8


@dataclass(frozen=True)
class _Inside:
    """What runs inside a state, laid out: the frame of each group with its content, relative to the state's box."""

    width: float
    height: float
    pictures: tuple[tuple[str, float, Picture], ...]  # group id, offset from the left, content


def layout(graph: Graph) -> Picture:
    """The whole machine, with room around it."""
    return _framed(_group(graph, ""), MARGIN, MARGIN)


def text_width(name: str) -> float:
    return min(MAX_WIDTH, max(MIN_WIDTH, len(name) * CHARACTER + PADDING))


def _group(graph: Graph, group: str) -> Picture:
    nodes = [node for node in graph.nodes if node.group == group]
    names = [node.name for node in nodes]
    inside = {node.name: _inside(graph, node) for node in nodes}
    edges = [edge for edge in graph.edges if edge.source in inside and edge.target in inside]
    start = next((node.name for node in nodes if node.start), names[0] if names else "")
    rows = rows_of(names, [(edge.source, edge.target) for edge in edges], start)
    sizes = {name: _size(name, within) for name, within in inside.items()}
    boxes = _places(rows, sizes)
    wires = tuple(_wire(edge, boxes, rows) for edge in edges)
    shown = {name: boxes[name] for name in names}
    width = max((box.right for box in boxes.values()), default=MIN_WIDTH)
    width = max([width, *(x for wire in wires for x, _ in wire.points)])
    height = max((box.bottom for box in boxes.values()), default=HEIGHT)
    return _with_insides(Picture(width, height, shown, {}, wires), inside)


def _inside(graph: Graph, node: Node) -> _Inside:
    placed: list[tuple[str, float, Picture]] = []
    x = MARGIN
    for group in graph.groups:
        if group.of == node.name:
            picture = _framed(_group(graph, group.id), MARGIN, MARGIN)
            placed.append((group.id, x, picture))
            x += picture.width + MARGIN
    height = max((picture.height for _, _, picture in placed), default=0.0)
    return _Inside(x if placed else 0.0, height, tuple(placed))


def _size(name: str, within: _Inside) -> tuple[float, float]:
    if not within.pictures:
        return text_width(name), HEIGHT
    return max(text_width(name), within.width), TITLE + within.height + MARGIN


def _places(rows: Rows, sizes: Mapping[str, tuple[float, float]]) -> dict[str, Box]:
    """Rows below each other; in a row everyone stands as near to its neighbours as the order allows."""
    boxes: dict[str, Box] = {}
    y = 0.0
    for row in rows.rows:
        x, tallest = 0.0, max((sizes.get(name, (BEND, HEIGHT))[1] for name in row), default=HEIGHT)
        for name in row:
            width, height = sizes.get(name, (BEND, tallest))
            boxes[name] = Box(x, y, width, height)
            x += width + GAP
        y += tallest + ROW_GAP
    links = _links(rows)
    for turn in range(SETTLING):
        for row in rows.rows if turn % 2 == 0 else rows.rows[::-1]:
            _settle(row, boxes, links)
    left = min((box.x for box in boxes.values()), default=0.0)
    return {name: box.moved(-left, 0.0) for name, box in boxes.items()}


def _links(rows: Rows) -> dict[str, list[str]]:
    """Who stands next to whom, bends included."""
    beside: dict[str, list[str]] = {}
    for source, target in rows.links:
        beside.setdefault(source, []).append(target)
        beside.setdefault(target, []).append(source)
    return beside


def _settle(row: Sequence[str], boxes: dict[str, Box], beside: Mapping[str, Sequence[str]]) -> None:
    wanted = [_wish(name, boxes, beside) for name in row]
    ends: list[float] = []
    for name, wish in zip(row, wanted, strict=True):
        ends.append(max(wish, ends[-1] + GAP) + boxes[name].width if ends else wish + boxes[name].width)
    lefts = [end - boxes[name].width for name, end in zip(row, ends, strict=True)]
    pushed = sum(left - wish for left, wish in zip(lefts, wanted, strict=True)) / max(1, len(row))
    for name, left in zip(row, lefts, strict=True):
        box = boxes[name]
        boxes[name] = Box(left - pushed, box.y, box.width, box.height)


def _wish(name: str, boxes: Mapping[str, Box], beside: Mapping[str, Sequence[str]]) -> float:
    box = boxes[name]
    middles = sorted(boxes[each].middle for each in beside.get(name, ()))
    if not middles:
        return box.x
    half = len(middles) // 2
    median = middles[half] if len(middles) % 2 else (middles[half - 1] + middles[half]) / 2
    return median - box.width / 2


def _wire(edge: Edge, boxes: Mapping[str, Box], rows: Rows) -> Wire:
    link: Link = (edge.source, edge.target)
    source, target = boxes[edge.source], boxes[edge.target]
    if link in rows.back:
        side = max(source.right, target.right) + BACK_ROOM
        start, end = (source.right, source.y + source.height / 2 + 6), (target.right, target.y + target.height / 2 - 6)
        return Wire(edge, (start, (side, start[1]), (side, end[1]), end), back=True)
    points: list[Point] = [(source.middle, source.bottom)]
    for bend in rows.bends.get(link, ()):
        points += [(boxes[bend].middle, boxes[bend].y), (boxes[bend].middle, boxes[bend].bottom)]
    return Wire(edge, (*points, (target.middle, target.y)))


def _with_insides(picture: Picture, inside: Mapping[str, _Inside]) -> Picture:
    boxes, frames, wires = dict(picture.boxes), dict(picture.frames), list(picture.wires)
    for name, within in inside.items():
        around = picture.boxes[name]
        for group, offset, content in within.pictures:
            dx, dy = around.x + offset, around.y + TITLE
            frames[group] = Box(dx, dy, content.width, content.height)
            boxes |= {each: box.moved(dx, dy) for each, box in content.boxes.items()}
            frames |= {each: frame.moved(dx, dy) for each, frame in content.frames.items()}
            wires += [wire.moved(dx, dy) for wire in content.wires]
    return Picture(picture.width, picture.height, boxes, frames, tuple(wires))


def _framed(picture: Picture, dx: float, dy: float) -> Picture:
    return Picture(
        picture.width + 2 * dx,
        picture.height + 2 * dy,
        {name: box.moved(dx, dy) for name, box in picture.boxes.items()},
        {name: frame.moved(dx, dy) for name, frame in picture.frames.items()},
        tuple(wire.moved(dx, dy) for wire in picture.wires),
    )
