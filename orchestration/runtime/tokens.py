"""Callback tokens: ``<execution>.<entry>.<attempt>.<mac>``. Pure.

The mac is keyed with a secret that only the door and the conductors hold, so a token cannot be guessed; it names one
attempt of one state entry, and that it is answered once is the history's business.
"""

import hashlib
import hmac
from collections.abc import Callable

MAC_CHARACTERS = 32  # 128 bits


def token_maker(secret: str) -> Callable[[str, int, int], str]:
    key = secret.encode()

    def make(execution: str, entry: int, attempt: int) -> str:
        text = f"{execution}.{entry}.{attempt}"
        return f"{text}.{_mac(key, text)}"

    return make


def read_token(secret: str, token: str) -> tuple[str, int, int] | None:
    """The execution, state entry and attempt of a token that we made; None for any other text."""
    text, _, mac = token.rpartition(".")
    match text.split("."):
        case [execution, entry, attempt] if _is_number(entry) and _is_number(attempt):
            genuine = hmac.compare_digest(mac.encode(), _mac(secret.encode(), text).encode())
            return (execution, int(entry), int(attempt)) if genuine else None
        case _:
            return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:MAC_CHARACTERS]
