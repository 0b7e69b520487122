"""What a process of this lane refuses to start with."""

import pytest

from choreography.process import main


def test_a_door_without_a_secret_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("choreography.process.run", lambda *_: pytest.fail("it was started"))
    monkeypatch.setenv("LAB_COMPONENT", "door")
    monkeypatch.delenv("LAB_APPROVAL_SECRET", raising=False)
    assert main([]) == 2
    assert "LAB_APPROVAL_SECRET" in capsys.readouterr().err
