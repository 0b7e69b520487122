"""Which span caused what: W3C trace contexts, as they come and go in headers, and the one in force in this task.

Pure but for ``current``, which is to a task what an argument is to a function.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

_W3C: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_X_RAY_ROOT: Final = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})")
_X_RAY_PARENT: Final = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})")
_X_RAY_SAMPLED: Final = re.compile(r"(?:^|;)\s*Sampled=0")
_FORBIDDEN_VERSION: Final = "ff"
NO_TRACE: Final = "0" * 32
NO_SPAN: Final = "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span as others name it. ``span_id`` may be all zeros where only the trace is known."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @property
    def parent_id(self) -> str | None:
        return None if self.span_id == NO_SPAN else self.span_id


def parse_traceparent(text: str) -> TraceContext | None:
    """None: it is none, and the trace begins here, as W3C wants it."""
    found = _W3C.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    if version == _FORBIDDEN_VERSION or trace_id == NO_TRACE or span_id == NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, sampled=bool(int(flags, 16) & 1))


def parse_trace_header(text: str) -> TraceContext | None:
    """A ``traceparent``, or AWS's own ``Root=1-…;Parent=…;Sampled=…``."""
    root = _X_RAY_ROOT.search(text)
    if root is None:
        return parse_traceparent(text)
    parent = _X_RAY_PARENT.search(text)
    span_id = parent[1] if parent is not None else NO_SPAN
    return TraceContext(root[1] + root[2], span_id, sampled=_X_RAY_SAMPLED.search(text) is None)


# What the work of this task was caused by; None: nothing that has a trace.
current: Final[ContextVar[TraceContext | None]] = ContextVar("trace_context", default=None)
