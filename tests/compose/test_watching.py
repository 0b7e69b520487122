"""What a team watches with: every target is scraped, every panel has something to show, an order's spans join up."""

import json
import urllib.parse
import urllib.request
from collections import defaultdict
from typing import Any

import pytest

from lab.topology import LANES, SERVICES
from tests.compose.deployment import Deployment

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]
PROMETHEUS, GRAFANA, JAEGER = "http://127.0.0.1:9090", "http://127.0.0.1:3000", "http://127.0.0.1:16686"
WITHIN_S = 60.0


def asked(url: str, **parameters: str) -> Any:
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
        return json.load(answer)


def test_every_target_is_scraped(deployment: Deployment) -> None:
    def down() -> dict[str, str]:
        targets = asked(f"{PROMETHEUS}/api/v1/targets", state="active")["data"]["activeTargets"]
        assert targets
        return {each["scrapeUrl"]: each["lastError"] for each in targets if each["health"] != "up"}

    deployment.until(lambda: not down(), f"every target up; not: {down()}", WITHIN_S)
    targets = asked(f"{PROMETHEUS}/api/v1/targets", state="active")["data"]["activeTargets"]
    scraped = {f"{each['labels'].get('lane')}-{each['labels']['component']}" for each in targets}
    assert {f"{lane}-{part}" for lane in LANES for part in ("door", "tracer", *SERVICES)} <= scraped


def test_every_rule_is_evaluated(deployment: Deployment) -> None:
    groups = asked(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"]
    errors = {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")}
    assert groups
    assert not errors


def test_every_panel_s_query_returns_data_and_none_errs(deployment: Deployment) -> None:
    rows: list[dict[str, Any]] = []

    def empty() -> list[str]:
        rows[:] = asked(f"{GRAFANA}/api/check")
        assert not [row for row in rows if row["error"]]
        return [f"{row['dashboard']} / {row['panel']}: {row['expr']}" for row in rows if not row["series"]]

    deployment.until(lambda: not empty(), "every panel has a series; empty are:\n" + "\n".join(empty()), WITHIN_S)
    print(f"\n{len(rows)} queries of {len({row['dashboard'] for row in rows})} dashboards")


@pytest.mark.parametrize("lane", LANES)
def test_an_order_s_spans_join_up_across_services(deployment: Deployment, lane: str) -> None:
    placed = deployment.lab("order", "--id", f"traced-{lane}", "--wait", "--timeout", "120")
    assert placed.returncode == 0, placed.stdout + placed.stderr
    wanted = {f"{lane}-{part}" for part in ("door", *SERVICES)}

    def whole() -> list[str]:
        traces = asked(f"{JAEGER}/api/traces", service=f"{lane}-door")["data"]
        return [each["traceID"] for each in traces if wanted <= _joined(each["spans"])]

    deployment.until(lambda: bool(whole()), f"a trace that goes through {wanted}", WITHIN_S)


def _joined(spans: list[dict[str, Any]]) -> set[str]:
    """Services of the largest part of a trace whose spans lead to each other by their parents."""
    known = {each["spanID"]: each for each in spans}
    parts: dict[str, set[str]] = defaultdict(set)
    for each in spans:
        root = each
        while root["parentSpanID"] in known:
            root = known[root["parentSpanID"]]
        parts[root["spanID"]].add(each["service"])
    return max(parts.values(), key=len)
