"""The 18 intrinsic functions: plain functions of values, in one table at the bottom.

Wrong arguments raise ``StatesError`` (States.IntrinsicFailure). Results are bounded: no call can eat the memory.
Must not know how a call is written: see ``expressions``.
"""

import base64
import binascii
import hashlib
import random
import re
from collections.abc import Callable
from typing import Final

import orjson

from orchestration.asl.errors import INTRINSIC, StatesError
from orchestration.asl.protocol import Json

MAX_RANGE: Final = 1000
MAX_CHARS: Final = 10_000  # of the texts given to Base64 and Hash, as AWS has it
INT_LIMIT: Final = 2**31

Draw = Callable[[], str]
Function = Callable[[Draw, list[Json]], Json]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise StatesError(INTRINSIC, problem)


def _number(value: Json, what: str) -> int:
    """An integer; a fraction is rounded, as AWS does."""
    _require(type(value) in (int, float) and abs(value) < INT_LIMIT, f"{what} must be a number of 32 bits")
    number: float = value
    return round(number)


def _text(value: Json, what: str, limit: int | None = None) -> str:
    _require(type(value) is str, f"{what} must be a string")
    _require(limit is None or len(value) <= limit, f"{what} must not be longer than {limit} characters")
    return str(value)


def _list(value: Json) -> list[Json]:
    _require(type(value) is list, "the first argument must be an array")
    return list(value)


def same(one: Json, other: Json) -> bool:
    """Equality of JSON values: true is not 1, but 1 is 1.0."""
    if type(one) is bool or type(other) is bool:
        return one is other
    if type(one) is list and type(other) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict and type(other) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def to_text(value: Json) -> str:
    """As Format and JsonToString write it: a string as it is, all else as compact JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _array(draw: Draw, arguments: list[Json]) -> Json:
    return arguments


def _array_partition(draw: Draw, arguments: list[Json]) -> Json:
    items, size = _list(arguments[0]), _number(arguments[1], "the chunk size")
    _require(size > 0, "the chunk size must be positive")
    return [items[at : at + size] for at in range(0, len(items), size)]


def _array_contains(draw: Draw, arguments: list[Json]) -> Json:
    return any(same(item, arguments[1]) for item in _list(arguments[0]))


def _array_range(draw: Draw, arguments: list[Json]) -> Json:
    first, last, step = (_number(value, "a bound of the range") for value in arguments)
    _require(step != 0, "the step must not be zero")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    _require(len(numbers) <= MAX_RANGE, f"the range must not have more than {MAX_RANGE} elements")
    return list(numbers)


def _array_get_item(draw: Draw, arguments: list[Json]) -> Json:
    items, index = _list(arguments[0]), _number(arguments[1], "the index")
    _require(0 <= index < len(items), f"index {index} is out of bounds")
    return items[index]


def _array_length(draw: Draw, arguments: list[Json]) -> Json:
    return len(_list(arguments[0]))


def _array_unique(draw: Draw, arguments: list[Json]) -> Json:
    seen: dict[bytes, Json] = {}
    for item in _list(arguments[0]):
        whole = int(item) if type(item) is float and item.is_integer() else item
        seen.setdefault(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), item)
    return list(seen.values())


def _base64_encode(draw: Draw, arguments: list[Json]) -> Json:
    return base64.b64encode(_text(arguments[0], "the argument", MAX_CHARS).encode()).decode()


def _base64_decode(draw: Draw, arguments: list[Json]) -> Json:
    try:
        return base64.b64decode(_text(arguments[0], "the argument", MAX_CHARS), validate=True).decode()
    except (binascii.Error, ValueError):
        raise StatesError(INTRINSIC, "the argument is not Base64 of UTF-8 text") from None


_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def _hash(draw: Draw, arguments: list[Json]) -> Json:
    data = to_text(arguments[0])
    _require(len(data) <= MAX_CHARS, f"the data must not be longer than {MAX_CHARS} characters")
    _require(
        type(arguments[1]) is str and arguments[1] in _HASHES, f"the algorithm must be one of {', '.join(_HASHES)}"
    )
    return hashlib.new(_HASHES[arguments[1]], data.encode(), usedforsecurity=False).hexdigest()


def _json_merge(draw: Draw, arguments: list[Json]) -> Json:
    one, other, deep = arguments
    _require(type(one) is dict and type(other) is dict, "the first two arguments must be objects")
    _require(deep is False, "deep merging is not supported: the third argument must be false")
    return {**one, **other}


def _json_to_string(draw: Draw, arguments: list[Json]) -> Json:
    return orjson.dumps(arguments[0]).decode()


def _string_to_json(draw: Draw, arguments: list[Json]) -> Json:
    text = _text(arguments[0], "the argument")
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        raise StatesError(INTRINSIC, "the argument is not JSON text") from None


def _math_random(draw: Draw, arguments: list[Json]) -> Json:
    start, end = _number(arguments[0], "the start"), _number(arguments[1], "the end")
    _require(start < end, "the start must be less than the end")
    seed = str(_number(arguments[2], "the seed")) if len(arguments) > 2 else draw()
    return random.Random(seed).randrange(start, end)  # a seeded generator of its own: the same seed, the same number


def _math_add(draw: Draw, arguments: list[Json]) -> Json:
    total = _number(arguments[0], "the first argument") + _number(arguments[1], "the second argument")
    _require(-INT_LIMIT <= total < INT_LIMIT, "the sum must be a number of 32 bits")
    return total


def _string_split(draw: Draw, arguments: list[Json]) -> Json:
    text, separators = _text(arguments[0], "the text"), _text(arguments[1], "the separators")
    if not separators:
        return [text]
    return [part for part in re.split(f"[{re.escape(separators)}]", text) if part]


def _uuid(draw: Draw, arguments: list[Json]) -> Json:
    return uuid_of(draw())


def uuid_of(digits: str) -> str:
    """A UUID of version 4 from random hexadecimal digits."""
    variant = "89ab"[int(digits[15], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-{variant}{digits[16:19]}-{digits[19:31]}"


_PLACEHOLDER = re.compile(r"\\.|\{\}", re.DOTALL)


def format_text(template: str, values: list[Json]) -> str:
    """``{}`` takes the next value; a backslash makes the next character plain."""
    pending = iter(values)
    missing = object()

    def fill(found: re.Match[str]) -> str:
        if found[0] != "{}":
            return found[0][1]
        value = next(pending, missing)
        _require(value is not missing, "there are more {} in the template than values")
        return to_text(value)

    text = _PLACEHOLDER.sub(fill, template)
    _require(next(pending, missing) is missing, "there are more values than {} in the template")
    return text


def _format(draw: Draw, arguments: list[Json]) -> Json:
    return format_text(_text(arguments[0], "the template"), arguments[1:])


# name: (function, fewest and most arguments)
FUNCTIONS: Final[dict[str, tuple[Function, int, int]]] = {
    "States.Array": (_array, 0, 1000),
    "States.ArrayPartition": (_array_partition, 2, 2),
    "States.ArrayContains": (_array_contains, 2, 2),
    "States.ArrayRange": (_array_range, 3, 3),
    "States.ArrayGetItem": (_array_get_item, 2, 2),
    "States.ArrayLength": (_array_length, 1, 1),
    "States.ArrayUnique": (_array_unique, 1, 1),
    "States.Base64Encode": (_base64_encode, 1, 1),
    "States.Base64Decode": (_base64_decode, 1, 1),
    "States.Hash": (_hash, 2, 2),
    "States.JsonMerge": (_json_merge, 3, 3),
    "States.JsonToString": (_json_to_string, 1, 1),
    "States.StringToJson": (_string_to_json, 1, 1),
    "States.MathRandom": (_math_random, 2, 3),
    "States.MathAdd": (_math_add, 2, 2),
    "States.StringSplit": (_string_split, 2, 2),
    "States.UUID": (_uuid, 0, 0),
    "States.Format": (_format, 1, 1000),
}
