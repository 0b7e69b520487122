"""The README's containers, brought up and taken down by the README's own commands, for tests that look from outside."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def found() -> Deployment | None:
    """With this machine's engine, or the private one beside the project; None where there is neither."""
    environment = {**os.environ, "COMPOSE_PROJECT_NAME": PROJECT}
    if shutil.which("docker") and _works(["docker", "compose", "version"]) and _works(["docker", "info"]):
        return Deployment(("docker", "compose"), ("docker",), environment)
    if not ENGINE.exists() or os.geteuid() != 0:
        return None
    engine = str(ENGINE)
    subprocess.run([engine, "up"], check=True, capture_output=True, timeout=BUILD_WITHIN_S)
    home = os.environ.get("ENGINE_HOME", "/var/tmp/lab-engine")
    environment |= {"DOCKER_HOST": f"unix://{home}/docker.sock", "LAB_BUILD_NETWORK": "host"}
    return Deployment((engine, "compose"), (engine, "docker"), environment)


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
