"""Approval tokens: bound to one order, not to be guessed, made again by whoever knows the secret. Plain functions."""

import hashlib
import hmac
import re
from typing import Final

_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.([0-9a-f]{40})", re.ASCII)


def token_for(order_id: str, secret: str) -> str:
    return f"{order_id}.{_signature(order_id, secret)}"


def order_of(token: str, secret: str) -> str | None:
    """The order that a token is about; None for a forged one."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    order_id, signature = match.groups()
    return order_id if hmac.compare_digest(signature, _signature(order_id, secret)) else None


def _signature(order_id: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"approval:{order_id}".encode(), hashlib.sha256).hexdigest()[:40]
