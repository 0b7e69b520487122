"""The manager's mail over real SMTP, caught in this process; links that nobody can make up."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import OutOfReach
from lab.mail.catcher import Catcher, Caught
from lab.mail.courier import Courier
from lab.mail.letters import Wait
from lab.mail.links import PATH, Choice, Link, read, signed
from lab.mail.settings import MailSettings

SECRET = "secret"
WAIT = Wait("choreography", "o-1", "o-1.abc", 60_000, "2026-01-01T10:00:00Z")
LINKS = st.builds(
    Link, st.text(max_size=20), st.text(max_size=40), st.text(max_size=80), st.integers(), st.sampled_from(Choice)
)


@given(LINKS)
def test_a_link_is_read_as_it_was_signed(link: Link) -> None:
    assert read(signed(link, SECRET), SECRET) == link


@given(LINKS, st.integers(0, 1000), st.characters(codec="ascii"))
def test_a_link_with_any_other_character_is_none(link: Link, at: int, character: str) -> None:
    text = signed(link, SECRET)
    at %= len(text)
    if text[at] != character:
        assert read(text[:at] + character + text[at + 1 :], SECRET) is None
    assert read(text, "another secret") is None


@given(st.text(max_size=60))
def test_no_made_up_link_is_taken(text: str) -> None:
    assert read(text, SECRET) is None


class Lanes:
    """Two lanes' waits, which a test changes."""

    def __init__(self) -> None:
        self.waits: dict[str, list[Wait]] = {"choreography": [WAIT], "orchestration": []}
        self.silent: set[str] = set()

    async def ask(self, lane: str) -> Sequence[Wait]:
        if lane in self.silent:
            raise OutOfReach(f"{lane} gives no answer")
        return self.waits[lane]

    def courier(self, settings: MailSettings | None = None) -> Courier:
        who = {"choreography": lambda: self.ask("choreography"), "orchestration": lambda: self.ask("orchestration")}
        return Courier(settings or MailSettings(), who, secret=SECRET, base="http://127.0.0.1:1/")


@asynccontextmanager
async def written(courier: Courier) -> AsyncIterator[list[Caught]]:
    """The inbox after one turn, with the catcher still open."""
    assert courier.catcher is not None
    async with courier.catcher as catcher:
        await courier.turn()
        yield catcher.inbox


async def test_each_wait_is_written_about_once_with_links_that_approve_and_reject() -> None:
    courier = Lanes().courier()
    async with written(courier) as (caught,):
        links = [read(found, SECRET) for found in re.findall(re.escape(PATH) + r"(\S+)", caught.text)]
        assert [link.choice for link in links if link] == [Choice.APPROVE, Choice.REJECT]
        assert {(link.order_id, link.token) for link in links if link} == {("o-1", "o-1.abc")}
        await courier.turn()
        assert courier.catcher is not None
        assert [each.number for each in courier.catcher.inbox] == [1]


async def test_a_silent_lane_keeps_no_other_waiting_for_its_mail() -> None:
    lanes = Lanes()
    lanes.silent = {"choreography"}
    lanes.waits["orchestration"] = [Wait("orchestration", "o-2", "o-2.1.1.abc", 70_000, "2026-01-01T10:00:00Z")]
    courier = lanes.courier()
    async with written(courier) as (caught,):
        assert "o-2" in caught.text
        assert await courier.turn() == ["choreography: choreography gives no answer"]


async def test_a_mail_written_again_after_a_restart_replaces_the_first() -> None:
    first = Lanes().courier()
    async with written(first):
        assert first.catcher is not None
        again = Lanes().courier(MailSettings(smtp_host="127.0.0.1", smtp_port=first.catcher.port))
        assert await again.turn() == []
        assert [each.number for each in first.catcher.inbox] == [2]


async def test_what_the_mail_server_did_not_take_is_sent_once_it_does() -> None:
    courier = Lanes().courier(MailSettings(smtp_host="127.0.0.1", smtp_port=9))
    (trouble,) = await courier.turn()
    assert "did not take the mail" in trouble
    async with Catcher() as server:
        courier.settings = MailSettings(smtp_host="127.0.0.1", smtp_port=server.port)
        assert await courier.turn() == []
        assert len(server.inbox) == 1


async def test_the_courier_writes_by_itself_for_as_long_as_it_is_there() -> None:
    asked = asyncio.Event()

    async def who() -> Sequence[Wait]:
        asked.set()
        return ()

    async with Courier(MailSettings(), {"choreography": who}, secret=SECRET, base=""):
        await asyncio.wait_for(asked.wait(), 5)


async def test_a_strange_order_id_stays_in_its_line() -> None:
    lanes = Lanes()
    lanes.waits["choreography"] = [Wait("choreography", "<img src=x>", "t", 1, "2026-01-01T10:00:00Z")]
    async with written(lanes.courier()) as (caught,):
        assert "<img src=x>" in caught.text


@pytest.mark.parametrize("text", ["", ".", "a.b", "e30.x"])
def test_scraps_are_no_links(text: str) -> None:
    assert read(text, SECRET) is None
