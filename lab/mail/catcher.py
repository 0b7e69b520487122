"""A mail server of our own that keeps what it gets: the newest mails, in memory, on loopback only."""

import asyncio
import email
import email.policy
import logging
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST: Final = "127.0.0.1"
KEPT: Final = 200
MAX_BYTES: Final = 256 * 1024
OK: Final = "250 Message accepted for delivery"


@dataclass(frozen=True)
class Caught:
    """``text`` is the plain part; nobody should show any other."""

    number: int
    sender: str
    to: tuple[str, ...]
    subject: str
    date: str
    message_id: str
    order_id: str
    lane: str
    text: str


# aiosmtpd tells every line of every mail at INFO.
logging.getLogger("mail.log").setLevel(logging.WARNING)


class Catcher:
    """``async with``; then ``port`` takes mail and ``inbox`` holds it, newest first. A repeat replaces the first."""

    def __init__(self) -> None:
        self._kept: deque[Caught] = deque(maxlen=KEPT)
        self._server: asyncio.Server | None = None
        self._got = 0
        self.port = 0

    @property
    def inbox(self) -> list[Caught]:
        return list(reversed(self._kept))

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, data_size_limit=MAX_BYTES, hostname="saga-lab", ident="Saga Lab", loop=loop), HOST, 0
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd calls it by this name for each mail."""
        self._got += 1
        caught = _caught(self._got, envelope)
        for repeat in [each for each in self._kept if each.message_id and each.message_id == caught.message_id]:
            self._kept.remove(repeat)
        self._kept.append(caught)
        return OK


def _caught(number: int, envelope: Envelope) -> Caught:
    content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
    message = email.message_from_bytes(content, policy=email.policy.default)
    plain = message.get_body(("plain",))
    return Caught(
        number=number,
        sender=str(envelope.mail_from or ""),
        to=tuple(map(str, envelope.rcpt_tos)),
        subject=str(message.get("Subject", "")),
        date=str(message.get("Date", "")),
        message_id=str(message.get("Message-ID", "")),
        order_id=str(message.get("X-Saga-Order", "")),
        lane=str(message.get("X-Saga-Lane", "")),
        text=str(plain.get_content()) if plain is not None else "",
    )
