"""This process's spans: gathered in memory, exported by a thread of their own, never waited for.

One for a process, as the metrics' registry is, for every module of it records. Not started: recording is a no-op, and
nothing of OTLP is imported; started, that happens in the thread, so that no start waits for it. Where the collector is
away, as many spans are kept as there is room for, the newest of all; what had to go is counted.
"""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from telemetry.ids import sampled
from telemetry.span import Attribute, Span

if TYPE_CHECKING:
    from telemetry.otlp import Otlp

log = logging.getLogger(__name__)

ROOM: Final = 20_000
BATCH: Final = 512
EVERY_S: Final = 0.25
AWAY_S: Final = 1.0
STOP_WITHIN_S: Final = 0.7


class Recorder:
    """``record`` from any thread; ``stop`` sends what is left, if the collector answers in time."""

    def __init__(self, endpoint: str, resource: Mapping[str, Attribute], ratio: float) -> None:
        self.ratio = ratio
        self._endpoint = endpoint
        self._resource = dict(resource)
        self._waiting: deque[Span] = deque()
        self._overflowed = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def record(self, span: Span) -> None:
        if not sampled(span.trace_id, self.ratio):
            return
        self._waiting.append(span)
        if len(self._waiting) > ROOM:
            self._waiting.popleft()
            self._overflowed += 1

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        self._stopping.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        from telemetry import metrics
        from telemetry.otlp import Otlp

        self._exported, self._dropped = metrics.exported_spans, metrics.dropped_spans
        self._bytes = metrics.exported_bytes
        otlp = Otlp(self._endpoint, self._resource)
        away = False
        while not self._stopping.wait(AWAY_S if away else EVERY_S):
            away = not self._send_all(otlp)
        self._send_all(otlp)
        otlp.close()

    def _send_all(self, otlp: "Otlp") -> bool:
        """False: the collector is away; what it did not take waits on."""
        overflowed, self._overflowed = self._overflowed, 0
        self._dropped.inc(overflowed)
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not self._sent(otlp, batch):
                self._waiting.extendleft(reversed(batch))
                return False
        return True

    def _sent(self, otlp: "Otlp", batch: list[Span]) -> bool:
        from telemetry.otlp import Unexported

        try:
            size = otlp.send(batch)
        except Unexported as error:
            log.debug("telemetry: %s", error)
            if error.refused:
                self._dropped.inc(len(batch))
            return error.refused
        self._bytes.inc(size)
        self._exported.inc(len(batch))
        return True


_recorder: Recorder | None = None


def start(endpoint: str, resource: Mapping[str, Attribute], ratio: float = 1.0) -> None:
    """From now on this process's spans are exported, the last ones when it ends."""
    global _recorder
    _recorder = Recorder(endpoint, resource, ratio)
    atexit.register(stop)


def stop() -> None:
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.stop()


def recording() -> bool:
    return _recorder is not None


def samples(trace_id: str) -> bool:
    """Whether spans of this trace are recorded here."""
    return _recorder is not None and sampled(trace_id, _recorder.ratio)


def record(span: Span) -> None:
    if _recorder is not None:
        _recorder.record(span)
