"""Against a lab that really runs: what dashboards and rules name is exposed, and every panel has something to show."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.prometheus.__main__ import for_embedded
from lab.topology import LANES, SERVICES, LabConfig
from tests.dashboards_queries import annotation_queries, families, family_of, names_used, panel_queries, path_of
from tests.free_ports import free_port_base

pytestmark = [pytest.mark.more, pytest.mark.timeout(180)]

AUDITOR, NATS_EXPORTER, PROMETHEUS = 50, 51, 52  # offsets of ports, above the lab's own
WITHIN_S = 60.0


@dataclass(frozen=True)
class Running:
    config: LabConfig

    def address(self, offset: int) -> str:
        return f"127.0.0.1:{self.config.port_base + offset}"

    @property
    def beside(self) -> dict[str, str]:
        return {"auditor": self.address(AUDITOR), "nats-exporter": self.address(NATS_EXPORTER)}


def text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        found: bytes = answer.read()
        return found.decode()


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        text(url)
    except OSError:
        return False
    return True


@contextmanager
def process(*command: str, env: dict[str, str] | None = None) -> Iterator[None]:
    child = subprocess.Popen(command, env={**os.environ, **(env or {})}, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        child.wait(10)


def lab(home: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "lab", *arguments, "--home", str(home)], check=True, capture_output=True, timeout=120
    )


def audit_env(config: LabConfig) -> dict[str, str]:
    secrets = json.loads((config.home / "secrets.json").read_text())
    lanes = {lane: {part: config.url(lane, part) for part in ("door", *SERVICES)} for lane in LANES}
    return {
        "LAB_AUDIT_LANES": json.dumps(lanes),
        "LAB_AUDIT_ADMIN_TOKEN": secrets["admin_token"],
        "LAB_AUDIT_PORT": str(config.port_base + AUDITOR),
        "LAB_AUDIT_EVERY_S": "0.5",
        "LAB_NATS_MONITORS": json.dumps({lane: [config.monitor_url(lane)] for lane in LANES}),
        "LAB_NATS_EXPORTER_PORT": str(config.port_base + NATS_EXPORTER),
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = LabConfig(home=tmp_path_factory.mktemp("watched") / "lab", port_base=free_port_base(), conductors=1)
    with ExitStack() as stack:
        stack.callback(subprocess.run, [sys.executable, "-m", "lab", "down", "--home", str(config.home)], timeout=60)
        lab(config.home, "up", "--detach", "--no-console", "--conductors=1", f"--port-base={config.port_base}")
        env = audit_env(config)
        stack.enter_context(process(sys.executable, "-m", "lab.live", env=env))
        stack.enter_context(process(sys.executable, "-m", "broker.exporter", env=env))
        found = Running(config)
        until(lambda: all(answers(f"http://{each}/metrics") for each in found.beside.values()), "no exporter answers")
        yield found


def test_what_dashboards_and_rules_name_is_exposed(running: Running) -> None:
    addresses = list(running.beside.values())
    for lane in LANES:
        addresses += [running.config.url(lane, part.component)[7:] for part in running.config.parts(lane)]
    exposed = set().union(*(families(text(f"http://{address}/metrics")) for address in addresses))
    assert not {name: where for name, where in names_used().items() if family_of(name) not in exposed}


def test_the_auditor_reads_both_lanes_and_finds_their_books_right(running: Running) -> None:
    lab(running.config.home, "order", "--wait")
    url = f"http://{running.beside['auditor']}/metrics"

    def seen() -> dict[str, float]:
        lines = (line.rsplit(" ", 1) for line in text(url).splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    until(
        lambda: all(f'lab_audit_last_success_timestamp_seconds{{lane="{lane}"}}' in seen() for lane in LANES),
        "the auditor does not read both lanes",
    )
    figures = seen()
    wrong = {name: value for name, value in figures.items() if name.startswith("lab_anomalies{")}
    assert len(wrong) == 2 * 12
    assert not any(wrong.values())


@pytest.mark.long
@pytest.mark.skipif(path_of("prometheus") is None, reason="PANELS ARE NOT ASKED: Prometheus is not installed")
def test_every_panel_has_something_to_show(running: Running, tmp_path: Path) -> None:
    told = for_embedded(running.config, running.beside)
    told["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(told))
    address = running.address(PROMETHEUS)
    lab(running.config.home, "order", "--wait")

    def asked(expr: str) -> list[Any]:
        found = json.loads(text(f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"))
        series: list[Any] = found["data"]["result"]
        return series

    with process(
        str(path_of("prometheus")),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address={address}",
    ):
        until(lambda: answers(f"http://{address}/-/ready"), "Prometheus is not ready")
        until(lambda: asked("lane:nats_messages_per_order:ratio_1m") != [], "nothing is recorded")
        until(lambda: asked("up == 0") == [], "a target is down")
        missing: list[str] = []

        def all_shown() -> bool:
            missing[:] = [f"{where}: {expr}" for where, expr in panel_queries() if not asked(expr)]
            return not missing

        until(all_shown, f"nothing to show: {missing}")
        for _, expr in annotation_queries():
            asked(expr)
