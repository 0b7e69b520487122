"""``make idle``: what both lanes cost while nobody orders anything, in shares of one core.

A lab of its own. Processor time is of the processes themselves, the lab's own supervisor included, so that other work
on the machine hardly changes it.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from lab.embedded import Lab
from lab.topology import LabConfig

SETTLED_AFTER_S: Final = 15.0  # what the start itself leaves behind


def _spent(lab: Lab) -> dict[str, float]:
    """Processor seconds so far; one that is not up has no share."""
    return {each.name: each.cpu_s for each in lab.status()} | {"the lab itself": time.process_time()}


async def _run(minutes: float, port_base: int, home: Path) -> None:
    async with Lab(LabConfig(home=home, port_base=port_base)) as lab:
        await asyncio.sleep(SETTLED_AFTER_S)
        before, began = _spent(lab), time.monotonic()
        await asyncio.sleep(60 * minutes)
        took_s = time.monotonic() - began
        shares = {name: (seconds - before[name]) / took_s for name, seconds in _spent(lab).items()}
    for name, share in sorted(shares.items(), key=lambda each: -each[1]):
        print(f"{share:7.2%}  {name}")
    print(f"{sum(shares.values()):7.2%}  of one core, over {took_s:.0f} s without an order")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--port-base", type=int, default=7900)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="idle-") as folder:
        asyncio.run(_run(told.minutes, told.port_base, Path(folder) / "lab"))


if __name__ == "__main__":
    main()
