"""The stream, the consumers and the users of this lane, as data; ``broker.provision`` and the lab bring them about.

Least privilege: the door stores state machines, starts and the answers of persons, a conductor stores histories and
timers and takes work, and starts and stops executions inside others; both may read the streams; neither may delete
anything.
"""

from dataclasses import dataclass
from typing import Any, Final

from broker.server import Permissions
from orchestration import activity_subjects as activities
from orchestration import machine_subjects as machines
from orchestration.runtime import map_run_records, records
from orchestration.tasks import posting

CONDUCTOR: Final = "conductor"
TRACER: Final = "tracer"
READ_MODEL: Final = "read-model"
API_READ_MODEL: Final = "read-model-api"  # of the process that serves the API without the orders

# How long after a worker's death its executions are taken over. A third of it is the heartbeat of those in progress.
ACK_WAIT_S: Final = 5.0
READ_MODEL_ACK_WAIT_S: Final = 10.0
TRACER_ACK_WAIT_S: Final = 30.0
# Starts and wake messages in the hands of all conductors together: far more than the executions that these begin at
# once, or slow ones would keep the news of others from everybody.
MAX_IN_FLIGHT: Final = 20_000
DUPLICATE_WINDOW_S: Final = 120
POSTS_KEPT_S: Final = 14 * 24 * 3600
POSTS_DUPLICATE_WINDOW_S: Final = 300  # a FIFO queue's
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
    return Setup(
        (_stream(replicas), _machines(replicas), _activities(replicas), _posts(replicas)),
        ((records.STREAM, _conductor(replicas, ack_wait_s)),),
        _users(),
    )


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


def _machines(replicas: int) -> Config:
    """Only the newest message of a subject counts: heads are written anew, revisions once."""
    return {
        "name": machines.STREAM,
        "subjects": [f"{machines.HEAD}.*", f"{machines.REVISION}.*.*"],
        "storage": "file",
        "retention": "limits",
        "max_msgs_per_subject": 1,
        "num_replicas": replicas,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
    }


def _activities(replicas: int) -> Config:
    """Tasks leave when they are taken; heads, which no consumer reads, stay."""
    return {
        "name": activities.STREAM,
        "subjects": [f"{activities.HEAD}.*", f"{activities.TASK}.>"],
        "storage": "file",
        "retention": "workqueue",
        "max_msgs_per_subject": 1,
        "num_replicas": replicas,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
    }


def _posts(replicas: int) -> Config:
    """What executions send to queues, topics and event buses: kept for as long as AWS keeps a queue's messages."""
    return {
        "name": posting.STREAM,
        "subjects": [f"{posting.SUBJECT}.>"],
        "storage": "file",
        "retention": "limits",
        "max_age": POSTS_KEPT_S * _NANOSECONDS,
        "num_replicas": replicas,
        "allow_direct": True,
        "duplicate_window": POSTS_DUPLICATE_WINDOW_S * _NANOSECONDS,
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


def read_model_consumer(name: str = READ_MODEL, *, after: int = 0) -> Config:
    """Made whenever its process begins to follow the stream ``after`` a sequence; from 0, each subject's last will do.

    ``ack_wait`` is how late, in a quiet lane, it notices that records went to a connection that has died.
    """
    where: Config = {"deliver_policy": "last_per_subject"}
    if after:
        where = {"deliver_policy": "by_start_sequence", "opt_start_seq": after + 1}
    return {
        "durable_name": name,
        **where,
        "ack_policy": "all",
        "ack_wait": int(READ_MODEL_ACK_WAIT_S * _NANOSECONDS),
        "max_ack_pending": 20_000,
        "filter_subjects": [f"{records.START}.*", f"{records.LOG}.*"],
        "inactive_threshold": 3600 * _NANOSECONDS,
    }


def tracer_consumer() -> Config:
    """Made by the process that makes spans, once; its place outlives the process."""
    return {
        "durable_name": TRACER,
        "deliver_policy": "new",
        # Each by itself: what a killed tracer had in hand comes again after what the next one has told by then.
        "ack_policy": "explicit",
        "ack_wait": int(TRACER_ACK_WAIT_S * _NANOSECONDS),
        "max_ack_pending": 20_000,
        "filter_subjects": [f"{records.LOG}.*"],
    }


def _may_follow(stream: str) -> tuple[str, ...]:
    """What a process needs that keeps a read model."""
    allowed = [f"$JS.API.STREAM.INFO.{stream}"]
    for name in (READ_MODEL, API_READ_MODEL):
        allowed += [f"$JS.API.CONSUMER.CREATE.{stream}.{name}", f"$JS.API.CONSUMER.DELETE.{stream}.{name}"]
        allowed += _may_consume(stream, name)
    return tuple(allowed)


def _users() -> dict[str, Permissions]:
    stream = records.STREAM
    read = _may_read(stream)
    read_machines = _may_read(machines.STREAM)
    read_activities = _may_read(activities.STREAM)
    return {
        "door": Permissions(
            publish=(
                f"{records.START}.*",
                f"{records.WAKE}.*.callback.*",
                f"{records.WAKE}.*.heartbeat.*",
                f"{records.WAKE}.*.started.*",
                f"{records.WAKE}.*.stop",
                f"{records.WAKE}.*.redrive",
                f"{records.WAKE}.*.limits",
                *read,
                f"{machines.HEAD}.*",
                f"{machines.REVISION}.*.*",
                *read_machines,
                f"{activities.HEAD}.*",
                *read_activities,
                f"$JS.API.CONSUMER.CREATE.{activities.STREAM}.*",
                f"$JS.API.CONSUMER.MSG.NEXT.{activities.STREAM}.*",
                f"$JS.ACK.{activities.STREAM}.>",
                *_may_follow(stream),
            )
        ),
        CONDUCTOR: Permissions(
            publish=(
                f"{records.START}.*",
                f"{records.LOG}.*",
                f"{records.TIMER}.*.*",
                f"{records.WAKE}.*.ended.*",
                f"{records.WAKE}.*.stop",
                f"{records.WAKE}.*.begin",
                f"{records.WAKE}.*.redrive",
                f"{map_run_records.LOG}.*",
                f"{map_run_records.INDEX}.*.*",
                f"{records.DEAD}.*",
                *read,
                *read_machines,
                f"{activities.TASK}.>",
                f"{posting.SUBJECT}.>",
                *_may_consume(stream, CONDUCTOR),
            )
        ),
        TRACER: Permissions(
            publish=(*read, f"$JS.API.CONSUMER.CREATE.{stream}.{TRACER}", *_may_consume(stream, TRACER))
        ),
    }


def _may_read(stream: str) -> tuple[str, ...]:
    """Of whoever has it, and of the stream's leader, who alone is never behind."""
    return (f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}")


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
