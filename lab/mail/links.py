"""Links that decide for whoever holds them: what they are about, signed so that nobody can make one up. Pure.

A link is bound to one wait: the lane's own token is inside, and the lane says whether that wait is over.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PATH: Final = "/decide/"
MAX_LENGTH: Final = 2_000
_DIGITS: Final = 40


class Choice(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Link:
    lane: str
    order_id: str
    token: str
    total_cents: int
    choice: Choice


def signed(link: Link, secret: str) -> str:
    """The last part of the link's path."""
    content = [link.lane, link.order_id, link.token, link.total_cents, link.choice]
    payload = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"{payload}.{_signature(payload, secret)}"


def read(text: str, secret: str) -> Link | None:
    """None for anything that was not signed with this secret."""
    payload, _, signature = text.partition(".")
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    if not hmac.compare_digest(signature, _signature(payload, secret)):
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        lane, order_id, token, total_cents, choice = content
        return Link(lane, order_id, token, total_cents, Choice(choice))
    except (ValueError, TypeError, binascii.Error):
        return None


def _signature(payload: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"mail-link:{payload}".encode(), hashlib.sha256).hexdigest()[:_DIGITS]
