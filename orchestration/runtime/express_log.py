"""An Express execution's history as lines of the log, as its machine's ``loggingConfiguration`` wants them.

The lines are those that AWS writes to CloudWatch: one JSON object for each event, every value but the details a text.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from orchestration.asl.protocol import HistoryEvent

log = logging.getLogger(__name__)

OFF: Final = "OFF"
_PAYLOADS: Final = frozenset({"input", "output", "parameters"})
_FAILURES: Final = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True)
class LogSetting:
    """``level``: ALL, ERROR (what failed), FATAL (executions that failed) or OFF; ``with_data``: payloads too."""

    level: str = OFF
    with_data: bool = False

    @classmethod
    def of(cls, configuration: Any) -> "LogSetting":
        """Of a ``loggingConfiguration`` that was found valid."""
        return cls(configuration.get("level", OFF), bool(configuration.get("includeExecutionData", False)))


def to_log(arn: str, setting: LogSetting) -> Callable[[list[HistoryEvent]], None] | None:
    """Writes events to the log; None where none is wanted."""
    if setting.level == OFF:
        return None

    def write(events: list[HistoryEvent]) -> None:
        for line in lines(arn, events, setting):
            log.info("%s", line)

    return write


def lines(arn: str, events: Iterable[HistoryEvent], setting: LogSetting) -> Iterator[str]:
    for event in events:
        if not _wanted(event.type, setting.level):
            continue
        details = {name: value for name, value in event.details.items() if setting.with_data or name not in _PAYLOADS}
        for name in _PAYLOADS & details.keys():
            details[name] = orjson.dumps(details[name]).decode()
        line = {
            "id": str(event.id),
            "type": event.type,
            "details": details,
            "previous_event_id": str(event.previous),
            "event_timestamp": str(int(event.at * 1000)),
            "execution_arn": arn,
            "redrive_count": "0",
        }
        yield orjson.dumps(line).decode()


def _wanted(kind: str, level: str) -> bool:
    if level == "ALL":
        return True
    failure = kind.endswith(_FAILURES)
    if level == "FATAL":
        return failure and kind.startswith("Execution")
    return failure or kind == "FailStateEntered"
