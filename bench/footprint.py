"""``make footprint``: what one order costs each lane in processor time, messages, bytes, subjects and memory.

A lab of its own, without faults. Processor time is of the processes themselves, so that other work on the machine hardly
changes it; seconds on the clock are not measured. ``docs/scale.md`` rests on this.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

from lab.embedded import Lab
from lab.topology import BROKER, LANES, LabConfig, name_of
from loadtests.catalogue import products_of
from loadtests.workload import PlannedOrder, Shape, plan_count

AT_ONCE: Final = 20
QUIET_AFTER_S: Final = 2.0
WITHIN_S: Final = 600.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """A lane at one moment: processor seconds and memory by component; messages, bytes and subjects of its streams."""

    cpu_s: dict[str, float]
    memory: dict[str, int]
    messages: int
    stored: int
    subjects: int


def _processes(lab: Lab, lane: str) -> dict[str, psutil.Process]:
    components = (BROKER, *(part.component for part in lab.config.parts(lane)))
    pids = {component: lab.pid(name_of(lane, component)) for component in components}
    return {component: psutil.Process(pid) for component, pid in pids.items() if pid is not None}


async def _look(lab: Lab, lane: str, session: aiohttp.ClientSession) -> Seen:
    jsz = await _json(session, f"{lab.config.monitor_url(lane)}/jsz?streams=1")
    states = [
        stream["state"] for account in jsz["account_details"] for stream in account.get("stream_detail", ())
    ]
    found = _processes(lab, lane)
    return Seen(
        {name: sum(process.cpu_times()[:2]) for name, process in found.items()},
        {name: process.memory_info().rss for name, process in found.items()},
        sum(state["messages"] for state in states),
        sum(state["bytes"] for state in states),
        sum(state.get("num_subjects", 0) for state in states),
    )
