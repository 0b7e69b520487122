"""The stream, the consumers and the users of this lane, as data; ``broker.provision`` and the lab bring them about.

Least privilege: the door stores starts and the answers of persons, a conductor stores histories and timers and takes
work; both may read the stream; neither may delete anything.
"""

from dataclasses import dataclass
from typing import Any, Final

from broker.server import Permissions
from orchestration.runtime import records

CONDUCTOR: Final = "conductor"
READ_MODEL: Final = "read-model"

# How long after a worker's death its executions are taken over. A third of it is the heartbeat of those in progress.
ACK_WAIT_S: Final = 5.0
READ_MODEL_ACK_WAIT_S: Final = 10.0
# Starts and wake messages in the hands of all conductors together.
MAX_IN_FLIGHT: Final = 2000
DUPLICATE_WINDOW_S: Final = 120
_NANOSECONDS: Final = 1_000_000_000

Config = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """As ``broker.provision.provision`` and ``broker.server.server_config`` want it."""

    streams: tuple[Config, ...]
    consumers: tuple[tuple[str, Config], ...]
    users: dict[str, Permissions]


def setup(*, replicas: int = 1, ack_wait_s: float = ACK_WAIT_S) -> Setup:
    """The lane's broker; no practice changes it."""
    return Setup((_stream(replicas),), ((records.STREAM, _conductor(replicas, ack_wait_s)),), _users())


def _stream(replicas: int) -> Config:
    """One stream, so that an append and its timers can be one atomic batch; limits retention, which schedules need."""
    return {
        "name": records.STREAM,
        "subjects": ["exec.>"],
        "storage": "file",
        "retention": "limits",
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_atomic": True,
        "allow_msg_schedules": True,
        "deny_delete": True,
        "deny_purge": True,
        "duplicate_window": DUPLICATE_WINDOW_S * _NANOSECONDS,
    }


def _conductor(replicas: int, ack_wait_s: float) -> Config:
    return {
        "durable_name": CONDUCTOR,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait_s * _NANOSECONDS),
        "max_deliver": -1,
        "max_ack_pending": MAX_IN_FLIGHT,
        "filter_subjects": [f"{records.START}.*", f"{records.WAKE}.>"],
        "num_replicas": replicas,
    }


def read_model_consumer() -> Config:
    """Made by the door whenever it builds its read model: the last record of each subject, then all that follow.

    ``ack_wait`` is how late, in a quiet lane, it notices that records went to a connection that has died.
    """
    return {
        "durable_name": READ_MODEL,
        "deliver_policy": "last_per_subject",
        "ack_policy": "all",
        "ack_wait": int(READ_MODEL_ACK_WAIT_S * _NANOSECONDS),
        "max_ack_pending": 20_000,
        "filter_subjects": [f"{records.START}.*", f"{records.LOG}.*"],
        "inactive_threshold": 3600 * _NANOSECONDS,
    }


def _users() -> dict[str, Permissions]:
    stream = records.STREAM
    read = f"$JS.API.DIRECT.GET.{stream}"
    return {
        "door": Permissions(
            publish=(
                f"{records.START}.*",
                f"{records.WAKE}.*.callback.*",
                f"{records.WAKE}.*.stop",
                read,
                f"$JS.API.CONSUMER.CREATE.{stream}.{READ_MODEL}",
                f"$JS.API.CONSUMER.DELETE.{stream}.{READ_MODEL}",
                *_may_consume(stream, READ_MODEL),
            )
        ),
        CONDUCTOR: Permissions(
            publish=(
                f"{records.LOG}.*",
                f"{records.TIMER}.*.*",
                f"{records.DEAD}.*",
                read,
                *_may_consume(stream, CONDUCTOR),
            )
        ),
    }


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
