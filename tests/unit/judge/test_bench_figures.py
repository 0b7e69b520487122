"""The benchmark's arithmetic, and the reading of a profile."""

import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from lab.bench_figures import FLOOR, Subject, bench_table, share_of
from lab.bench_floor import floor_processes
from lab.bench_profile import hottest
from lab.topology import LANES, LabConfig


def subjects() -> dict[str, Subject]:
    return {
        FLOOR: Subject(
            FLOOR, rates_per_s=[100.0, 200.0, 150.0], orders=10, cpu_s={"floor-payment": 0.1, "client": 0.2}
        ),
        "choreography": Subject(
            "choreography",
            rates_per_s=[50.0, 80.0, 60.0],
            orders=10,
            cpu_s={"choreography-payment": 0.2, "client": 0.1, "choreography-broker": 0.3},
            latencies_s=[0.3, 0.1, 0.2],
            half_rate_per_s=30.0,
        ),
    }


def test_the_share_is_of_the_same_rounds_floor() -> None:
    found = subjects()
    assert share_of(found["choreography"], found[FLOOR]) == 0.4  # of 0.5, 0.4, 0.4
    assert share_of(found[FLOOR], found[FLOOR]) == 1.0
    assert share_of(found[FLOOR], None) is None


def test_processor_time_is_by_order_and_process_the_dearest_first() -> None:
    assert subjects()["choreography"].cpu_ms_per_order() == {
        "choreography-broker": 30.0,
        "choreography-payment": 20.0,
        "client": 10.0,
    }


def test_figures_are_json_and_the_table_has_every_subject_and_process() -> None:
    found = subjects()
    told = {name: subject.to_json(found[FLOOR]) for name, subject in found.items()}
    assert json.loads(json.dumps(told))["choreography"]["at_half_rate"]["p50_ms"] == 200.0
    target = StringIO()
    Console(file=target, width=100).print(bench_table(found))
    for word in ("floor", "choreography", "payment", "broker", "0.4"):
        assert word in target.getvalue()


def test_the_floors_ports_are_nobody_elses(tmp_path: Path) -> None:
    specs, urls = floor_processes(tmp_path, 7400, 1.0, "python")
    config = LabConfig()
    taken = {config.port(lane, part.component) for lane in LANES for part in config.parts(lane)}
    taken |= {config.broker_port(lane) + extra for lane in LANES for extra in (0, 1)}
    assert taken.isdisjoint(port for spec in specs for port in spec.ports)
    assert set(urls) == {"payment", "warehouse", "shipping"}


def test_the_hottest_functions_are_those_with_the_most_samples_of_their_own() -> None:
    collapsed = "main;run;hash 30\nmain;run 10\nmain;other;hash 40\nnonsense\nmain;last 20\n"
    assert hottest(collapsed, 2) == [("hash", 0.7), ("last", 0.2)]
