"""The service that every engine calls here: payment, warehouse and shipping at once, as cheap as can be.

    python -m bench.stub PORT

``POST /charge /reserve /ship /release /refund`` with ``{"order": id, "fail": bool}``; an order with ``fail`` is always
refused at ``/ship`` (409). ``GET /counts`` tells calls, refusals and distinct orders of each; ``POST /reset`` forgets.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
import uvicorn

OPERATIONS = ("charge", "refund", "reserve", "release", "ship")
REFUSAL = orjson.dumps({"error": "CarrierRefused", "cause": "the carrier refused the parcel"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

_calls = dict.fromkeys(OPERATIONS, 0)
_refused = dict.fromkeys(OPERATIONS, 0)
_orders: dict[str, set[str]] = {operation: set() for operation in OPERATIONS}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"].removeprefix("/")
    if path in _calls:
        status, body = _perform(path, orjson.loads(await _body(receive)))
    elif path == "counts":
        status, body = 200, orjson.dumps({name: _count(name) for name in OPERATIONS})
    elif path == "reset":
        for name in OPERATIONS:
            _calls[name] = _refused[name] = 0
            _orders[name].clear()
        status, body = 200, b"{}"
    else:
        status, body = 404, b"{}"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _perform(operation: str, request: dict[str, Any]) -> tuple[int, bytes]:
    _calls[operation] += 1
    _orders[operation].add(request["order"])
    if operation == "ship" and request.get("fail"):
        _refused[operation] += 1
        return 409, REFUSAL
    return 200, orjson.dumps({"ok": True, "ref": f"{operation}-{request['order']}"})


def _count(operation: str) -> dict[str, int]:
    return {"calls": _calls[operation], "refused": _refused[operation], "orders": len(_orders[operation])}


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=120,
    )
