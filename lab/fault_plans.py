"""A service's fault plan, asked for and replaced over its HTTP face, wherever the service runs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from lab.errors import BadInput, OutOfReach

REQUEST_TIMEOUT_S: Final = 10.0


async def ask(
    session: aiohttp.ClientSession, method: str, service_url: str, token: str, plan: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The service's answer. Raises ``BadInput``, or ``OutOfReach`` where it may be asked again: nobody answers, or its
    ledger is away.
    """
    url = f"{service_url}/faults"
    headers, timeout = {"Authorization": f"Bearer {token}"}, aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    try:
        async with session.request(method, url, json=plan, headers=headers, timeout=timeout) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise OutOfReach(f"{method} {url}: {type(error).__name__}: {error}") from error
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise OutOfReach(f"{method} {url}: {body}")
    if answer.status != HTTPStatus.OK:
        raise BadInput(f"{method} {url}: {answer.status} {body}")
    return body
