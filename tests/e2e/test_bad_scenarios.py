"""A scenario that cannot be read: one line on stderr, exit code 2, and nothing started."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import run

BAD_SCENARIOS = {
    "no-toml.toml": b"name = ",
    "no-text.toml": b"\xff\xfe",
    "empty.toml": b"",
    "unknown-field.toml": b'name = "x"\nspeed = 7\n',
    "no-such-kind.toml": b'name = "x"\n[[faults]]\nservice = "payment"\nkind = "melted"\n',
    "numbers-as-text.toml": b'name = "x"\n[load]\nrate_per_s = "many"\n',
    "beyond-time.toml": b'name = "x"\n[settle]\nwithin_s = -1\n',
    "not-there.toml": None,
}


def written(folder: Path, name: str) -> Path:
    content = BAD_SCENARIOS[name]
    if content is not None:
        (folder / name).write_bytes(content)
    return folder / name


def assert_one_line(said: str, name: str) -> None:
    assert said.startswith("lab: "), said
    assert said.count("\n") == 1, said
    assert name in said


@pytest.mark.parametrize("name", BAD_SCENARIOS)
def test_it_is_named_in_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--scenario", str(written(tmp_path, name)), "--home", str(tmp_path / "home")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert_one_line(said.err, name)
    assert not (tmp_path / "home").exists()


def test_as_a_user_types_it(tmp_path: Path) -> None:
    name = "no-such-kind.toml"
    command = [sys.executable, "-m", "lab", "demo", "--scenario", str(written(tmp_path, name))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, name)
