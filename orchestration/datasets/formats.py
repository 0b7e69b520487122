"""The items of one file: JSON, JSON Lines, CSV, and the two kinds of manifest. Lazy: a file may be larger than memory.

Must not know where a file comes from.
"""

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

import ijson
import orjson

from orchestration.datasets.errors import DatasetError

Json = Any
Config = Mapping[str, Json]

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
NOT_ITERABLE: Final = "Attempting to map over non-iterable node."
MAX_LINE_BYTES: Final = 8 * 1024 * 1024
GZIP_MARK: Final = b"\x1f\x8b"


class Member(tuple[str, Json]):
    """An item that is a member of an object: its key and value."""

    __slots__ = ()


def read_items(file: BinaryIO, config: Config) -> Iterator[Json]:
    """The items of a file of type ``config["InputType"]``. Raises ``DatasetError``, also while it is read."""
    kind = config.get("InputType", "JSON")
    reader = _READERS.get(kind)
    if reader is None:
        raise DatasetError(f"The input type {kind} is not supported")
    return reader(_plain(file), config)


def read_csv_rows(file: BinaryIO) -> Iterator[list[str]]:
    """The rows of a manifest, which has no header."""
    return _rows(_plain(file), ",")


def read_document(file: BinaryIO) -> Json:
    """A small JSON file as a whole."""
    try:
        return orjson.loads(file.read(MAX_LINE_BYTES))
    except orjson.JSONDecodeError as problem:
        raise DatasetError(f"The manifest is not valid JSON: {problem}") from problem


def _plain(file: BinaryIO) -> BinaryIO:
    """Unpacked, where it is packed."""
    start = file.read(2)
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if start == GZIP_MARK else file  # type: ignore[return-value]


def _json(file: BinaryIO, config: Config) -> Iterator[Json]:
    prefix = _prefix(str(config.get("ItemsPointer", "")))
    try:
        events = ijson.parse(file, use_float=True)
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
            yield orjson.loads(text)
        except orjson.JSONDecodeError as problem:
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
