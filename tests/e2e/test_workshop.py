"""The workshop from start to end, in one go on a real lab: every command as it stands in the lessons' own text."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.workshop.lesson import EXPORT, Lesson, at_ports
from lab.workshop.library import lessons
from tests.free_ports import free_port_base

ROOT = Path(__file__).parents[2]
MACHINE_TIME_S = 15 * 60.0
COMMAND_WITHIN_S = 180

pytestmark = [pytest.mark.more, pytest.mark.timeout(1200)]


@dataclass
class Participant:
    """Types what the text says. Ports and folder are this test's own, as a participant may choose them, too."""

    home: Path
    port_base: int
    exports: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        line = at_ports(line, self.port_base)
        if line.startswith(EXPORT):
            self.exports.append(line)
        started = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", "\n".join([*self.exports, line])],
            cwd=ROOT,
            env={
                **os.environ,
                "LAB_HOME": str(self.home),
                "LAB_PORT_BASE": str(self.port_base),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
        )
        self.seconds += time.monotonic() - started
        return done


@pytest.fixture
def participant(tmp_path: Path) -> Iterator[Participant]:
    someone = Participant(tmp_path / "lab", free_port_base())
    try:
        yield someone
    finally:
        someone.types("lab down")


def goes_through(someone: Participant, lesson: Lesson) -> None:
    before = someone.types(f"lab workshop check {lesson.number}")
    no_lab_yet = lesson.number == 1
    assert before.returncode == (2 if no_lab_yet else 1), f"met before it was done: {before.stdout}{before.stderr}"
    for command in lesson.commands:
        done = someone.types(command.line)
        assert done.returncode == command.exit_code, f"{command.line}\n{done.stdout}{done.stderr}"
    after = someone.types(f"lab workshop check {lesson.number}")
    assert after.returncode == 0, f"lesson {lesson.number}\n{after.stdout}{after.stderr}"


def test_the_twelve_lessons_teach_what_they_say_in_under_fifteen_minutes(participant: Participant) -> None:
    for lesson in lessons():
        started = participant.seconds
        goes_through(participant, lesson)
        print(f"lesson {lesson.number:>2}: {participant.seconds - started:5.1f} s")
    print(f"machine time of all: {participant.seconds:.0f} s")
    assert participant.seconds < MACHINE_TIME_S
