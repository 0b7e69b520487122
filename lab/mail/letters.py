"""What a manager is written about an order that waits. Pure.

The same wait always makes the same Message-ID, so that a mail server or a reader can tell a repeat.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Final

from lab.mail.links import PATH, Choice, Link, signed

DOMAIN: Final = "saga-lab.example.org"


@dataclass(frozen=True)
class Wait:
    """An order of a lane that waits for a manager. ``since`` as the lane tells it (RFC 3339)."""

    lane: str
    order_id: str
    token: str
    total_cents: int
    since: str


def link_to(wait: Wait, choice: Choice, base: str, secret: str) -> str:
    link = Link(wait.lane, wait.order_id, wait.token, wait.total_cents, choice)
    return base.rstrip("/") + PATH + signed(link, secret)


def letter(wait: Wait, *, sender: str, manager: str, base: str, secret: str, now: datetime) -> EmailMessage:
    total = f"{wait.total_cents / 100:,.2f}"
    approve, reject = (link_to(wait, choice, base, secret) for choice in Choice)
    message = EmailMessage()
    message["From"], message["To"] = sender, manager
    message["Subject"] = f"Order {wait.order_id} over {total} waits for you ({wait.lane})"
    message["Message-ID"] = f"<{hashlib.sha256(f'{wait.lane} {wait.token}'.encode()).hexdigest()[:32]}@{DOMAIN}>"
    message["Date"] = format_datetime(now)
    message["X-Saga-Order"], message["X-Saga-Lane"] = wait.order_id, wait.lane
    said = f"Order {wait.order_id} in lane {wait.lane} is over {total} and waits for you since {wait.since}."
    rule = "Each link opens a page with a button; a decision counts once, and only while the order waits."
    message.set_content(
        f"{said}\n\nApprove: the label is printed\n{approve}\n\nReject: all is undone\n{reject}\n\n{rule}\n"
    )
    message.add_alternative(
        f"<p>{escape(said)}</p><p><a href='{escape(approve)}'>Approve: the label is printed</a></p>"
        f"<p><a href='{escape(reject)}'>Reject: all is undone</a></p><p>{escape(rule)}</p>",
        subtype="html",
    )
    return message
