"""Telling others after an append: as patient with a broker that is away as the append itself, and never twice."""

import pytest

from broker.errors import NotStored, Rejected
from broker.publish import Message, Stored
from orchestration.errors import HistoryUnreachable
from orchestration.runtime import history, records
from orchestration.runtime.history import DurableHistory

POST = records.Post("exec.wake.run.ended.7-1", b"{}")


class Away:
    """A publisher whose broker is away for the first few tries."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.ids: list[str | None] = []

    async def publish(self, messages: list[Message], timeout_s: float) -> Stored:
        self.ids += [message.message_id for message in messages]
        if self._errors:
            raise self._errors.pop(0)
        return Stored("EXEC", 1, duplicate=False)


def telling(away: Away, monkeypatch: pytest.MonkeyPatch) -> DurableHistory:
    monkeypatch.setattr(history, "FIRST_PAUSE_S", 0.0)
    told = DurableHistory(None)  # type: ignore[arg-type] - nothing reaches it
    monkeypatch.setattr(told, "_publisher", away)
    return told


async def test_it_is_tried_until_the_broker_is_back_always_as_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(NotStored("away"), NotStored("away"))
    await telling(away, monkeypatch).tell(POST, "e.3.ended")
    assert away.ids == ["e.3.ended"] * 3


async def test_it_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "GIVE_UP_AFTER_S", 0.0)
    with pytest.raises(HistoryUnreachable, match="away"):
        await telling(Away(NotStored("away")), monkeypatch).tell(POST, "e.3.ended")


async def test_what_is_refused_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(Rejected("no such stream"))
    with pytest.raises(HistoryUnreachable, match="no such stream"):
        await telling(away, monkeypatch).tell(POST, "e.3.ended")
    assert len(away.ids) == 1
