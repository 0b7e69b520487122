"""What a reader must know to repeat an experiment or to doubt it: versions, machine, disk, revision, settings."""

import hashlib
import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil

import services
from broker.server import SYNC_INTERVAL
from lab.wirings import nats_server

PACKAGES: Final = ("saga-lab", "nats-py", "aiohttp", "fastapi", "uvicorn", "sqlalchemy", "pydantic", "locust", "gevent")
OURS: Final = ("services", "broker", "telemetry", "choreography", "orchestration", "loadtests", "lab")
SOURCES: Final = (".py", ".json", ".toml")
FSYNCS: Final = 40
ANSWER_WITHIN_S: Final = 5.0


def surroundings(folder: Path) -> dict[str, Any]:
    """``folder``: on the disk that the lanes will write to."""
    return {
        "revision": revision(),
        "sources": sources_digest(),
        "versions": {"python": platform.python_version(), "nats-server": _nats_version(), **_packages()},
        "machine": {
            "processor": _processor(),
            "logical_processors": psutil.cpu_count(),
            "usable_processors": len(os.sched_getaffinity(0)),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
        },
        "durability": {
            "broker": {"sync_interval": SYNC_INTERVAL, "replicas": 1},
            "ledgers": {"database": "SQLite, write-ahead log", "synchronous": "FULL"},
            "fsync_ms_median": fsync_ms(folder),
        },
        "load_average_before": load_average(),
    }


def load_average() -> list[float]:
    """Of 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def _packages() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _nats_version() -> str:
    return _said([str(nats_server()), "--version"]).removeprefix("nats-server: ").strip()


def revision() -> dict[str, Any]:
    """``changed``: whether the code differs from the revision; None where there is no git."""
    folder = Path(services.__file__).parent.parent
    commit = _said(["git", "-C", str(folder), "rev-parse", "HEAD"])
    if not commit:
        return {"commit": None, "changed": None}
    return {"commit": commit, "changed": bool(_said(["git", "-C", str(folder), "status", "--porcelain"]))}


def sources_digest() -> str:
    """Of every file that a trial runs by, committed or not: two experiments with one digest ran the same code."""
    root = Path(services.__file__).parent.parent
    found = (path for package in OURS for path in (root / package).rglob("*") if path.suffix in SOURCES)
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def fsync_ms(folder: Path) -> float:
    """What one synced write of a block costs here."""
    folder.mkdir(parents=True, exist_ok=True)
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(took), 3)
