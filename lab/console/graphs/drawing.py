"""A state machine on a page: boxes that can be clicked, focused and dropped on, redrawn only where something changed.

Names and errors come from strangers; every one is set as text or as a property, never as markup.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from nicegui import events, ui
from nicegui.elements.mixins.text_element import TextElement

from lab.console.graphs.geometry import Box, Picture, Point, Wire
from lab.console.graphs.layout import layout
from lab.console.graphs.marks import Mark
from orchestration.visibility.graph import Edge, EdgeKind, Graph, Node

STYLE: Final = '<link rel="stylesheet" href="/static/graphs.css">'
MAX_NAME: Final = 29
MAX_LABEL: Final = 26
LABEL_LINES: Final = 4  # that find room between two layers
PLAIN: Final = Mark("", "off")
_SIGN_OF: Final = {EdgeKind.CATCH: "⚡ ", EdgeKind.CHOICE: "? ", EdgeKind.DEFAULT: "else", EdgeKind.NEXT: ""}
_EMIT_TYPE: Final = (
    '(event) => { event.preventDefault(); event.stopPropagation(); emit(event.dataTransfer.getData("text/plain")); }'
)
_ALLOW: Final = "(event) => event.preventDefault()"

Select = Callable[[str], None]
Drop = Callable[[str, str | None], None]  # kind of state, the state it was dropped on


class GraphView:
    """``show`` draws another graph, ``mark`` what its states do now. ``dropped``: palette items may be dropped here."""

    def __init__(
        self, name: str, select: Select, dropped: Drop | None = None, removed: Callable[[str], None] | None = None
    ) -> None:
        ui.add_head_html(STYLE)
        self._name = name
        self._select = select
        self._dropped = dropped
        self._removed = removed
        self._nodes: dict[str, _NodeView] = {}
        self._shown: tuple[Graph | None, Mapping[str, str]] = (None, {})
        self._chosen = ""
        self._canvas = ui.element("div").classes("graph scroll")
        if dropped is not None:
            self._takes_drops(self._canvas, None)

    def show(self, graph: Graph | None, retried: Mapping[str, str] | None = None) -> None:
        """``retried``: what to say of a state's retries."""
        if (graph, retried or {}) == self._shown:
            return
        self._shown = (graph, retried or {})
        self._canvas.clear()
        self._nodes = {}
        if graph is None or not graph.nodes:
            with self._canvas:
                ui.label("There is nothing to draw.").classes("quiet")
            return
        picture = layout(graph)
        with self._canvas, _svg("svg", viewBox=f"0 0 {picture.width:g} {picture.height:g}") as svg:
            svg.style(f"width: {picture.width:g}px; min-width: {min(picture.width, 480):g}px; max-width: 100%;")
            svg.props["role"], svg.props["aria-label"] = "group", self._name
            self._draw(graph, picture, retried or {})
        self.choose(self._chosen)

    def _draw(self, graph: Graph, picture: Picture, retried: Mapping[str, str]) -> None:
        for frame in picture.frames.values():
            _rectangle(frame, "frame")
        boxes = sorted(graph.nodes, key=lambda node: node.group.count("/"))
        for node in boxes:
            if node.name in picture.boxes:
                self._nodes[node.name] = self._node(node, picture.boxes[node.name], retried.get(node.name, ""))
        told: dict[str, int] = {}
        for wire in picture.wires:
            label = _label(wire.edge)
            _draw_wire(wire, label, told.get(wire.edge.source, 0))
            told[wire.edge.source] = told.get(wire.edge.source, 0) + bool(label and not wire.back)

    def _node(self, node: Node, box: Box, retries: str) -> "_NodeView":
        view = _NodeView(node, box, retries)
        view.group.on("click", lambda: self._select(node.name))
        view.group.on("keydown.enter", lambda: self._select(node.name))
        view.group.on("keydown.space.prevent", lambda: self._select(node.name))
        if self._dropped is not None:
            self._takes_drops(view.group, node.name)
        removed = self._removed
        if removed is not None:
            view.group.on("keydown.delete", lambda: removed(node.name))
        return view

    def _takes_drops(self, element: ui.element, near: str | None) -> None:
        def took(event: events.GenericEventArguments) -> None:
            if self._dropped is not None and isinstance(event.args, str):
                self._dropped(event.args, near)

        element.on("dragover", js_handler=_ALLOW)
        element.on("drop", took, js_handler=_EMIT_TYPE)

    def mark(self, marks: Mapping[str, Mark]) -> None:
        """States that are not told of are plain."""
        for name, view in self._nodes.items():
            view.mark(marks.get(name, PLAIN))

    def focus(self, name: str) -> None:
        """For who works by keyboard: the box that had it may be gone."""
        if name in self._nodes:
            ui.run_javascript(f"document.getElementById('{self._nodes[name].group.html_id}')?.focus()")

    def choose(self, name: str) -> None:
        """The state that the rest of the page is about."""
        self._chosen = name
        for each, view in self._nodes.items():
            view.choose(each == name)


class _NodeView:
    def __init__(self, node: Node, box: Box, retries: str) -> None:
        self._node = node
        self._mark = PLAIN
        self._chosen = False
        self._retries = retries
        self.group = _svg("g", tabindex=0, role="button")
        with self.group:
            _rectangle(box, "box")
            name = node.name if len(node.name) <= MAX_NAME else node.name[: MAX_NAME - 1] + "…"
            _text(f"▸ {name}" if node.start else name, box.middle, box.y + 21, "name")
            self._below = _text(self._said(), box.middle, box.y + 40, "below")
        self._refresh()

    def mark(self, mark: Mark) -> None:
        if mark != self._mark:
            self._mark = mark
            self._below.set_text(self._said())
            self._refresh()

    def choose(self, chosen: bool) -> None:
        if chosen != self._chosen:
            self._chosen = chosen
            self._refresh()

    def _said(self) -> str:
        kind = f"{self._node.type} {self._retries}".strip()
        return self._mark.says or (f"{kind} ■" if self._node.end else kind)

    def _refresh(self) -> None:
        chosen = " chosen" if self._chosen else ""
        undo = " undoes" if self._node.undoes else ""
        self.group.classes(replace=f"node kind-{self._node.type.lower()} mark-{self._mark.tone}{chosen}{undo}")
        told = [self._node.name, self._node.type, self._retries, self._mark.says, "selected" if self._chosen else ""]
        self.group.props["aria-label"] = ", ".join(filter(None, told))
        self.group.update()


def _label(edge: Edge) -> str:
    return _SIGN_OF[edge.kind] + (edge.label if edge.kind is not EdgeKind.DEFAULT else "")


def _draw_wire(wire: Wire, label: str, order: int) -> None:
    """``order`` counts the labelled wires of one state, so that no label lies upon another."""
    with _svg("g", **{"aria-hidden": "true"}).classes(f"wire wire-{wire.edge.kind}"):
        _svg("path", d=_path(wire))
        _svg("path", d=_head(wire)).classes("head")
        if label:
            x, y = _label_place(wire, order)
            text = label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"
            with _text(text, x, y, "label"):
                TextElement(tag="title", text=label)


def _path(wire: Wire) -> str:
    start, *rest = wire.points
    if wire.back:
        (ax, ay), (bx, by), end = rest
        return f"M{start[0]:.1f} {start[1]:.1f}C{ax:.1f} {ay:.1f} {bx:.1f} {by:.1f} {end[0]:.1f} {end[1]:.1f}"
    told = f"M{start[0]:.1f} {start[1]:.1f}"
    x, y = start
    for nx, ny in rest:
        half = (y + ny) / 2
        told += f"C{x:.1f} {half:.1f} {nx:.1f} {half:.1f} {nx:.1f} {ny:.1f}"
        x, y = nx, ny
    return told


def _head(wire: Wire) -> str:
    x, y = wire.points[-1]
    if wire.back:
        return f"M{x:.1f} {y:.1f}l9 -5v10z"
    return f"M{x:.1f} {y:.1f}l-5 -9h10z"


def _label_place(wire: Wire, order: int) -> Point:
    if wire.back:
        return wire.points[1][0] - 12, (wire.points[0][1] + wire.points[-1][1]) / 2
    (ax, ay), (bx, _) = wire.points[0], wire.points[1]
    down = 13 + 12 * (order % LABEL_LINES)
    return ax + (bx - ax) * min(0.9, down / 30), ay + down


def _rectangle(box: Box, kind: str) -> None:
    _svg("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=9).classes(kind)


def _svg(tag: str, **attributes: Any) -> ui.element:
    element = ui.element(tag)
    element.props.update(attributes)
    return element


def _text(text: str, x: float, y: float, kind: str) -> TextElement:
    element = TextElement(tag="text", text=text)
    element.props.update({"x": round(x, 1), "y": round(y, 1), "text-anchor": "middle"})
    element.classes(kind)
    return element
