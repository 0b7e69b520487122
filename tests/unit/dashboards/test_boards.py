"""The dashboards are current, say what they show, and ask only for what the processes expose."""

import json

import pytest
import yaml

from broker.exporter import metrics_of
from dashboards.grafana.__main__ import FILES, FOLDER
from dashboards.grafana.board import Board, Figure
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.drawing import PROMETHEUS
from lab.live import exporter as live
from lab.report.lanes import LANES
from orchestration import metrics as own
from services import metrics as shared
from tests.dashboards_queries import boards, families, family_of, names_in, names_used, panel_queries, panels

FIGURES = [
    pytest.param(board, figure, id=f"{board.title}: {figure.title}") for board in BOARDS for figure in board.figures
]
PROVISIONING = FOLDER.parent / "provisioning"


def test_the_json_files_are_current() -> None:
    assert FILES.outdated() == []


@pytest.mark.parametrize(("board", "figure"), FIGURES)
def test_every_figure_says_what_it_shows_and_where_it_gets_bad(board: Board, figure: Figure) -> None:
    assert figure.says.endswith(".")
    assert figure.queries
    assert figure.warn >= figure.bad if figure.below else figure.warn <= figure.bad
    assert [each.title for each in board.figures].count(figure.title) == 1


def test_every_panel_has_unit_description_thresholds_and_source() -> None:
    for board in boards():
        for panel in panels(board):
            defaults = panel["fieldConfig"]["defaults"]
            assert panel["description"], panel["title"]
            assert defaults["unit"], panel["title"]
            assert len(defaults["thresholds"]["steps"]) == 3, panel["title"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}


def test_addresses_are_unique_and_every_board_has_its_file() -> None:
    assert len({board.uid for board in BOARDS}) == len({board.title for board in BOARDS}) == len(BOARDS)
    assert {path.stem for path in FOLDER.glob("*.json")} == {board.uid for board in BOARDS}


def test_a_lane_has_the_colour_of_the_reports_on_every_chart() -> None:
    for board in boards():
        for panel in panels(board):
            if panel["type"] != "timeseries":
                continue
            overrides = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
            for lane, look in LANES.items():
                colours = [each["value"] for each in overrides[f"/^{lane}/"] if each["id"] == "color"]
                assert [each["fixedColor"] for each in colours] == [look.colour]


def test_the_verdict_links_every_figure_to_the_console_and_to_traces() -> None:
    verdict = next(board for board in boards() if board["uid"] == "saga-verdict")
    for panel in panels(verdict):
        urls = " ".join(link["url"] for link in panel["fieldConfig"]["defaults"]["links"])
        assert "${console}/orders?lane=${__field.labels.lane}" in urls
        assert "${jaeger}/search" in urls


def test_the_verdict_gives_both_lanes_one_expression() -> None:
    verdict = next(board for board in BOARDS if board.uid == "saga-verdict")
    for figure in verdict.figures:
        assert [query.legend for query in figure.queries] == ["{{lane}}"]
        assert not any(lane in query.expr for query in figure.queries for lane in LANES)


def test_every_board_shades_the_time_of_faults() -> None:
    for board in boards():
        assert [each["name"] for each in board["annotations"]["list"]] == ["Faults", "Down", "Restarts"]


def test_every_query_parses() -> None:
    for where, expr in panel_queries():
        assert names_in(expr), where


def test_queries_and_rules_name_only_metrics_that_a_module_defines() -> None:
    lanes, _ = shared.exposition()
    defined = (*metrics_of(()), *own.transitions.describe(), *live.anomalies.describe())
    known = families(lanes.decode()) | {family_of(metric.name) for metric in defined} | {"nats_up"}
    unknown = {name: where for name, where in names_used().items() if family_of(name) not in known}
    assert not unknown


def test_the_provisioned_sources_are_those_that_the_panels_name() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "sources.yaml").read_text())["datasources"]
    by_uid = {source["uid"]: source["type"] for source in sources}
    assert by_uid == {"prometheus": "prometheus", "jaeger": "jaeger"}
    assert PROMETHEUS.uid in by_uid
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "boards.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_no_query_asks_for_an_order() -> None:
    assert "order_id" not in json.dumps([query.expr for query in panel_queries()])
