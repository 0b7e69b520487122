"""``lab demo``: the same orders through both lanes under the same faults, judged; once hardened, once naive.

Wires the parts together and shows progress; what is measured is in ``trial``, what it means in ``verdict``.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console

from lab.collect import LaneReader
from lab.demo_progress import progress_on
from lab.embedded import Lab
from lab.errors import BadInput, OutOfReach
from lab.hints import advised
from lab.home import Home, holder
from lab.kept_trails import FOLDER as STORIES
from lab.kept_trails import keep
from lab.link.links import links_for
from lab.results import ResultsFolder, results_folder
from lab.scenario import DEFAULT_SCENARIO, Scenario, load_scenario
from lab.topology import DEFAULT_PORT_BASE, LANES, LabConfig
from lab.trial import address_of, config_for, run_scenario
from lab.verdict import Verdict, judge
from lab.verdict_report import named_orders, presentation, text_report, write_csv
from loadtests.catalogue import Product, products_of
from loadtests.workload import PlannedOrder, plan, read_plan, write_plan
from services.practices import PRESETS

MUST_BE_CLEAN: Final = "hardened"
WORKLOAD_FILE: Final = "workload.jsonl"
LEFTOVER_AFTER_S: Final = 60.0


@dataclass(frozen=True)
class DemoOptions:
    """``seed`` decides the orders, what they meet, and the stock; ``presets`` are run one after the other."""

    home: Path = Path(".lab")
    port_base: int = DEFAULT_PORT_BASE
    seed: int = 1
    scenario: str = DEFAULT_SCENARIO
    presets: tuple[str, ...] = ("hardened", "naive")
    console: bool = False

    def __post_init__(self) -> None:
        unknown = [preset for preset in self.presets if preset not in PRESETS]
        if unknown or not self.presets:
            raise BadInput(f"unknown preset {', '.join(unknown) or '(none given)'}; there are: {', '.join(PRESETS)}")


async def run_demo(options: DemoOptions, console: Console | None = None) -> int:
    """The exit code: 1 where ``hardened`` is not clean. Raises ``LabError``; cancelling it leaves nothing running."""
    console = console or Console(highlight=False)
    scenario = load_scenario(options.scenario)
    home = options.home.resolve()
    started = time.monotonic()
    console.print(f"scenario {scenario.name}: {scenario.title}; seed {options.seed}", markup=False)
    if options.console:
        console.print(f"watch it: {LabConfig(port_base=options.port_base).console_url}", style="bold", markup=False)
    with results_folder(home, datetime.now(UTC)) as folder:
        results: dict[str, list[Verdict]] = {}
        for preset in options.presets:
            results[preset] = await _run_preset(options, scenario, preset, folder, console)
            console.print()
            console.print(presentation(preset, results[preset]))
            console.print()
        _write(folder, options, scenario, results, time.monotonic() - started)
        latest = folder.finish()
    clean = all(verdict.clean for verdict in results.get(MUST_BE_CLEAN, ()))
    _say_goodbye(console, latest, results, clean, time.monotonic() - started)
    if console.is_terminal:
        for line in try_next(home, results, options.port_base):
            console.print(line, soft_wrap=True, markup=False)
    return 0 if clean else 1


async def _run_preset(
    options: DemoOptions, scenario: Scenario, preset: str, folder: ResultsFolder, console: Console
) -> list[Verdict]:
    with _temporary_home(options.home.resolve(), preset) as home, progress_on(console, preset) as progress:
        practices = PRESETS[preset]
        config = config_for(scenario, home=home, port_base=options.port_base, lanes=LANES, practices=practices)
        # To look at: whoever killed a process from a page would have the verdict speak of it.
        config = replace(config, console=options.console, console_controls=False)
        try:
            progress.say(f"starting both lanes, practices: {preset}")
            async with links_for(scenario, config) as (linked, links), Lab(linked, on_event=progress.on_event) as lab:
                orders = await _orders(lab, options, scenario, folder)
                progress.expect(len(orders), LANES)
                run = await run_scenario(lab, scenario, orders, options.seed, progress.on_run, links=links)
                progress.say("judging")
                verdicts = [judge(run, run.lanes[lane], orders, scenario) for lane in LANES]
                await _keep_stories(lab, verdicts, folder.path, preset)
                progress.say("stopping both lanes")
        finally:
            _keep_logs(home, folder.path / preset / "logs")
        return verdicts


async def _keep_stories(lab: Lab, verdicts: Sequence[Verdict], folder: Path, preset: str) -> None:
    """Of the orders that the verdict names: nobody can ask the lanes once they are gone."""
    async with aiohttp.ClientSession() as session:
        for verdict in verdicts:
            reader = LaneReader(address_of(lab, verdict.lane), session)
            keep(folder, preset, await reader.trails(named_orders(verdict)))


async def _orders(lab: Lab, options: DemoOptions, scenario: Scenario, folder: ResultsFolder) -> list[PlannedOrder]:
    """The first preset's run plans the workload and writes it down; the next ones read the same file."""
    path = folder.path / WORKLOAD_FILE
    if not path.exists():
        products = await _catalogue(lab)
        write_plan(path, plan(options.seed, scenario.load, products))
    return read_plan(path)


async def _catalogue(lab: Lab) -> tuple[Product, ...]:
    """What the warehouses offer. Raises ``OutOfReach`` where two lanes do not offer the same."""
    async with aiohttp.ClientSession() as session:
        offers = [products_of(await LaneReader(address_of(lab, lane), session).catalogue()) for lane in LANES]
    if any(offer != offers[0] for offer in offers):
        raise OutOfReach("the lanes' warehouses do not offer the same catalogue")
    return offers[0]


@contextmanager
def _temporary_home(home: Path, preset: str) -> Iterator[Path]:
    """Fresh state for one run; gone afterwards, whatever happens."""
    home.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(home)
    path = Path(tempfile.mkdtemp(prefix=f"demo-{preset}-", dir=home))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _clear_leftovers(home: Path) -> None:
    """What a killed demo could not clear away itself. A young folder may belong to one that is just starting."""
    for left in home.glob("demo-*"):
        young = time.time() - left.stat().st_mtime < LEFTOVER_AFTER_S
        if left.is_dir() and not young and holder(Home(left)) is None:
            shutil.rmtree(left, ignore_errors=True)


def _keep_logs(home: Path, target: Path) -> None:
    logs = home / "logs"
    if logs.is_dir():
        shutil.copytree(logs, target, dirs_exist_ok=True)


def _write(
    folder: ResultsFolder,
    options: DemoOptions,
    scenario: Scenario,
    results: dict[str, list[Verdict]],
    seconds: float,
) -> None:
    verdict = {preset: {each.lane: each.to_json() for each in verdicts} for preset, verdicts in results.items()}
    about: dict[str, Any] = {
        "seed": options.seed,
        "seconds": round(seconds, 1),
        "broker": {"sync_interval": "always", "replicas": 1},
        "ledgers": {"database": "sqlite", "synchronous": "FULL"},
        "scenario": scenario.model_dump(mode="json"),
    }
    _write_json(folder.path / "verdict.json", verdict)
    _write_json(folder.path / "run.json", about)
    write_csv(folder.path / "orders.csv", results)
    title = [
        f"scenario {scenario.name}: {scenario.title}",
        f"seed {options.seed}; broker: sync always, one replica; ledgers: SQLite, synchronous FULL",
    ]
    (folder.path / "report.txt").write_text(text_report(title, results), encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _say_goodbye(
    console: Console, latest: Path, results: dict[str, list[Verdict]], clean: bool, seconds: float
) -> None:
    if MUST_BE_CLEAN in results:
        said = "clean in both lanes" if clean else f"NOT clean in {', '.join(_unclean(results[MUST_BE_CLEAN]))}"
        console.print(f"{MUST_BE_CLEAN}: {said}; {seconds:.0f} s in all")
    console.print("written:")
    for name in ("verdict.json", "report.txt", "orders.csv", WORKLOAD_FILE, "run.json"):
        console.print(f"  {latest / name}", soft_wrap=True, markup=False)
    for stories in sorted(latest.glob(f"*/{STORIES}")):
        console.print(f"  {stories} (of the orders named above)", soft_wrap=True, markup=False)


def _unclean(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.lane for verdict in verdicts if not verdict.clean]


def try_next(home: Path, results: Mapping[str, Sequence[Verdict]], port_base: int = DEFAULT_PORT_BASE) -> list[str]:
    """Commands worth typing now; first of all, the story of an order that the verdict names."""
    named = [order_id for verdicts in results.values() for each in verdicts for order_id in named_orders(each)]
    advice = [
        *((f"lab why {order_id}", "the story of an order that is named above") for order_id in named[:1]),
        ("lab demo --seed 2", "the same scenario with other orders"),
        ("lab demo --scenario calm", "without faults"),
        ("lab up", "both lanes, to play with; it says how"),
    ]
    commands = [(advised(command, home), meaning) for command, meaning in advice]
    commands.append(("lab workshop", "twelve lessons, which the lab itself checks"))
    width = max(len(command) for command, _ in commands)
    listed = [f"  {command:<{width}}  {meaning}" for command, meaning in commands]
    return ["try next:", *listed, *tour(home, port_base)]


def tour(home: Path, port_base: int = DEFAULT_PORT_BASE) -> list[str]:
    """Three things worth trying in the console, with their addresses, and the command that makes these answer."""
    console = LabConfig(home=home, port_base=port_base).console_url
    up = "lab up" if port_base == DEFAULT_PORT_BASE else f"lab up --port-base {port_base}"
    stops = (
        (f"{console}/", "break the label printer, place an order, mend it, and watch each lane undo"),
        (f"{console}/approvals", "place a dear order on the stage; decide by the link in the manager's mail"),
        (f"{console}/studio", "draw a state machine, publish it, and run it"),
    )
    width = max(len(address) for address, _ in stops)
    return [
        f"in the console, once {advised(up, home)} runs:",
        *(f"  {address:<{width}}  {meaning}" for address, meaning in stops),
    ]
