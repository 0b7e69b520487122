"""Every PromQL expression of the dashboards and rules, ready to be parsed or asked, and the metrics that it names."""

import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import promql_parser
import yaml

from dashboards.grafana.__main__ import FOLDER as JSON
from dashboards.prometheus.__main__ import FOLDER as PROMETHEUS

RULES: Final = tuple(sorted((PROMETHEUS / "rules").glob("*.rules.yml")))
# What the processes of a lab do not expose: Prometheus's own, of processes that trace, of a load generator.
ELSEWHERE: Final = re.compile(r"up|ALERTS|telemetry_\w+|load_\w+")


class Asked(NamedTuple):
    where: str
    expr: str


@cache
def boards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(JSON.glob("*.json"))]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _filled(expr: str) -> str:
    return re.sub(r"\$(lane|service)\b", ".*", expr).replace("$__rate_interval", "1m")


def panel_queries() -> Iterator[Asked]:
    for board in boards():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Asked(f"{board['title']} / {panel['title']}", _filled(target["expr"]))


def annotation_queries() -> Iterator[Asked]:
    for board in boards():
        for annotation in board["annotations"]["list"]:
            yield Asked(f"{board['title']} / annotation {annotation['name']}", annotation["expr"])


@cache
def rules() -> list[dict[str, Any]]:
    groups = (group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"])
    return [rule for group in groups for rule in group["rules"]]


def rule_queries() -> Iterator[Asked]:
    for rule in rules():
        yield Asked(str(rule.get("record") or rule["alert"]), rule["expr"])


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def names_in(expr: str) -> set[str]:
    """The metrics that an expression selects."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(str(node.name))
        for part in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            below = getattr(node, part, None)
            for each in below if isinstance(below, list) else [below]:
                if each is not None and not isinstance(each, str | int | float):
                    walk(each)

    walk(promql_parser.parse(expr))
    return found


def family_of(name: str) -> str:
    """As an exposition's TYPE line names it."""
    return re.sub(r"_(total|bucket|count|sum)$", "", name)


def names_used() -> dict[str, str]:
    """Metric -> one place that uses it; without what recording rules make and what is exposed elsewhere."""
    used: dict[str, str] = {}
    for where, expr in (*panel_queries(), *annotation_queries(), *rule_queries()):
        for name in names_in(expr) - recorded():
            if not ELSEWHERE.fullmatch(name):
                used.setdefault(name, where)
    return used


def families(exposition: str) -> set[str]:
    return {family_of(line.split()[2]) for line in exposition.splitlines() if line.startswith("# TYPE ")}


def path_of(command: str) -> Path | None:
    """Where Debian's package ``prometheus`` puts its commands, or the search path has them."""
    found = shutil.which(command)
    return Path(found) if found else None
