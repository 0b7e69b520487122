"""The README's containers, brought up and taken down by the README's own commands, for tests that look from outside."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENGINE = ROOT.parent / "shared" / "docker" / "engine"
PROJECT = "saga-lab"
BUILD_WITHIN_S = 1200
COMMAND_WITHIN_S = 300


@dataclass(frozen=True)
class Deployment:
    """``compose`` and ``docker``: the commands, as they are called on this machine."""

    compose: tuple[str, ...]
    docker: tuple[str, ...]
    environment: dict[str, str]

    def run(self, command: Sequence[str], within_s: float = COMMAND_WITHIN_S) -> subprocess.CompletedProcess[str]:
        """As typed in the project's folder; never raises for its exit code."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=within_s, check=False
        )

    def told(self, **environment: str) -> "Deployment":
        """The same, told something else by the environment."""
        return replace(self, environment=self.environment | environment)

    def up(self, *services: str, files: Sequence[str] = ()) -> None:
        """These services alone, made anew where what they are told has changed; waits for nothing."""
        chosen = [word for file in ("compose.yaml", *files) for word in ("--file", file)] if files else []
        self.must(*self.compose, *chosen, "up", "--detach", "--no-deps", *services)

    def logs(self, service: str) -> str:
        return self.must(*self.compose, "logs", "--no-color", "--tail", "200", service)

    def health(self, service: str) -> set[str]:
        """``healthy``, ``unhealthy`` or ``starting`` of each running container of a service; its state otherwise."""
        lines = self.must(*self.compose, "ps", "--all", "--format", "json", service).splitlines()
        told = [each for line in lines for each in _listed(json.loads(line))]
        return {each["Health"] or each["State"] for each in told}

    def until(self, holds: Callable[[], bool], what: str, within_s: float = COMMAND_WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
            time.sleep(1.0)

    def until_healthy(self, *services: str, within_s: float = COMMAND_WITHIN_S) -> None:
        self.until(
            lambda: all(self.health(each) == {"healthy"} for each in services),
            f"{', '.join(services)} healthy",
            within_s,
        )

    def must(self, *command: str, within_s: float = COMMAND_WITHIN_S) -> str:
        ended = self.run(command, within_s)
        assert ended.returncode == 0, (
            f"{' '.join(command)}: {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        )
        return ended.stdout

    def readme(self, command: str, within_s: float = COMMAND_WITHIN_S) -> str:
        """A command of the README, word for word, but for where ``docker compose`` and ``lab`` are."""
        assert f"\n{command}" in (ROOT / "README.md").read_text(), f"the README does not say {command!r}"
        words = command.split()
        if words[:2] == ["docker", "compose"]:
            return self.must(*self.compose, *words[2:], within_s=within_s)
        return self.must(str(ROOT / ".venv" / "bin" / words[0]), *words[1:], within_s=within_s)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run([str(ROOT / ".venv" / "bin" / "lab"), "--target", "compose", *arguments])


def _listed(told: Any) -> list[dict[str, str]]:
    """Compose gives one array, or one line for each container, by its version."""
    return told if isinstance(told, list) else [told]


class NoEngineHere(Exception):
    """Why not, for whoever reads that the tests were skipped."""


def found(told: Mapping[str, str]) -> Deployment:
    """With this machine's engine, or the private one beside the project. Raises ``NoEngineHere``."""
    environment = {**os.environ, **told, "COMPOSE_PROJECT_NAME": PROJECT}
    if shutil.which("docker") and _works(["docker", "compose", "version"]) and _works(["docker", "info"]):
        return Deployment(("docker", "compose"), ("docker",), environment)
    if not ENGINE.exists() or os.geteuid() != 0:
        raise NoEngineHere("`docker compose` does not work here, and there is no private engine, or not for this user")
    engine = str(ENGINE)
    started = subprocess.run([engine, "up"], capture_output=True, text=True, timeout=BUILD_WITHIN_S, check=False)
    if started.returncode != 0:
        raise NoEngineHere(f"the private engine does not start: {started.stderr[-500:].strip()}")
    home = os.environ.get("ENGINE_HOME", "/var/tmp/lab-engine")
    environment |= {"DOCKER_HOST": f"unix://{home}/docker.sock", "LAB_BUILD_NETWORK": "host"}
    return Deployment((engine, "compose"), (engine, "docker"), environment)


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
