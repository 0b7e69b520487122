"""The Docker engine, as far as the lab needs it: list, look at, and hurt one project's containers. Blocking.

It is asked from outside; no container has its socket. docker-py is loaded when the first engine is opened.
"""

import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final

from lab.errors import LabError, NotReady, NotUp, OutOfReach
from lab.processes.state import State, Status
from lab.target.containers import PROJECT, Container, containers_of, find, status_of

DEFAULT_PROJECT: Final = "saga-lab"
PROJECT_VARIABLE: Final = "COMPOSE_PROJECT_NAME"  # as Compose itself reads it
# A stop takes as long as what is stopped may take to end.
ANSWER_WITHIN_S: Final = 180
GONE_WITHIN_S: Final = 60.0
LOOKED_AT_ONCE: Final = 8
UP: Final = frozenset({State.READY, State.STARTING})


class NoEngine(LabError):
    """Install what is missing, or say where the engine is (DOCKER_HOST)."""

    exit_code = 2


class Engine:
    """Raises ``NoEngine`` where there is none to talk to."""

    def __init__(self, project: str | None = None) -> None:
        try:
            import docker  # an extra, and slow to load
            from docker.errors import DockerException
        except ImportError:
            raise NoEngine("containers need the package docker: pip install 'saga-lab[compose]'") from None
        self.project = project or os.environ.get(PROJECT_VARIABLE) or DEFAULT_PROJECT
        try:
            self._api = docker.DockerClient.from_env(timeout=ANSWER_WITHIN_S, max_pool_size=LOOKED_AT_ONCE).api
            self._api.ping()
        except DockerException as error:
            raise NoEngine(f"no Docker engine answers: {error}") from None

    def close(self) -> None:
        self._api.close()

    def containers(self) -> list[Container]:
        """Raises ``NotUp`` when the project has no containers."""
        with _asking("list the containers"):
            listed = self._api.containers(all=True, filters={"label": f"{PROJECT}={self.project}"})
        found = containers_of(listed)
        if not found:
            raise NotUp(f"no containers of the project {self.project}; start them with `docker compose up --wait`")
        return found

    def environment(self, container: Container) -> dict[str, str]:
        pairs = (text.partition("=") for text in self._inspect(container)["Config"]["Env"])
        return {name: value for name, _, value in pairs}

    def statuses(self) -> list[Status]:
        """Of every container, what it costs included; several are asked at once."""
        with ThreadPoolExecutor(LOOKED_AT_ONCE) as pool:
            return list(pool.map(self._status, self.containers()))

    def _status(self, container: Container) -> Status:
        stats: Mapping[str, Any] = {}
        if container.state in UP or container.state is State.FROZEN:
            with _asking(f"look at {container.name}"):
                stats = self._api.stats(container.id, stream=False, one_shot=True)
        return status_of(container, self._inspect(container), stats)

    def _inspect(self, container: Container) -> dict[str, Any]:
        with _asking(f"look at {container.name}"):
            found: dict[str, Any] = self._api.inspect_container(container.id)
        return found

    # --- faults on the machinery; each raises ``BadInput`` for an unknown name -------------------------------------

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """SIGKILL. What an engine is told to kill it does not start again by itself, so it is started here."""
        container = find(self.containers(), name)
        with _asking(f"kill {name}"):
            if container.state in UP or container.state is State.FROZEN:
                self._api.kill(container.id)
                self._await_end(container)
            if not stay_down:
                self._api.start(container.id)

    def freeze(self, name: str) -> None:
        container = find(self.containers(), name)
        if container.state is not State.FROZEN:
            with _asking(f"freeze {name}"):
                self._api.pause(container.id)

    def thaw(self, name: str) -> None:
        container = find(self.containers(), name)
        if container.state is State.FROZEN:
            with _asking(f"thaw {name}"):
                self._api.unpause(container.id)

    def restart(self, name: str) -> None:
        """Gently, then, after the grace that the container itself asks for, by force; also one that stayed down."""
        self.thaw(name)
        container = find(self.containers(), name)
        with _asking(f"restart {name}"):
            self._stop(container)
            self._await_end(container)
            self._api.start(container.id)

    def _stop(self, container: Container) -> None:
        """A busy engine may say that it saw no end of what it killed: it is looked for afterwards, not believed."""
        from docker.errors import APIError

        with suppress(APIError):
            self._api.stop(container.id)

    def state(self, name: str) -> State:
        return find(self.containers(), name).state

    def logs(self, name: str, lines: int) -> str:
        with _asking(f"read what {name} said"):
            text: bytes = self._api.logs(find(self.containers(), name).id, tail=lines)
        return text.decode(errors="replace")

    def _await_end(self, container: Container) -> None:
        deadline = time.monotonic() + GONE_WITHIN_S
        while self._inspect(container)["State"]["Running"]:
            if time.monotonic() > deadline:
                raise NotReady(f"{container.name} did not end within {GONE_WITHIN_S:g} s of SIGKILL")
            time.sleep(0.05)


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Raises ``OutOfReach`` where the engine gave no answer, or said no: a container may be gone between two calls."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise OutOfReach(f"the Docker engine did not {what}: {error}") from error
