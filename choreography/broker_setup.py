"""Streams, durable consumers and users of this lane, as data; ``broker.provision`` and the lab bring them about.

Least privilege: a user may publish only the events that its component tells, read only through its own consumers, and
delete nothing. Who tells what comes from the reaction table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from broker.server import Permissions
from choreography.cloud_events import REPLAY
from choreography.events import EventType
from choreography.reactions import TOLD_BY_DOOR, TOLD_BY_WATCH, hears, tells
from services.operations import Service

ORDERS: Final = "ORDERS"
DEAD_LETTERS: Final = "DEAD_LETTERS"
ADVISORIES: Final = "ADVISORIES"
MAX_DELIVERIES_SUBJECT: Final = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{ORDERS}.*"

TRACKER: Final = "tracker"
WATCH: Final = "watch"
TRACER: Final = "tracer"
LAST_RESORT: Final = "last_resort"
# Simple reactions by pattern: durable name -> what it subscribes to.
PATTERNS: Final[dict[str, tuple[str, ...]]] = {
    "notification": (f"orders.*.{EventType.LABEL_PRINTED}", f"orders.*.{EventType.PAYMENT_REFUNDED}"),
    "loyalty": (f"orders.*.{EventType.LABEL_PRINTED}", f"orders.*.{EventType.LABEL_VOIDED}"),
    "analytics": (
        f"orders.*.{EventType.ORDER_PLACED}",
        f"orders.*.{EventType.LABEL_PRINTED}",
        f"orders.*.{EventType.PAYMENT_DECLINED}",
        f"orders.*.{EventType.PAYMENT_REFUNDED}",
    ),
}

# A kill redelivers all that was in flight, and that is no fault of the message: only one that is never finished in so
# many deliveries is taken for poison. A retry of an undo is renewed long before (``listener.RENEW_AT``).
MAX_DELIVER: Final = 50
ACK_WAIT_S: Final = 5.0
MAX_IN_FLIGHT: Final = 1000
TRACER_ACK_WAIT_S: Final = 30.0
DUPLICATE_WINDOW_S: Final = 120
_NANOSECONDS: Final = 1_000_000_000

Config = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """As ``broker.provision.provision`` and ``broker.server.server_config`` want it."""

    streams: tuple[Config, ...]
    consumers: tuple[tuple[str, Config], ...]
    users: dict[str, Permissions]


def setup(*, replicas: int = 1, ack_wait_s: float = ACK_WAIT_S, max_deliver: int = MAX_DELIVER) -> Setup:
    """The lane's broker; no practice changes it."""
    return Setup(_streams(replicas), _consumers(replicas, ack_wait_s, max_deliver), _users())


def _streams(replicas: int) -> tuple[Config, ...]:
    common: Config = {
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "num_replicas": replicas,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
        "duplicate_window": DUPLICATE_WINDOW_S * _NANOSECONDS,
    }
    return (
        {"name": ORDERS, "subjects": ["orders.>"], "allow_atomic": True, **common},
        {"name": DEAD_LETTERS, "subjects": ["dead_letters.>"], **common},
        {"name": ADVISORIES, "subjects": [MAX_DELIVERIES_SUBJECT], **common},
    )


def _consumers(replicas: int, ack_wait_s: float, max_deliver: int) -> tuple[tuple[str, Config], ...]:
    def durable(name: str, filters: Iterable[str], **more: Any) -> Config:
        return {
            "durable_name": name,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": int(ack_wait_s * _NANOSECONDS),
            "max_deliver": -1,
            "max_ack_pending": MAX_IN_FLIGHT,
            "filter_subjects": list(filters),
            "num_replicas": replicas,
            **more,
        }

    def service(name: Service) -> Config:
        heard = [f"orders.*.{type_}" for type_ in hears(name)]
        return durable(name, [*heard, *_replays_for(name)], max_deliver=max_deliver)

    in_order: Config = {"ack_policy": "all", "max_ack_pending": -1}
    return (
        *((ORDERS, service(name)) for name in Service),
        *((ORDERS, durable(name, ["orders.>"], **in_order)) for name in (TRACKER, WATCH)),
        *((ORDERS, durable(name, filters)) for name, filters in PATTERNS.items()),
        (ADVISORIES, durable(LAST_RESORT, [MAX_DELIVERIES_SUBJECT])),
    )


def tracer_consumer() -> Config:
    """Made by the process that makes spans, once; its place outlives the process."""
    return {
        "durable_name": TRACER,
        "deliver_policy": "new",
        # Each by itself: what a killed tracer had in hand comes again after what the next one has told by then.
        "ack_policy": "explicit",
        "ack_wait": int(TRACER_ACK_WAIT_S * _NANOSECONDS),
        "max_ack_pending": MAX_IN_FLIGHT,
        "filter_subjects": ["orders.>"],
    }


def _users() -> dict[str, Permissions]:
    return {
        "door": Permissions(
            publish=(
                *(f"orders.*.{type_}" for type_ in TOLD_BY_DOOR),
                f"orders.*.*.{REPLAY}.*",
                "dead_letters.*.*.*",
                *_may_read(ORDERS, DEAD_LETTERS),
                *_may_consume(ORDERS, TRACKER),
            )
        ),
        **{name: _service_user(name) for name in Service},
        TRACER: Permissions(
            publish=(
                f"$JS.API.CONSUMER.CREATE.{ORDERS}.{TRACER}",
                *_may_read(ORDERS),
                *_may_consume(ORDERS, TRACER),
            )
        ),
        "watch": Permissions(
            publish=(
                *(f"orders.*.{type_}" for type_ in TOLD_BY_WATCH),
                "dead_letters.*.*.*",
                *_may_read(ORDERS, DEAD_LETTERS),
                *_may_consume(ORDERS, WATCH),
                *(subject for name in PATTERNS for subject in _may_consume(ORDERS, name)),
                *_may_consume(ADVISORIES, LAST_RESORT),
            )
        ),
    }


def _service_user(name: Service) -> Permissions:
    return Permissions(
        publish=(
            *(f"orders.*.{type_}" for type_ in tells(name)),
            f"orders.*.{EventType.ATTEMPT_FAILED}",
            *_replays_for(name),
            f"dead_letters.*.{name}.*",
            *_may_consume(ORDERS, name),
        )
    )


def _replays_for(name: Service) -> tuple[str, ...]:
    """What a service renews for itself and hears again: nothing that it could not hear in the first place."""
    return tuple(f"orders.*.{type_}.{REPLAY}.{name}" for type_ in hears(name))


def _may_read(*streams: str) -> tuple[str, ...]:
    """Of whoever has it, and of the stream's leader, who alone is never behind."""
    return tuple(f"$JS.API.{get}.{stream}" for stream in streams for get in ("DIRECT.GET", "STREAM.MSG.GET"))


def _may_consume(stream: str, consumer: str) -> tuple[str, ...]:
    return (
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


_DEFAULT: Final = setup()
STREAMS: Final = _DEFAULT.streams
CONSUMERS: Final = _DEFAULT.consumers
USERS: Final = _DEFAULT.users
