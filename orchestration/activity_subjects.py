"""The subjects of the stream ``ACTIVITIES``: one head for each activity's name, and the tasks that await a worker."""

import hashlib
from typing import Final

from orchestration.names import escaped

STREAM: Final = "ACTIVITIES"
HEAD: Final = "activity.head"
TASK: Final = "activity.task"


def head_subject(name: str) -> str:
    return f"{HEAD}.{escaped(name)}"


def tasks_of(name: str) -> str:
    """Of all its tasks."""
    return f"{TASK}.{escaped(name)}.>"


def task_subject(name: str, execution: str, entry: int, attempt: int) -> str:
    return f"{TASK}.{escaped(name)}.{execution}.{entry}-{attempt}"


def consumer_of(name: str) -> str:
    """The durable consumer of its tasks. A name may be longer than a consumer's."""
    return f"a-{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"
