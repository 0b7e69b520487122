"""The containers of a project as data, read from the Docker API. Pure: documents in, rows out.

Which lane and component a container is, it says itself by its labels ``lab.lane`` and ``lab.component``; one without
them (a one-shot) is none of the lab's processes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.errors import BadInput
from lab.processes.state import State, Status

LANE: Final = "lab.lane"
COMPONENT: Final = "lab.component"
PROJECT: Final = "com.docker.compose.project"
NUMBER: Final = "com.docker.compose.container-number"
HTTP_PORT: Final = 8000
SHOWN_ID: Final = 12


@dataclass(frozen=True)
class Container:
    """``name`` is what the lab calls it: ``choreography-door``, or ``orchestration-conductor-2`` of several.

    ``port``: on this machine's loopback, of its HTTP face; None where it has none, or is not running.
    """

    id: str
    name: str
    lane: str
    component: str
    state: State
    port: int | None


def containers_of(listed: Iterable[Mapping[str, Any]]) -> list[Container]:
    """From ``GET /containers/json?all=1``, in the order of their names."""
    ours = [each for each in listed if COMPONENT in each["Labels"]]
    count = Counter(_service(each) for each in ours)
    found = []
    for each in ours:
        lane, component = _service(each)
        number = each["Labels"].get(NUMBER, "1")
        own = component if count[lane, component] == 1 else f"{component}-{number}"
        name = f"{lane}-{own}" if lane else own
        found.append(Container(each["Id"], name, lane, own, state_of(each["State"], each["Status"]), _port(each)))
    return sorted(found, key=lambda container: container.name)


def _service(listed: Mapping[str, Any]) -> tuple[str, str]:
    return listed["Labels"].get(LANE, ""), listed["Labels"][COMPONENT]


def _port(listed: Mapping[str, Any]) -> int | None:
    ports = (each.get("PublicPort") for each in listed["Ports"] if each["PrivatePort"] == HTTP_PORT)
    return next((port for port in ports if port), None)


def state_of(state: str, status: str) -> State:
    """``state`` and ``status`` as Docker words them: ``running``, ``Up 3 minutes (healthy)``."""
    match state:
        case "running":
            return State.READY if "(healthy)" in status else State.STARTING
        case "paused":
            return State.FROZEN
        case "restarting":
            return State.BACKOFF
        case "created":
            return State.STOPPED
        case _:
            return State.DOWN


def find(known: Iterable[Container], name: str) -> Container:
    """By its name; of a service or broker that is several, the first one. Raises ``BadInput`` naming what there is."""
    listed = list(known)
    for container in listed:
        if container.name == name:
            return container
    for container in listed:
        if container.name.startswith(f"{name}-") and container.name.removeprefix(f"{name}-").isdigit():
            return container
    raise BadInput(f"no process {name!r}; there are: {', '.join(each.name for each in listed) or '(none)'}")


def status_of(container: Container, inspected: Mapping[str, Any], stats: Mapping[str, Any]) -> Status:
    """``inspected``: ``GET /containers/ID/json``; ``stats``: ``GET /containers/ID/stats``, empty where it is not up."""
    state = inspected["State"]
    memory = stats.get("memory_stats", {})
    cache = memory.get("stats", {}).get("inactive_file", 0)
    return Status(
        name=container.name,
        group=container.lane or "lab",
        state=container.state,
        pid=state["Pid"] or None,
        restarts=int(inspected.get("RestartCount", 0)),
        cpu_s=stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage", 0) / 1e9,
        rss_bytes=max(0, memory.get("usage", 0) - cache),
        ports=() if container.port is None else (container.port,),
        last_exit=f"exit code {state['ExitCode']}" if state.get("ExitCode") else None,
    )
