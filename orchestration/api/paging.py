"""Pages of a list: ``nextToken`` says where to go on. It is signed, so that a forged one is an InvalidToken. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import orjson

from orchestration.api.errors import ApiError

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
_MAC_BYTES: Final = 9

T = TypeVar("T")


class Pages:
    """``kind`` ties a token to its list: the operation and whatever the list is filtered by."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"pages:" + secret.encode()).digest()

    def token(self, kind: str, cursor: Any) -> str:
        body = orjson.dumps(cursor)
        return base64.urlsafe_b64encode(self._mac(kind, body) + body).decode()

    def cursor(self, kind: str, token: str) -> Any:
        """Raises ``ApiError`` InvalidToken."""
        try:
            raw = base64.b64decode(token, b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid_token() from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not body or not hmac.compare_digest(mac, self._mac(kind, body)):
            raise _invalid_token()
        return orjson.loads(body)

    def page(
        self, kind: str, items: Sequence[T], request: dict[str, Any], cursor_of: Callable[[T], Any]
    ) -> tuple[Sequence[T], str | None]:
        """The page that a request asks for, of items sorted by their cursors, and the token of the next one."""
        if token := request.get("nextToken"):
            after = self.cursor(kind, token)
            items = [item for item in items if cursor_of(item) > after]
        size = page_size(request)
        page = items[:size]
        return page, self.token(kind, cursor_of(page[-1])) if len(items) > size else None

    def _mac(self, kind: str, body: bytes) -> bytes:
        return hmac.new(self._key, kind.encode() + b"\0" + body, hashlib.sha256).digest()[:_MAC_BYTES]


def page_size(request: dict[str, Any]) -> int:
    """``maxResults`` 0 means the default."""
    return int(request.get("maxResults") or DEFAULT_PAGE)


def _invalid_token() -> ApiError:
    return ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
