"""Where the time goes: py-spy beside each process for the length of a round."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from lab.errors import BadInput

SAMPLES_PER_S: Final = 100
ENDS_WITHIN_S: Final = 20.0


def py_spy() -> str:
    """Raises ``BadInput`` where it is not installed."""
    found = Path(sys.executable).parent / "py-spy"
    path = str(found) if found.exists() else shutil.which("py-spy")
    if path is None:
        raise BadInput("py-spy is not installed: it comes with the development dependencies (make test installs them)")
    return path


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@asynccontextmanager
async def profiled(pids: Mapping[str, int], folder: Path, seconds: float) -> AsyncIterator[list[Path]]:
    """Record the stacks of each Python process while the body runs; the list holds the files once it has ended."""
    binary = py_spy()
    written: list[Path] = []
    recorders: dict[Path, asyncio.subprocess.Process] = {}
    try:
        for name, pid in pids.items():
            if name.endswith("-broker"):
                continue  # not Python
            path = folder / f"{name}.collapsed.txt"
            recorders[path] = await asyncio.create_subprocess_exec(
                binary, "record", "--pid", str(pid), "--duration", str(max(1, round(seconds))), "--nonblocking",
                "--rate", str(SAMPLES_PER_S), "--format", "raw", "--output", str(path),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        yield written
        async with asyncio.timeout(ENDS_WITHIN_S):
            for recorder in recorders.values():
                await recorder.wait()
        written += [path for path, recorder in recorders.items() if recorder.returncode == 0]
    finally:
        for recorder in recorders.values():
            if recorder.returncode is None:
                recorder.kill()
                await recorder.wait()


def hottest(collapsed: str, count: int = 15) -> list[tuple[str, float]]:
    """The functions in which a process spends its own time: (function, share of the samples). Pure."""
    own: dict[str, int] = {}
    total = 0
    for line in collapsed.splitlines():
        stack, _, samples = line.rpartition(" ")
        if not samples.isdigit():
            continue
        leaf = stack.rpartition(";")[2]
        own[leaf] = own.get(leaf, 0) + int(samples)
        total += int(samples)
    ranked = sorted(own.items(), key=lambda item: -item[1])[:count]
    return [(name, samples / total) for name, samples in ranked]
