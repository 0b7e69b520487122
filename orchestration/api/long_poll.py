"""A long poll is given up when its client goes away: what it would have got is for another."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

LONG_POLLS: Final = frozenset({"AWSStepFunctions.GetActivityTask"})
CLIENT_CLOSED_REQUEST: Final = 499


async def while_connected(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """``request``: its body has been read."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.wait((working, gone))
