"""Reading what a client sends, within limits, and saying what is wrong with it and where."""

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import Response

# The largest order that the model allows (100 lines) is under 20 kB; this leaves room and still bounds memory.
MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PROBLEMS: Final = 50


class Problem(BaseModel):
    """``path`` leads to what is wrong, dots between the steps: ``lines.0.quantity``; empty for the whole body."""

    model_config = ConfigDict(frozen=True)

    path: str
    problem: str


class ErrorBody(BaseModel):
    """Every error of every HTTP shell."""

    model_config = ConfigDict(frozen=True)

    error: str
    cause: str
    problems: tuple[Problem, ...] = ()


class BadBody(Exception):
    """Answer with ``status``: the request cannot be understood, and sending it again would not help."""

    def __init__(self, status: int, cause: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(cause)
        self.status = status
        self.problems = problems

    def response(self) -> Response:
        return error_response(self.status, STATUS_NAMES[self.status], str(self), self.problems)


STATUS_NAMES: Final = {400: "BadRequest", 413: "TooLarge", 415: "UnsupportedMediaType", 422: "BadRequest"}


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def error_response(
    status: int,
    error: str,
    cause: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    content: dict[str, Any] = {"error": error, "cause": cause}
    if problems:
        content["problems"] = [{"path": p.path, "problem": p.problem} for p in problems]
    return json_response(content, status, headers)


def header(request: Request, name: bytes) -> str:
    """A header's value, or nothing. ``name`` in lower case, as ASGI has it."""
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


async def read_body(request: Request) -> bytes:
    """The whole body. Raises ``BadBody`` 413 as soon as it is known to be too large."""
    declared = header(request, b"content-length")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadBody(400, "the client went away in the middle of the body")
        chunk = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> BadBody:
    return BadBody(413, f"the body is larger than {MAX_BODY_BYTES} bytes")


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Pydantic's findings with their paths; never the value itself, which may be huge or not even text."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple(
        Problem(path=".".join(map(str, each["loc"])), problem=each["msg"].removeprefix("Value error, "))
        for each in found[:MAX_PROBLEMS]
    )


def is_malformed_json(error: ValidationError) -> bool:
    return any(each["type"] == "json_invalid" for each in error.errors(include_url=False, include_input=False))


class NotAdmin(Exception):
    """Answer 403."""


def check_admin(request: Request, token: SecretStr) -> None:
    """Raises ``NotAdmin`` unless the client bears the token, or is on this machine and no page of somewhere else.

    A browser on this machine sends what any page tells it to. It says so in ``Origin`` and ``Sec-Fetch-Site``; and a
    page whose own name was made to point here (DNS rebinding) is given away by the ``Host`` that it asked for.
    """
    if _bears(request, token):
        return
    host = request.client.host if request.client is not None else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NotAdmin("only from this machine, or with the admin token")
    asked_for = _local_host(request)
    origin = header(request, b"origin")
    foreign = origin not in ("", f"{request.url.scheme}://{asked_for}")
    if foreign or header(request, b"sec-fetch-site") not in ("", "none", "same-origin"):
        raise NotAdmin("without the admin token, not from a page of another site")


def check_host(request: Request, token: SecretStr) -> None:
    """For what anybody may read who reaches it, but no page whose own name was made to point here (DNS rebinding).

    Raises ``NotAdmin`` unless the client bears the token, or asks under a name of this machine.
    """
    if not _bears(request, token):
        _local_host(request)


def _bears(request: Request, token: SecretStr) -> bool:
    secret = token.get_secret_value()
    given = header(request, b"authorization").encode()
    return bool(secret) and hmac.compare_digest(given, f"Bearer {secret}".encode())


def _local_host(request: Request) -> str:
    """The ``Host`` that was asked for. Raises ``NotAdmin``."""
    asked_for = header(request, b"host")
    if not _is_local_name(asked_for):
        raise NotAdmin(f"without the admin token, only under a name of this machine, not {asked_for[:100]!r}")
    return asked_for


def _is_local_name(host: str) -> bool:
    """``host`` as in the header: a name or an address, perhaps with a port."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return name.lower() == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
