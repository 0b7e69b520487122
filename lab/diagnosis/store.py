"""The collector's spans in SQLite: each once, however often it came. Blocking; used by one thread at a time.

An order's spans are all those of the traces in which any span names the order.
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lab.diagnosis.seen import SeenSpan
from services.spans import ORDER_ID

_COLUMNS: Final = (
    "lane, component, trace_id, span_id, parent_id, name, kind, began_at, ended_at, error, attributes, links, size"
)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spans (
  lane TEXT NOT NULL, component TEXT NOT NULL, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT,
  name TEXT NOT NULL, kind TEXT NOT NULL, began_at REAL NOT NULL, ended_at REAL NOT NULL, error TEXT,
  attributes TEXT NOT NULL, links TEXT NOT NULL, size INTEGER NOT NULL, order_id TEXT, times INTEGER NOT NULL,
  PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spans_order ON spans (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS requests (lane TEXT PRIMARY KEY, requests INTEGER NOT NULL, bytes INTEGER NOT NULL);
"""
_ADD: Final = f"""
INSERT INTO spans ({_COLUMNS}, order_id, times) VALUES ({", ".join("?" * 14)}, 1)
ON CONFLICT (trace_id, span_id) DO UPDATE SET times = times + 1, ended_at = max(ended_at, excluded.ended_at)
"""
_FIGURES: Final = "SELECT lane, count(*), sum(times) FROM spans GROUP BY lane"
_COUNT: Final = """
INSERT INTO requests VALUES (?, 1, ?)
ON CONFLICT (lane) DO UPDATE SET requests = requests + 1, bytes = bytes + excluded.bytes
"""


class SpanStore:
    """Telemetry may be lost with the machine: nothing is synced."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_SCHEMA)

    def add(self, spans: Iterable[SeenSpan], request_bytes: int) -> None:
        rows = [_row(span) for span in spans]
        lane = rows[0][0] if rows else ""
        self._connection.execute("BEGIN")
        self._connection.executemany(_ADD, rows)
        self._connection.execute(_COUNT, (lane, request_bytes))
        self._connection.execute("COMMIT")

    def of_order(self, lane: str, order_id: str) -> list[SeenSpan]:
        """In the order of their beginnings."""
        found = self._connection.execute(
            f"SELECT {_COLUMNS} FROM spans WHERE lane = ? AND trace_id IN "
            "(SELECT trace_id FROM spans WHERE order_id = ? AND lane = ?) ORDER BY began_at, span_id",
            (lane, order_id, lane),
        )
        return [_span(row) for row in found]

    def figures(self) -> dict[str, dict[str, int]]:
        """By lane; ``doubles``: how many times a span came that had come before."""
        spans = {
            lane: {"spans": count, "doubles": times - count}
            for lane, count, times in self._connection.execute(_FIGURES)
        }
        for lane, requests, size in self._connection.execute("SELECT lane, requests, bytes FROM requests"):
            spans.setdefault(lane, {"spans": 0, "doubles": 0}).update(requests=requests, bytes=size)
        return spans

    def close(self) -> None:
        self._connection.close()


def _row(span: SeenSpan) -> tuple[Any, ...]:
    fields = span.as_json()
    order_id = span.attributes.get(ORDER_ID)
    fields |= {"attributes": json.dumps(dict(span.attributes)), "links": json.dumps(span.links)}
    return (*(fields[name] for name in _COLUMNS.split(", ")), None if order_id is None else str(order_id))


def _span(row: tuple[Any, ...]) -> SeenSpan:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return SeenSpan(
        **{**fields, "attributes": json.loads(fields["attributes"]), "links": tuple(json.loads(fields["links"]))}
    )
