"""Live charts of every lane on the same axes, and the way to Grafana where it runs."""

import time
from typing import Any

from nicegui import ui
from starlette.requests import Request

from lab.console.charts import FIGURES, Figure, filled, latest, options
from lab.console.components import every, lane_title
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.pages import Page

REDRAWN_EVERY_S = 2.0


async def build(console: Console, request: Request) -> None:
    lanes = list(console.backend.lanes)
    if console.settings.grafana_url:
        ui.link("More in Grafana", console.settings.grafana_url)
    with ui.element("div").classes("charts"):
        views = [_ChartView(figure, lanes) for figure in FIGURES]

    async def refresh() -> None:
        samples = {name: list(lane.samples) for name, lane in console.feed.look().items()}
        now = time.time()
        for view in views:
            view.show(samples, now)

    every(REDRAWN_EVERY_S, refresh)


class _ChartView:
    def __init__(self, figure: Figure, lanes: list[str]) -> None:
        self._figure = figure
        self._values: dict[str, ui.label] = {}
        with ui.element("section").classes("card chart").props(f'aria-label="{figure.name}"'):
            heading(f"{figure.name} ({figure.unit})")
            ui.label(figure.says).classes("quiet")
            with ui.element("div").classes("flow"):
                for lane in lanes:
                    with ui.element("span").classes("pair"):
                        lane_title(lane).classes("small")
                        self._values[lane] = ui.label("–").classes("number strong")
            self._chart = ui.echart(options(figure, lanes)).props(
                f'role="img" aria-label="{figure.name} of the last minutes"'
            )

    def show(self, samples: dict[str, Any], now: float) -> None:
        filled(self._chart.options, self._figure, samples, now)
        self._chart.update()
        for lane, label in self._values.items():
            label.set_text(latest(samples.get(lane, ()), self._figure))


PAGES = (Page("/figures", "Figures", build, place=8, says="Both lanes on the same axes; the last three minutes."),)
