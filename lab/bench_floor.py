"""The floor's processes: the three services alone, as a lane without an engine runs them. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.bench_figures import FLOOR
from lab.processes.spec import ProcessSpec
from lab.topology import HOST, SERVICES

# Between the offsets of the lanes' own processes.
FIRST_OFFSET: Final = 30


def floor_processes(
    home: Path, port_base: int, stock_scale: float, python: str
) -> tuple[tuple[ProcessSpec, ...], Mapping[str, str]]:
    """The processes, and the URL of each service."""
    home.mkdir(parents=True, exist_ok=True)
    specs, urls = [], {}
    for offset, service in enumerate(SERVICES, FIRST_OFFSET):
        port = port_base + offset
        urls[service] = f"http://{HOST}:{port}"
        env = {
            "PYTHONUNBUFFERED": "1",
            "LAB_LANE": FLOOR,
            "LAB_COMPONENT": service,
            "LAB_HOST": HOST,
            "LAB_PORT": str(port),
            "LAB_STOCK_SCALE": str(stock_scale),
            "LAB_LEDGER_URL": f"sqlite:///{(home / f'{service}.db').as_posix()}",
        }
        specs.append(
            ProcessSpec(
                name=f"{FLOOR}-{service}",
                group=FLOOR,
                argv=(python, "-m", "services"),
                env=env,
                ports=(port,),
                ready_url=f"{urls[service]}/readyz",
            )
        )
    return tuple(specs), urls
