"""``python -m bench.console cost | clicks | open``: what the console costs, how soon it answers, whether it grows.

``cost``: orders a second of each lane at saturation, with nobody looking and with pages open, in turns.
``clicks``: how long a click takes until the page shows what came of it, while orders flow and others look.
``open``: pages that stay open while orders flow: their heap and nodes, and the console's memory, minute by minute.

The exit code is 1 where a bound does not hold.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bench.chromium import NONE, find_browser
from bench.onlookers import onlookers
from lab.bench_load import Target, saturated_round
from lab.console.backend import Backend
from lab.console.load import LoadGenerator
from lab.console.settings import ConsoleSettings
from lab.embedded import Lab
from lab.topology import CONSOLE, LANES, LabConfig
from loadtests.catalogue import products_of
from loadtests.workload import PlannedOrder, Shape, plan_count

STOCK_SCALE: Final = 10_000.0
ENDLESS: Final = 10**9
PAGES: Final = ("/", "/figures", "/events", "/executions", "/approvals")
MAX_COST: Final = 0.05
MAX_CLICK_S: Final = 0.2
SHARE: Final = 95
CLICKS: Final = 60
PAUSE_S: Final = 0.25
ANSWERED_WITHIN_S: Final = 20.0
MINUTE_S: Final = 60.0
# Of the last third of the minutes over the second: what is more than noise.
MAX_GROWTH: Final = {"nodes": 0.02, "listeners": 0.02, "heap": 0.10, "console": 0.05}
MIB: Final = 1024 * 1024


@asynccontextmanager
async def a_lab(port_base: int) -> AsyncIterator[Lab]:
    home = Path(tempfile.mkdtemp(prefix="bench-console-"))
    try:
        async with Lab(LabConfig(home=home, port_base=port_base, console=True, stock_scale=STOCK_SCALE)) as lab:
            yield lab
    finally:
        shutil.rmtree(home, ignore_errors=True)


# --- cost ------------------------------------------------------------------------------------------------------------


async def cost(told: argparse.Namespace) -> bool:
    pages = [PAGES[number % len(PAGES)] for number in range(told.browsers)]
    rates: dict[tuple[str, bool], list[float]] = {(lane, looked): [] for lane in LANES for looked in (False, True)}
    async with a_lab(told.port_base) as lab:
        orders = await _orders(lab)
        for number in range(told.rounds):
            for lane in LANES:
                for looked in (False, True) if number % 2 == 0 else (True, False):
                    rates[lane, looked].append(await _round(lab, lane, orders, pages if looked else [], told.seconds))
                print(f"round {number + 1}: {lane}: alone {rates[lane, False][-1]:.0f} orders/s,", end=" ")
                print(f"with {len(pages)} pages open {rates[lane, True][-1]:.0f}", flush=True)
    said = [_say_cost(lane, rates[lane, False], rates[lane, True]) for lane in LANES]
    return all(said)


async def _orders(lab: Lab) -> Iterator[PlannedOrder]:
    async with aiohttp.ClientSession() as session, session.get(f"{lab.url(LANES[0], 'warehouse')}/catalogue") as answer:
        products = products_of(await answer.json())
    return plan_count(time.time_ns(), ENDLESS, Shape(large_share=0.0), products, prefix="c")


async def _round(lab: Lab, lane: str, orders: Iterator[PlannedOrder], pages: list[str], seconds: float) -> float:
    target = Target(lane, front_door_url=lab.url(lane, "door"))
    async with onlookers(lab.config.console_url, pages) as looking:
        found = await saturated_round(target, orders, 128, seconds, seconds / 4)
        assert all(each.messages for each in looking), "a page was told nothing"
    return found.rate


def _say_cost(lane: str, alone: list[float], looked: list[float]) -> bool:
    """By pairs: what both halves of a pair met is out of it."""
    shares = [1 - b / a for a, b in zip(alone, looked, strict=True)]
    print(f"{lane}: {mean(alone):.0f} orders/s alone, {mean(looked):.0f} with pages open;", end=" ")
    print(f"cost {mean(shares):+.1%} (median {median(shares):+.1%}, from {min(shares):+.1%} to {max(shares):+.1%})")
    return median(shares) < MAX_COST


# --- clicks ----------------------------------------------------------------------------------------------------------

# From the click until what it was to change has changed, seen from inside of the page.
CLICK: Final = """async ([button, watched]) => {
  const found = document.querySelector(watched), start = performance.now();
  const changed = new Promise(resolve => new MutationObserver((_, self) => { self.disconnect(); resolve(); })
    .observe(found, {subtree: true, childList: true, characterData: true, attributes: true}));
  document.querySelector(button).click();
  await changed;
  return performance.now() - start;
}"""


@dataclass(frozen=True)
class Clicked:
    """All selectors; what is watched changes by this click only. ``back``: takes back what the click has done."""

    page: str
    button: str
    watched: str
    back: str = ""


CLICKED: Final = (
    Clicked("/", "button.theme", "button.theme"),
    Clicked("/events", "button.theme", "button.theme"),
    Clicked("/figures", "button.theme", "button.theme"),
    Clicked("/studio", "button[aria-label='Add Pass']", ".graph", back="button[title='Take back the last change']"),
)


async def clicks(told: argparse.Namespace) -> bool:
    taken: dict[str, list[float]] = {}
    others = [PAGES[number % len(PAGES)] for number in range(told.browsers - 1)]
    async with (
        a_lab(told.port_base) as lab,
        chromium() as browser,
        onlookers(lab.config.console_url, others),
        load(lab, told.rate),
    ):
        before = await _ended(lab)
        started = time.monotonic()
        for each in CLICKED:
            taken[each.page] = await _click(browser, lab.config.console_url, each)
        after, seconds = await _ended(lab), time.monotonic() - started
    for lane in LANES:
        print(f"{lane}: {(after[lane] - before[lane]) / seconds:.0f} orders/s ended, of {told.rate:g} placed")
    for page, found in taken.items():
        print(f"{page}: median {median(found) * 1000:.0f} ms, p95 {_p95(found) * 1000:.0f} ms of {len(found)} clicks")
    all_of_them = [seconds for found in taken.values() for seconds in found]
    print(f"all: p95 {_p95(all_of_them) * 1000:.0f} ms, with {told.browsers} pages open")
    return _p95(all_of_them) < MAX_CLICK_S


async def _click(browser: Browser, url: str, clicked: Clicked) -> list[float]:
    page = await browser.new_page()
    await page.goto(url + clicked.page)
    await page.wait_for_function("window.socket && window.socket.connected")
    await page.locator(clicked.watched).first.wait_for()
    found = []
    for _ in range(CLICKS):
        await asyncio.sleep(PAUSE_S)
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            found.append(float(await page.evaluate(CLICK, [clicked.button, clicked.watched])) / 1000)
            if clicked.back:
                await page.evaluate(CLICK, [clicked.back, clicked.watched])
    await page.close()
    return found


def _p95(values: list[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[SHARE - 1]


async def _ended(lab: Lab) -> dict[str, float]:
    """Orders with an outcome, as each front door counts them."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for lane in LANES:
            cursor = count = 0
            while True:
                async with session.get(f"{lab.url(lane, 'door')}/outcomes?after={cursor}&limit=5000") as answer:
                    lines = (await answer.text()).splitlines()
                if not lines:
                    break
                count += len(lines)
                cursor = int(json.loads(lines[-1])["cursor"])
            found[lane] = float(count)
    return found


# --- open ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """One page, or the console itself (``page`` empty), at one minute."""

    minute: int
    page: str
    figures: dict[str, float]


async def stays_open(told: argparse.Namespace) -> bool:
    readings: list[Reading] = []
    async with a_lab(told.port_base) as lab, chromium() as browser, load(lab, told.rate):
        pages = {path: await _opened(browser, lab.config.console_url + path) for path in PAGES}
        for minute in range(1, told.minutes + 1):
            await asyncio.sleep(MINUTE_S)
            found = [Reading(minute, path, await _weigh(session)) for path, (_, session) in pages.items()]
            found.append(Reading(minute, "", {"console": _memory(lab)}))
            readings += found
            for each in found:
                print(f"{minute:3} {each.page or 'the process':14}", _said(each.figures), flush=True)
    said = [_say_growth(path, readings) for path in (*PAGES, "")]
    return all(said)


async def _opened(browser: Browser, url: str) -> tuple[Page, CDPSession]:
    page = await browser.new_page()
    await page.goto(url)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    return page, session


async def _weigh(session: CDPSession) -> dict[str, float]:
    await session.send("HeapProfiler.collectGarbage")
    told: dict[str, Any] = await session.send("Performance.getMetrics")
    metrics = {each["name"]: float(each["value"]) for each in told["metrics"]}
    return {"heap": metrics["JSHeapUsedSize"], "nodes": metrics["Nodes"], "listeners": metrics["JSEventListeners"]}


def _memory(lab: Lab) -> float:
    return float(next(each.rss_bytes for each in lab.status() if each.name == CONSOLE))


def _said(figures: dict[str, float]) -> str:
    return ", ".join(
        f"{name} {value / MIB:.1f} MiB" if name in ("heap", "console") else f"{name} {value:.0f}"
        for name, value in figures.items()
    )


def _say_growth(path: str, readings: list[Reading]) -> bool:
    """The last third of the minutes held against the second: the first is a page getting warm."""
    mine = [each.figures for each in readings if each.page == path]
    third = len(mine) // 3
    holds = True
    for name in mine[-1]:
        before = median(each[name] for each in mine[third : 2 * third])
        after = median(each[name] for each in mine[2 * third :])
        growth = after / before - 1
        holds = holds and growth < MAX_GROWTH[name]
        print(f"{path or 'the process'}: {name} {growth:+.1%} from the second third to the last")
    return holds


# --- parts -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    path = find_browser()
    if path is None:
        raise SystemExit(NONE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def load(lab: Lab, rate: float) -> AsyncIterator[None]:
    """So many orders a second for each lane, from a process of its own."""
    lanes = {lane: {part: lab.url(lane, part) for part in lab.components(lane)} for lane in LANES}
    async with Backend(ConsoleSettings(lanes=lanes)) as backend, LoadGenerator(backend) as generator:
        await generator.set_rate(rate)
        yield
        print(f"the load: {generator.sent}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("what", choices=("cost", "clicks", "open"))
    parser.add_argument("--port-base", type=int, default=7400)
    parser.add_argument("--browsers", type=int, default=10, help="pages that are open")
    parser.add_argument("--rounds", type=int, default=6, help="cost: pairs of rounds for each lane")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="cost: of a round; its first quarter is not counted"
    )
    parser.add_argument("--rate", type=float, default=50.0, help="clicks, open: orders a second for each lane")
    parser.add_argument("--minutes", type=int, default=15, help="open: how long")
    told = parser.parse_args()
    run = {"cost": cost, "clicks": clicks, "open": stays_open}[told.what]
    holds = asyncio.run(run(told))
    print("holds" if holds else "does not hold")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
