"""AWS's quotas that hold while an execution runs, and the one place where a payload is measured."""

from typing import Final

import orjson

from orchestration.asl.errors import DATA_LIMIT, RUNTIME, StatesError
from orchestration.asl.protocol import Json

PAYLOAD_LIMIT_BYTES: Final = 262_144
HISTORY_LIMIT_EVENTS: Final = 25_000

# Levels of nesting that a payload may have.
MAX_DEPTH: Final = 200

# One advance becomes one message, so a long run of states without a wait is cut into several advances: see
# ``Waiting.TURN``. Both numbers keep such a message well under a megabyte.
TURN_EVENTS: Final = 200
TURN_BYTES: Final = 2 * PAYLOAD_LIMIT_BYTES
TURN_STEPS: Final = 60_000  # of JSONata: about half a second


def size_of(value: Json, what: str) -> int:
    """Bytes of ``value`` as JSON. Raises ``StatesError`` (States.DataLimitExceeded) when it is over the quota."""
    try:
        text = orjson.dumps(value)
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH:  # only then may it be nested that deep
            orjson.dumps(_wrapped(value))
    except orjson.JSONEncodeError as problem:
        raise StatesError(RUNTIME, f"{what} cannot be written as JSON: {problem}") from None
    if len(text) > PAYLOAD_LIMIT_BYTES:
        raise StatesError(DATA_LIMIT, f"{what} with a size exceeding the maximum number of bytes service limit.")
    return len(text)


def _wrapped(value: Json) -> Json:
    """Inside of as many levels as history and checkpoint may put around a payload: what orjson then refuses to write
    (more than 254 levels in all) must be refused here already, as an error of the language.
    """
    for _ in range(254 - MAX_DEPTH):
        value = [value]
    return value
