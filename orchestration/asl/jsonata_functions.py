"""The functions that an expression may call: JSONata's own but ``$eval``, and those that AWS adds.

Where the library's could be made to hang, to eat the memory, or to read a clock or chance, another stands here.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson
from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from orchestration.asl.intrinsics import uuid_of
from orchestration.asl.jsonata_bounds import MAX_RANGE, TOO_BIG, Meter, OutOfBounds
from orchestration.asl.regexes import TimedPattern
from orchestration.asl.timestamps import format_timestamp

REGEX_STEPS: Final = 5
REGEX_CHARS_A_STEP: Final = 64
TIMED_REGEX_STEPS: Final = 200
MAX_PICTURE_WIDTH: Final = 10_000
MAX_ROMAN: Final = 1_000_000

Frame: Any = Jsonata.Frame
_HASHES: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_DEEP: Final = frozenset({"string", "clone", "distinct"})
# Arguments of one type only: the library's own check of them is slow.
_FLAT: Final = {name: frozenset({int, float}) for name in ("sum", "max", "min", "average")} | {"join": frozenset({str})}
_GROUP: Final = re.compile(r"\$(\$|\d+)?")


class Native(Jsonata.JFunction):  # type: ignore[misc]  # the library's own class for them takes methods by name only
    """A function of plain arguments, with JSONata's own check of them."""

    def __init__(self, name: str, signature: str, function: Callable[..., Any], arguments: int) -> None:
        super().__init__(None, signature)
        self.function_name = name
        self.signature.set_function_name(name)
        self.run = function
        self.arguments = arguments

    def call(self, input: Any, args: Any) -> Any:
        given = list(args or ())
        given += [None] * (self.arguments - len(given))
        result = self.run(*given[: self.arguments])
        return Utils.convert_number(result) if Utils.is_numeric(result) else result

    def get_number_of_args(self) -> int:
        return self.arguments


class Charged(Jsonata.JFunction):  # type: ignore[misc]
    """One of the library's functions; it pays for what it is given before it looks at it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(None, None)
        self.inner = inner
        self.function_name = inner.function_name
        self.signature = inner.signature

    def validate(self, args: Any, context: Any) -> Any:
        flat = _FLAT.get(self.function_name)
        if flat is not None and len(args) == 1 and type(args[0]) is Utils.JList and flat.issuperset(map(type, args[0])):
            _meter().charge(len(args[0]) // 64)
            return args
        _meter().charge_for(args)
        return self.inner.validate(args, context)

    def call(self, input: Any, args: Any) -> Any:
        if self.function_name in _DEEP:
            _meter().weigh(list(args))
        try:
            return self.inner.call(input, args)
        except JException as error:
            if error.error == "T0410" and error.expected is None:  # a null where a text is wanted
                raise JException("T0410", error.location, 1, self.function_name) from None
            raise

    def get_number_of_args(self) -> int:
        return int(self.inner.get_number_of_args())


class Evaluating(Protocol):
    """The evaluation under way: what it may cost, its instant (epoch seconds), and its source of chance."""

    meter: Meter
    at: float
    draw: Callable[[], str]


def _evaluating() -> Evaluating:
    """The library keeps the expression that this thread evaluates: see ``jsonata``."""
    found: Evaluating = Jsonata.CURRENT.jsonata
    return found


def _meter() -> Meter:
    return _evaluating().meter


# --- the clock and chance ----------------------------------------------------------------------------------------


def _millis() -> int:
    return int(_evaluating().at * 1000)


def _now(picture: Any, timezone: Any) -> Any:
    if picture is None and timezone is None:
        return format_timestamp(_evaluating().at)
    return _from_millis(_millis(), picture, timezone)


def _random(seed: Any) -> float:
    return java_random(int(seed)) if seed is not None else int(_evaluating().draw()[:13], 16) / 2**52


def java_random(seed: int) -> float:
    """The first ``nextDouble`` of java.util.Random: AWS's ``$random(42)`` is 0.7275636800328681."""
    state = (seed ^ 0x5DEECE66D) & (2**48 - 1)
    bits = []
    for width in (26, 27):
        state = (state * 0x5DEECE66D + 0xB) & (2**48 - 1)
        bits.append(state >> (48 - width))
    return float(((bits[0] << 27) + bits[1]) / (1 << 53))


def _uuid() -> str:
    return uuid_of(_evaluating().draw())


def _shuffle(items: Any) -> Any:
    if items is None or len(items) <= 1:
        return items
    key = _evaluating().draw().encode()[:64]
    order = sorted(range(len(items)), key=lambda at: hashlib.blake2b(b"%d" % at, key=key, digest_size=16).digest())
    return [items[at] for at in order]


# --- texts and patterns ------------------------------------------------------------------------------------------


def _narrow(picture: Any) -> Any:
    """Refuses a picture that asks for a width beyond reason."""
    if isinstance(picture, str) and any(int(width) > MAX_PICTURE_WIDTH for width in re.findall(r"[,*-](\d+)", picture)):
        raise JException("D3132", -1, picture[:100])
    return picture


def _pad(text: Any, width: Any, char: Any) -> Any:
    _meter().hold(abs(int(width)) if Utils.is_numeric(width) else 0)
    return Functions.pad(text, width, char)


def _join(texts: Any, separator: Any) -> Any:
    if texts is not None:
        _meter().hold(sum(map(len, texts)) + len(separator or "") * len(texts))
    return Functions.join(texts, separator)


def _from_millis(value: Any, picture: Any, timezone: Any) -> Any:
    return Functions.datetime_from_millis(value, _narrow(picture), timezone)


def _to_millis(text: Any, picture: Any) -> Any:
    try:
        return Functions.datetime_to_millis(text, _narrow(picture))
    except ValueError:
        raise JException("D3110", -1, text) from None


def _format_integer(value: Any, picture: Any) -> Any:
    if value is not None and abs(value) > MAX_ROMAN and picture and picture[0] in "Ii":
        raise JException("D3130", -1, picture)
    return Functions.format_integer(value, _narrow(picture))


def _number(value: Any) -> Any:
    try:
        return Functions.number(value)
    except ValueError:
        raise JException("D3030", -1, value) from None


def _power(base: Any, exponent: Any) -> Any:
    try:
        return Functions.power(base, exponent)
    except ArithmeticError:
        raise JException("D3061", -1, base, exponent) from None


def _pay(pattern: Any, text: str) -> None:
    """Before each use of a regular expression."""
    _meter().charge(len(text) // REGEX_CHARS_A_STEP)
    _meter().charge(TIMED_REGEX_STEPS if isinstance(pattern, TimedPattern) else REGEX_STEPS)


def _limit(limit: Any, code: str) -> int | None:
    if limit is not None and limit < 0:
        raise JException(code, -1)
    return None if limit is None else int(limit)


def _found(pattern: Any, text: str, most: int | None) -> list[Any]:
    """The matches of a pattern, at most so many."""
    _pay(pattern, text)
    meter = _meter()
    matches: list[Any] = []
    for found in pattern.finditer(text):
        if most is not None and len(matches) >= most:
            break
        if found.end() == found.start():
            raise JException("D1004", -1)
        matches.append(found)
        meter.charge(1)
    return matches


def _replace(text: Any, pattern: Any, replacement: Any, limit: Any) -> Any:
    if text is None:
        return None
    if pattern == "":
        raise JException("D3010", -1)
    meter, most = _meter(), _limit(limit, "D3011")
    if isinstance(pattern, str):
        with_text = replacement if isinstance(replacement, str) else ""
        meter.hold(len(text) + text.count(pattern) * len(with_text))
        if isinstance(replacement, str):
            return text.replace(pattern, replacement, -1 if most is None else most)
        pattern = re.compile(re.escape(pattern))
    pieces: list[str] = []
    position = total = 0
    for found in _found(pattern, text, most):
        piece = _replaced(found, replacement)
        pieces += [text[position : found.start()], piece]
        position, total = found.end(), total + len(piece)
        meter.hold(total)
    return "".join([*pieces, text[position:]])


def _replaced(found: Any, replacement: Any) -> str:
    if not isinstance(replacement, str):
        told = Functions.func_apply(replacement, [Functions.to_jsonata_match(found)])
        if not isinstance(told, str):
            raise JException("D3012", -1)
        return told

    def group(reference: re.Match[str]) -> str:
        wanted = reference[1]
        if wanted is None or wanted == "$":
            return "$"
        most = len(found.groups())
        digits = wanted
        while len(digits) > 1 and int(digits) > most:
            digits = digits[:-1]
        text = (found.group(int(digits)) or "") if int(digits) <= most else ""
        return f"{text}{wanted[len(digits) :]}"

    return _GROUP.sub(group, replacement)


def _match(text: Any, pattern: Any, limit: Any) -> Any:
    if text is None:
        return None
    most = _limit(limit, "D3040")
    if not Functions.is_regex(pattern):
        return Functions.match_(text, pattern, limit)
    return Utils.create_sequence_from_iter(
        {"match": found.group(), "index": found.start(), "groups": [group or "" for group in found.groups()]}
        for found in _found(pattern, text, most)
    )


def _split(text: Any, pattern: Any, limit: Any) -> Any:
    if text is None:
        return None
    most = _limit(limit, "D3020")
    if isinstance(pattern, str):
        parts = list(text) if pattern == "" else text.split(pattern)
    else:
        parts, position = [], 0
        for found in _found(pattern, text, None):
            parts.append(text[position : found.start()])
            position = found.end()
        parts.append(text[position:])
    _meter().charge(len(parts) // 32)
    return parts if most is None else parts[:most]


def _contains(text: Any, token: Any) -> Any:
    if text is None:
        return None
    if isinstance(token, str):
        return token in text
    _pay(token, text)
    return token.search(text) is not None


# --- lists -------------------------------------------------------------------------------------------------------


def _distinct(items: Any) -> Any:
    if not isinstance(items, list) or len(items) <= 1:
        return items
    seen: dict[bytes, Any] = {}
    for item in items:
        whole = int(item) if type(item) is float and item.is_integer() else item
        seen.setdefault(orjson.dumps(whole, default=lambda _: None, option=orjson.OPT_SORT_KEYS), item)
    return Utils.create_sequence_from_iter(seen.values()) if isinstance(items, Utils.JList) else list(seen.values())


def _partition(items: Any, size: Any) -> Any:
    if items is None:
        return None
    count = int(size)
    if count <= 0:
        raise JException("the chunk size of $partition must be a positive number", -1)
    return [items[at : at + count] for at in range(0, len(items), count)]


def _range(first: Any, last: Any, step: Any) -> Any:
    start, end, stride = int(first), int(last), int(step)
    if stride == 0:
        raise JException("the step of $range must not be 0", -1)
    numbers = range(start, end + (1 if stride > 0 else -1), stride)
    if abs(end - start) // abs(stride) >= MAX_RANGE:
        raise OutOfBounds(TOO_BIG)
    return Utils.create_sequence_from_iter(numbers)


# --- values ------------------------------------------------------------------------------------------------------


def _hash(data: Any, algorithm: Any) -> Any:
    if data is None:
        return None
    if algorithm not in _HASHES:
        raise JException(f"the algorithm of $hash must be one of {', '.join(_HASHES)}", -1)
    return hashlib.new(_HASHES[algorithm], data.encode(), usedforsecurity=False).hexdigest()


def _parse(text: Any) -> Any:
    if text is None:
        return None
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        raise JException(f"the argument of $parse is not JSON: {problem}", -1) from None
    return Utils.NULL_VALUE if parsed is None else parsed


def _own() -> dict[str, Native]:
    functions: list[tuple[str, str, Callable[..., Any], int]] = [
        ("now", "<s?s?:s>", _now, 2),
        ("millis", "<:n>", _millis, 0),
        ("random", "<n?:n>", _random, 1),
        ("shuffle", "<a:a>", _shuffle, 1),
        ("uuid", "<:s>", _uuid, 0),
        ("pad", "<s-ns?:s>", _pad, 3),
        ("join", "<a<s>s?:s>", _join, 2),
        ("replace", "<s-(sf)(sf)n?:s>", _replace, 4),
        ("match", "<s-f<s:o>n?:a<o>>", _match, 3),
        ("split", "<s-(sf)n?:a<s>>", _split, 3),
        ("contains", "<s-(sf):b>", _contains, 2),
        ("number", "<(nsb)-:n>", _number, 1),
        ("power", "<n-n:n>", _power, 2),
        ("distinct", "<x:x>", _distinct, 1),
        ("fromMillis", "<n-s?s?:s>", _from_millis, 3),
        ("toMillis", "<s-s?:n>", _to_millis, 2),
        ("formatInteger", "<n-s:s>", _format_integer, 2),
        ("partition", "<an:a>", _partition, 2),
        ("range", "<nnn:a>", _range, 3),
        ("hash", "<ss:s>", _hash, 2),
        ("parse", "<s:x>", _parse, 1),
    ]
    return {name: Native(name, signature, function, count) for name, signature, function, count in functions}


def _all() -> Any:
    frame = Frame(None)
    for name, function in {**Jsonata.static_frame.bindings, **_own()}.items():
        if name != "eval":
            frame.bindings[name] = Charged(function)
    return frame


FUNCTIONS: Final = _all()
