"""What a process is, as data, and in which order several are started. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class ProcessSpec:
    """One process. ``env`` is added to the inherited environment; ``group`` says whose it is (a lane).

    ``ready_url`` answers 200 as soon as the process can do its work; None: ready once it runs.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # holds passwords: never shown
    group: str = ""
    ports: tuple[int, ...] = ()
    ready_url: str | None = None
    depends_on: tuple[str, ...] = ()
    ready_within_s: float = 60.0
    stop_within_s: float = 4.0  # gentle time before SIGKILL


def waves(specs: Iterable[ProcessSpec]) -> list[list[str]]:
    """Names in starting order: each wave needs only earlier ones. What is not in ``specs`` counts as there.

    Raises ``graphlib.CycleError`` when processes wait for one another.
    """
    known = {spec.name: spec for spec in specs}
    sorter = TopologicalSorter(
        {name: [needed for needed in spec.depends_on if needed in known] for name, spec in known.items()}
    )
    sorter.prepare()
    result = []
    while sorter.is_active():
        ready = sorter.get_ready()
        result.append([name for name in known if name in ready])
        sorter.done(*ready)
    return result
