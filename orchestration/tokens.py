"""Callback tokens: ``<execution>.<entry>.<mac>``. Pure.

The mac is keyed with a secret that only the door and the conductors hold, so a token cannot be guessed; it names one
state entry, and that an entry is answered once is the history's business.
"""

import hashlib
import hmac
from collections.abc import Callable

MAC_CHARACTERS = 32  # 128 bits


def token_maker(secret: str) -> Callable[[str, int], str]:
    key = secret.encode()

    def make(execution: str, entry: int) -> str:
        return f"{execution}.{entry}.{_mac(key, execution, entry)}"

    return make


def read_token(secret: str, token: str) -> tuple[str, int] | None:
    """The execution and state entry of a token that we made; None for any other text."""
    match token.split("."):
        case [execution, number, mac] if number.isascii() and number.isdecimal() and len(number) < 10:
            entry = int(number)
            genuine = hmac.compare_digest(mac.encode(), _mac(secret.encode(), execution, entry).encode())
            return (execution, entry) if genuine else None
        case _:
            return None


def _mac(key: bytes, execution: str, entry: int) -> str:
    return hmac.new(key, f"{execution}.{entry}".encode(), hashlib.sha256).hexdigest()[:MAC_CHARACTERS]
