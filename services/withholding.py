"""Leaving an HTTP caller without its answer: the connection is held past its patience, or cut without a byte."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.commands import Withheld

# A caller gives up after the call timeout; holding on for longer shows it that nothing would have come.
HOLD_FACTOR: Final = 3.0
# How our server lets an app cut the connection; an entry of the ASGI scope's extensions, see ``services.serve``.
ABORT: Final = "lab.abort"


class ConnectionCut(Exception):
    """The server offers no way to cut the connection (as in a test without one): the request ends with this."""


async def withhold(request: Request, how: Withheld, call_timeout_s: float) -> Response:
    """Returns, when the connection is gone, a response that goes nowhere. Raises ``ConnectionCut``."""
    if how == "hang":
        try:
            async with asyncio.timeout(HOLD_FACTOR * call_timeout_s):
                await _gone(request)
                return Response(status_code=503)
        except TimeoutError:
            pass  # the caller waits longer than it should: cut it off
    abort = request.scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionCut
    abort()
    await _gone(request)
    return Response(status_code=503)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
