"""Drawing boards with Grafana's own builders: what looks alike is decided here, once for all panels.

Lane colours and strokes are those of the reports. It must not know what a figure means.
"""

import json
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
)

from dashboards.grafana.board import Board, Figure, Query, Row
from lab.report.lanes import LANES

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
GOOD, WARN, BAD = "green", "orange", "red"
# Where the console and the traces are found from a browser; each can be changed on the dashboard.
ADDRESSES: Final = (("console", "Console", "http://127.0.0.1:7440"), ("jaeger", "Traces", "http://127.0.0.1:16686"))
Panel = timeseries.Panel | stat.Panel | bargauge.Panel


def draw(board: Board) -> str:
    """The dashboard as the text of its JSON file."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.says)
        .tags(list(board.tags))
        .readonly()
        .refresh("5s")
        .time("now-15m", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_other_boards())
    )
    for name, values in board.choices:
        built = built.with_variable(_choice(name, values))
    for name, label, url in ADDRESSES:
        built = built.with_variable(
            dashboard.TextBoxVariable(name).label(label).default_value(url).current(_option(url))
        )
    for row in board.rows:
        built = _add_row(built, row)
    drawn: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    drawn["annotations"] = {"list": [_annotation(*each) for each in ANNOTATIONS]}
    for number, panel in enumerate(drawn["panels"], start=1):
        panel["id"] = number
    return json.dumps(drawn, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _add_row(built: dashboard.Dashboard, row: Row) -> dashboard.Dashboard:
    built = built.with_row(dashboard.Row(row.title))
    for figure in row.figures:
        built = built.with_panel(_panel(figure))
    return built


def _panel(figure: Figure) -> Panel:
    panel: Panel
    match figure.shape:
        case "lines":
            panel = _lines(figure)
        case "number":
            panel = (
                stat.Panel()
                .color_mode(BigValueColorMode.VALUE)
                .graph_mode(BigValueGraphMode.AREA)
                .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            )
        case "bars":
            panel = (
                bargauge.Panel()
                .display_mode(BarGaugeDisplayMode.BASIC)
                .orientation(VizOrientation.HORIZONTAL)
                .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            )
    return _alike(panel, figure)


def _lines(figure: Figure) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(0)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for lane in LANES:
        panel = panel.override_by_regexp(f"/^{lane}/", _looks(lane))
    return panel


def _alike(panel: Panel, figure: Figure) -> Panel:
    """What every shape has."""
    panel = (
        panel.title(figure.title)
        .description(figure.says)
        .datasource(PROMETHEUS)
        .unit(figure.unit)
        .span(figure.width)
        .height(figure.height)
        .thresholds(_thresholds(figure))
        .data_links(_links(figure))
        .no_value("–")
    )
    if figure.unit == "percentunit" or not figure.below:
        panel = panel.min(0)
    if figure.decimals is not None:
        panel = panel.decimals(figure.decimals)
    for number, query in enumerate(figure.queries):
        panel = panel.with_target(_target(query, chr(ord("A") + number), instant=figure.shape == "bars"))
    return panel


def _looks(lane: str) -> list[DynamicConfigValue]:
    look = LANES[lane]
    stroke = {"fill": "dash", "dash": [4 * length for length in look.dash]} if look.dash else {"fill": "solid"}
    return [
        DynamicConfigValue("color", {"mode": "shades", "fixedColor": look.colour}),
        DynamicConfigValue("custom.lineStyle", stroke),
    ]


def _thresholds(figure: Figure) -> dashboard.ThresholdsConfig:
    if figure.below:
        steps = [(None, BAD), (figure.bad, WARN), (figure.warn, GOOD)]
    else:
        steps = [(None, GOOD), (figure.warn, WARN), (figure.bad, BAD)]
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


def _target(query: Query, ref: str, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(PROMETHEUS).expr(query.expr).legend_format(query.legend).ref_id(ref)
    return target.instant() if instant else target.range()


def _links(figure: Figure) -> list[Builder[Any]]:
    """From a figure to what it is made of: the lane's orders in the console, and its traces of the time shown."""
    if not all("{{lane}}" in query.legend for query in figure.queries):
        return []
    lane = "${__field.labels.lane}"
    traces = "${jaeger}/search?limit=20&start=${__from}000&end=${__to}000&service=" + f"{lane}-door"
    return [
        _link(f"Orders of {lane} in the console", "${console}/orders?lane=" + lane),
        _link(f"Traces of {lane}", traces),
    ]


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


def _other_boards() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Saga Lab")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(["saga-lab"])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(False)
    )


def _choice(name: str, values: tuple[str, ...]) -> dashboard.CustomVariable:
    everything = VariableOption(selected=True, text="All", value="$__all")
    return (
        dashboard.CustomVariable(name)
        .label(name.capitalize())
        .values(",".join(values))
        .include_all(True)
        .all_value(".*")
        .current(everything)
    )


def _option(value: str) -> VariableOption:
    return VariableOption(selected=True, text=value, value=value)


# Name, colour, PromQL, title and text of each mark: when a fault's rule was in force, and what stopped or came back.
ANNOTATIONS: Final = (
    (
        "Faults",
        "rgba(242, 73, 92, 0.6)",
        "sum by (lane, service, kind) (lab_fault_rules) > 0",
        "fault {{kind}}",
        "{{lane}}: {{service}} follows a fault rule",
    ),
    (
        "Down",
        "rgba(143, 59, 184, 0.6)",
        'up{job="lanes"} == 0',
        "no answer",
        "{{lane}}: {{component}} gives no answer",
    ),
    (
        "Restarts",
        "rgba(138, 138, 138, 0.6)",
        'changes(process_start_time_seconds{job="lanes"}[15s]) > 0',
        "restart",
        "{{lane}}: {{component}} was started again",
    ),
)


def _annotation(name: str, colour: str, expr: str, title: str, text: str) -> dict[str, object]:
    """As the Prometheus data source reads it; the builders have no fields for its titles."""
    return {
        "name": name,
        "datasource": PROMETHEUS.to_json(),
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "step": "5s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "lane,service,component,kind",
        "useValueForTime": False,
    }
