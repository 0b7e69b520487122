"""A project's containers as the document that ``lab status --json`` gives of any lab. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.processes.state import Status
from lab.target.containers import Container
from lab.topology import DOOR, HOST, LANES, LabConfig
from services.practices import format_practices, parse_practices

Environment = Mapping[str, str]


def lanes_of(known: Iterable[Container]) -> tuple[str, ...]:
    there = {container.lane for container in known if container.component == DOOR}
    return tuple(lane for lane in LANES if lane in there)


def config_of(known: Iterable[Container], environments: Mapping[str, Environment]) -> LabConfig:
    """What the lanes were told when they were started; ``environments``: lane -> its front door's."""
    listed = list(known)
    told = next(iter(environments.values()))
    conductors = sum(each.component.startswith("conductor") for each in listed)
    return LabConfig(
        home=Path(),
        lanes=lanes_of(listed),
        practices={lane: parse_practices(each["LAB_PRACTICES"]) for lane, each in environments.items()},
        time_scale=float(told["LAB_TIME_SCALE"]),
        approval_threshold_cents=int(told["LAB_APPROVAL_THRESHOLD_CENTS"]),
        call_timeout_base_s=float(told["LAB_CALL_TIMEOUT_BASE_S"]),
        quiet_after_base_s=float(told["LAB_QUIET_AFTER_BASE_S"]),
        approval_timeout_s=float(told["LAB_APPROVAL_TIMEOUT_S"]),
        catalogue_seed=int(told["LAB_CATALOGUE_SEED"]),
        stock_scale=float(told["LAB_STOCK_SCALE"]),
        conductors=max(1, conductors),
    )


def urls(known: Iterable[Container], lane: str) -> dict[str, str]:
    """Component -> where it listens on this machine. Of several, the first is there under the service's name too."""
    found: dict[str, str] = {}
    for container in known:
        if container.lane == lane and container.port is not None:
            address = f"http://{HOST}:{container.port}"
            found[container.component] = address
            found.setdefault(container.component.rstrip("0123456789").rstrip("-"), address)
    return found


def describe(
    project: str, home: Path, known: list[Container], config: LabConfig, statuses: Iterable[Status]
) -> dict[str, Any]:
    return {
        "target": "compose",
        "project": project,
        "pid": None,
        "home": str(home),
        "port_base": None,
        "time_scale": config.time_scale,
        "restart": True,
        "lanes": {
            lane: {"practices": format_practices(config.practices_of(lane)), "urls": urls(known, lane)}
            for lane in config.lanes
        },
        "processes": [asdict(each) for each in statuses],
    }
