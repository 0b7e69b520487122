"""Create or update streams and durable consumers, by the server's own JSON API: idempotent, safe to repeat."""

from collections.abc import Mapping, Sequence
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client

from broker.errors import NotStored, Rejected

TIMEOUT_S = 5.0
STREAM_NOT_FOUND = 10059
# A cluster that is still coming together: no leader yet, or too few servers for the replicas that are asked for.
NOT_YET = frozenset({10005, 10008, 10009, 10023})

Config = Mapping[str, Any]


async def provision(client: Client, streams: Sequence[Config], consumers: Sequence[tuple[str, Config]]) -> None:
    """Make every stream, and every durable consumer as (stream, config), as configured.

    Raises ``Rejected`` with the server's reason, or ``NotStored`` when the broker is out of reach or not ready yet.
    """
    for stream in streams:
        await _stream(client, stream)
    for stream_name, consumer in consumers:
        request = {"stream_name": stream_name, "config": consumer}
        await _call(client, f"CONSUMER.CREATE.{stream_name}.{consumer['durable_name']}", request)


async def _stream(client: Client, config: Config) -> None:
    name = config["name"]
    found = await _call(client, f"STREAM.INFO.{name}", {}, absent=STREAM_NOT_FOUND)
    verb = "CREATE" if found is None else "UPDATE"
    await _call(client, f"STREAM.{verb}.{name}", config)


async def _call(client: Client, what: str, body: Config, absent: int | None = None) -> dict[str, Any] | None:
    try:
        message = await client.request(f"$JS.API.{what}", orjson.dumps(body), timeout=TIMEOUT_S)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"{what}: {type(error).__name__}: {error}") from error
    answer: dict[str, Any] = orjson.loads(message.data)
    error_ = answer.get("error")
    if error_ is None:
        return answer
    if absent is not None and error_.get("err_code") == absent:
        return None
    text = f"{what}: {error_.get('description')} ({error_.get('err_code')})"
    if error_.get("code") == 503 or error_.get("err_code") in NOT_YET:
        raise NotStored(text)
    raise Rejected(text)
