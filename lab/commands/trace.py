"""``lab trace``: an order's spans as the collector has them, as a tree."""

import json
from typing import Annotated, Final

import typer
from rich.markup import escape

from lab.commands.options import DEFAULT_HOME, HomeOption, JsonOption, LaneChoice, LaneOption, find_lab, out
from lab.diagnosis.seen import SeenSpan, span_of
from lab.diagnosis.tree import Branch, branches
from lab.errors import BadInput, OutOfReach
from lab.hints import advised
from lab.http_json import ask

NAME_WIDTH: Final = 52


def trace(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")],
    lane: LaneOption = LaneChoice.BOTH,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show an order's OpenTelemetry spans, over all processes, as a tree. The lab must be up with [bold]--traces[/]."""
    lab = find_lab(home)
    url = lab.status.get("collector_url")
    if not url:
        raise BadInput(f"this lab makes no spans: start it with `{advised('lab up --traces', home.resolve())}`")
    found = {name: _spans(url, name, order) for name in ([lane.one()] if lane.one() else lab.lanes) if name}
    if not any(found.values()):
        raise BadInput(f"no span of an order {order!r} has come yet in {' or '.join(found)}")
    if as_json:
        out.print_json(json.dumps({name: [span.as_json() for span in spans] for name, spans in found.items()}))
        return
    for name, spans in found.items():
        _print(name, order, spans)


def _spans(url: str, lane: str, order: str) -> list[SeenSpan]:
    answer = ask("GET", f"{url}/orders/{order}/spans?lane={lane}")
    if answer.status != 200:
        raise OutOfReach(f"the collector: {answer.problem()}")
    return [span_of(row) for row in answer.body]


def _print(lane: str, order: str, spans: list[SeenSpan]) -> None:
    processes = len({span.component for span in spans})
    size = sum(span.size for span in spans)
    out.rule(f"{lane}: {order}, {len(spans)} spans of {processes} processes, {size} bytes", align="left")
    for branch in branches(spans):
        out.print(_line(branch, lane))


def _line(branch: Branch, lane: str) -> str:
    span = branch.span
    mark = "[red]✗[/]" if span.error else "[dim]·[/]"
    name = f"{'  ' * branch.depth}{span.name}"
    attempt = span.attributes.get("lab.attempt")
    told = "" if attempt in (None, 1) else f" attempt {attempt}"
    where = span.component.removeprefix(f"{lane}-")
    took = f"{(span.ended_at - span.began_at) * 1000:9.1f} ms"
    error = f" [red]{escape(span.error)}[/]" if span.error else ""
    lost = " [yellow](its parent is missing)[/]" if branch.lost_parent else ""
    head = f"{branch.after_s:8.3f} s {mark} [bold]{escape(name + told):<{NAME_WIDTH}}[/]"
    return f"{head} {took} [dim]{escape(where)}[/]{error}{lost}"
