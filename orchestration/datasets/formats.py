"""The items of one file: JSON, JSON Lines, CSV, and the two kinds of manifest. Lazy: a file may be larger than memory.

Must not know where a file comes from.
"""

import csv
import gzip
import io
import itertools
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final, TypeVar, cast

import ijson
import orjson

from orchestration.asl.limits import MAX_DEPTH
from orchestration.datasets.errors import DatasetError, StoreUnreachable

Json = Any
Config = Mapping[str, Json]
T = TypeVar("T")

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
NOT_ITERABLE: Final = "Attempting to map over non-iterable node."
MAX_LINE_BYTES: Final = 8 * 1024 * 1024
# Of nothing but brackets the parser makes a name each, as long as the place is deep: few at once.
PARSED_AT_ONCE_BYTES: Final = 4096
GZIP_MARK: Final = b"\x1f\x8b"
TOO_DEEP: Final = f"An item is nested more than {MAX_DEPTH} levels deep"
_OPENING: Final = frozenset({"start_map", "start_array"})
_CLOSING: Final = frozenset({"end_map", "end_array"})


class Member(tuple[str, Json]):
    """An item that is a member of an object: its key and value."""

    __slots__ = ()


def read_items(file: BinaryIO, config: Config) -> Iterator[Json]:
    """The items of a file of type ``config["InputType"]``. Raises ``DatasetError`` and ``StoreUnreachable``, also while
    it is read.
    """
    kind = config.get("InputType", "JSON")
    reader = _READERS.get(kind)
    if reader is None:
        raise DatasetError(f"The input type {kind} is not supported")
    return _readable(lambda: reader(_plain(file), config))


def read_csv_rows(file: BinaryIO) -> Iterator[list[str]]:
    """The rows of a manifest, which has no header."""
    return _readable(lambda: _rows(_plain(file), ","))


def read_document(file: BinaryIO) -> Json:
    """A small JSON file as a whole."""
    try:
        return orjson.loads(file.read(MAX_LINE_BYTES))
    except orjson.JSONDecodeError as problem:
        raise DatasetError(f"The manifest is not valid JSON: {problem}") from problem


def _readable(read: Callable[[], Iterator[T]]) -> Iterator[T]:
    try:
        yield from read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DatasetError(f"The file is not a whole gzip file: {problem}") from problem
    except OSError as problem:
        raise StoreUnreachable(f"The file cannot be read now: {problem}") from problem


def _plain(file: BinaryIO) -> BinaryIO:
    """Unpacked, where it is packed."""
    start = file.read(2)
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if start == GZIP_MARK else file


def _json(file: BinaryIO, config: Config) -> Iterator[Json]:
    prefix = _prefix(str(config.get("ItemsPointer", "")))
    around = 1 + (prefix.count(".") + 1 if prefix else 0)
    try:
        events = _events(file, MAX_DEPTH + around)
        found = next((event for event in events if event[0] == prefix and event[1] != "map_key"), None)
        if found is None:
            raise DatasetError(f"The ItemsPointer '{config.get('ItemsPointer')}' points to nothing in the file")
        rest = itertools.chain([found], events)
        if found[1] == "start_array":
            yield from ijson.items(rest, f"{prefix}.item" if prefix else "item")
        elif found[1] == "start_map":
            yield from map(Member, ijson.kvitems(rest, prefix))
        else:
            raise DatasetError(NOT_ITERABLE)
    except ijson.JSONError as problem:
        raise DatasetError(f"The file is not valid JSON: {problem}") from problem


def _events(content: BinaryIO | bytes, most: int) -> Iterator[tuple[str, str, Any]]:
    """What is nested deeper than ``most`` levels is refused before it is built."""
    depth = 0
    for event in ijson.parse(content, use_float=True, buf_size=PARSED_AT_ONCE_BYTES):
        kind = event[1]
        if kind in _OPENING:
            depth += 1
            if depth > most:
                raise DatasetError(TOO_DEEP)
        elif kind in _CLOSING:
            depth -= 1
        yield event


def _prefix(pointer: str) -> str:
    """A JSON pointer in the words of the parser, which joins names by dots."""
    names = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
    if any("." in name for name in names):
        raise DatasetError(f"The ItemsPointer '{pointer}' holds a name with a dot, which is not supported")
    return ".".join(names)


def _json_lines(file: BinaryIO, config: Config) -> Iterator[Json]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if not (text := line.strip()):
            continue
        try:
            if text.count(b"[") + text.count(b"{") > MAX_DEPTH:  # only then may it be nested that deep
                deque(_events(text, MAX_DEPTH), maxlen=0)
            yield orjson.loads(text)
        except (ijson.JSONError, orjson.JSONDecodeError) as problem:
            raise DatasetError(f"Line {number} is not valid JSON: {problem}") from problem


def _csv(file: BinaryIO, config: Config) -> Iterator[dict[str, str]]:
    rows = _rows(file, DELIMITERS.get(config.get("CSVDelimiter", "COMMA"), ","))
    headers: list[str] | None = list(config.get("CSVHeaders", ()))
    if config.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
        headers = next(rows, None)
        if headers is None:
            raise DatasetError("The CSV file has no header")
    names = headers or []
    for row in rows:
        yield dict(itertools.zip_longest(names, row[: len(names)], fillvalue=""))


def _rows(file: BinaryIO, delimiter: str) -> Iterator[list[str]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from (row for row in csv.reader(text, delimiter=delimiter) if row)
    except (csv.Error, UnicodeDecodeError) as problem:
        raise DatasetError(f"The file is not valid CSV: {problem}") from problem
    finally:
        text.detach()  # the file is its opener's to close


_READERS: Final[dict[str, Callable[[BinaryIO, Config], Iterator[Json]]]] = {
    "JSON": _json,
    "JSONL": _json_lines,
    "CSV": _csv,
}
