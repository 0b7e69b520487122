"""One JSONata expression: compiled once at load, evaluated within bounds, with AWS's words for what goes wrong.

Must not know states, nor where expressions stand in a definition: see ``queries``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import regex
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.utils import Utils

from orchestration.asl.jsonata_bounds import MAX_RANGE, TOO_BIG, TOO_DEEP, Meter, OutOfBounds, Patience
from orchestration.asl.jsonata_functions import FUNCTIONS, Frame
from orchestration.asl.jsonata_messages import described
from orchestration.asl.protocol import Json
from orchestration.asl.regexes import RegexSyntaxError, jsonata_regex

MAX_EXPRESSION_CHARS: Final = 32_768
_WEIGHED: Final = frozenset({"unary", "function", "apply"})  # what makes new objects, and lists of lists
_HOOKS: Final = frozenset({"__evaluate_entry", "__evaluate_exit"})
# Whatever the library lets slip must be an error of the language, not the worker's end.
_SLIPS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    regex.error,
)


class JsonataSyntaxError(Exception):
    """The text is no expression; the message is AWS's, without the code."""


class JsonataFailed(Exception):
    """The evaluation failed. The message begins with a code, if the error has one; ``coded`` tells."""

    def __init__(self, message: str, *, coded: bool) -> None:
        super().__init__(message)
        self.coded = coded


class Undefined(Exception):
    """The evaluation gave nothing."""


class Unwritable(Exception):
    """The evaluation gave a function, which is no JSON."""


@dataclass(frozen=True, slots=True)
class Expression:
    """``text`` is what stands between the ``{%`` and ``%}``."""

    text: str
    tree: Any
    evaluate: Callable[[Mapping[str, Json], float, Callable[[], str], Patience], Json]


def compile_jsonata(text: str) -> Expression:
    """Raises ``JsonataSyntaxError``.

    ``evaluate`` takes the variables by name, the instant (epoch seconds), the source of chance and the patience of
    whoever asks; it raises ``JsonataFailed``, ``Undefined`` and ``Unwritable``.
    """
    if len(text) > MAX_EXPRESSION_CHARS:
        raise JsonataSyntaxError(f"The expression is longer than {MAX_EXPRESSION_CHARS} characters")
    try:
        compiled = _Bounded(text, jsonata_regex)
    except JException as error:
        raise JsonataSyntaxError(described(error)[1]) from None
    except RecursionError:
        raise JsonataSyntaxError("The expression is nested too deeply") from None
    except (*_SLIPS, RegexSyntaxError) as problem:
        raise JsonataSyntaxError(f"The expression cannot be parsed: {problem}") from None
    return Expression(text, compiled.ast, compiled.run)


class _Scope(Frame):  # type: ignore[misc]  # the library's annotations are not for checkers
    """The library's frame, found through without recursion, and without its hooks, which nobody here hangs in."""

    def lookup(self, name: str) -> Any:
        scope: Any = self
        while scope is not None and name not in _HOOKS:
            if name in scope.bindings:
                return scope.bindings[name]
            scope = scope.parent
        return None


class _Bounded(Jsonata):  # type: ignore[misc]
    """The library's evaluator, which pays for each step."""

    meter: Meter
    at: float
    draw: Callable[[], str]

    def run(self, variables: Mapping[str, Json], at: float, draw: Callable[[], str], patience: Patience) -> Json:
        meter = self.meter = Meter(patience.left)
        self.at, self.draw = at, draw
        frame = _Scope(FUNCTIONS)
        for name, value in variables.items():
            frame.bindings[name] = Utils.NULL_VALUE if value is None else value
        self.environment = frame
        Jsonata.CURRENT.jsonata = self  # the library evaluates with the expression made last in this thread
        try:
            found = self.eval(self.ast, None, frame)
            if found is None:
                raise Undefined
            return _written(found, meter)
        except JException as error:
            code, message = described(error)
            raise JsonataFailed(f"{code}: {message}" if code else message, coded=code is not None) from None
        except OutOfBounds as problem:
            raise JsonataFailed(str(problem), coded=False) from None
        except RecursionError:
            raise JsonataFailed(TOO_DEEP, coded=False) from None
        except MemoryError:
            raise JsonataFailed(TOO_BIG, coded=False) from None
        except _SLIPS as problem:
            raise JsonataFailed(f"{type(problem).__name__}: {problem}", coded=False) from None
        finally:
            patience.spent += meter.steps

    def create_frame(self, enclosing_environment: Any = None) -> Any:
        return _Scope(enclosing_environment)

    def _eval(self, expr: Any, input: Any, environment: Any) -> Any:
        meter = self.meter
        meter.enter()
        result = super()._eval(expr, input, environment)
        meter.leave(result)
        if isinstance(result, list | dict) and (expr.type in _WEIGHED or expr.group is not None):
            meter.weigh(result)
        return result

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        if type(lhs) is float and lhs.is_integer():
            lhs = int(lhs)
        if type(rhs) is float and rhs.is_integer():
            rhs = int(rhs)
        if type(lhs) is int and type(rhs) is int and rhs - lhs >= MAX_RANGE:
            raise OutOfBounds(TOO_BIG)
        return super().evaluate_range_expression(lhs, rhs)

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: Any) -> Any:
        if op in ("/", "%") and Utils.is_numeric(lhs) and Utils.is_numeric(rhs):
            if rhs == 0:
                raise JException("D1001", 0, None)
            if op == "%":
                return Utils.convert_number(abs(lhs) % abs(rhs) * (1 if lhs >= 0 else -1))
        return super().evaluate_numeric_expression(lhs, rhs, op)

    def evaluate_equality_expression(self, lhs: Any, rhs: Any, op: Any) -> Any:
        if isinstance(lhs, list | dict):
            self.meter.weigh(lhs)
        return super().evaluate_equality_expression(lhs, rhs, op)

    def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> Any:
        self.meter.weigh(rhs)
        return super().evaluate_includes_expression(lhs, rhs)

    def evaluate_descendants(self, expr: Any, input: Any) -> Any:
        self.meter.weigh(input)
        return super().evaluate_descendants(expr, input)


def _written(found: Any, meter: Meter) -> Json:
    """As JSON values; an undefined member of a list or object cannot be told from null here."""
    if isinstance(found, list | dict):
        meter.weigh(found)
    return _plain(found)


def _plain(value: Any) -> Json:
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, Jsonata.JFunctionCallable | Parser.Symbol) or callable(getattr(value, "finditer", None)):
        raise Unwritable
    raise TypeError(f"an expression gave a {type(value).__name__}")


def with_nulls(value: Json) -> Json:
    """As the library wants its input: null must not look like what is not there. Shares what has none."""
    if value is None:
        return Utils.NULL_VALUE
    if type(value) is dict:
        changed = {key: new for key, inner in value.items() if (new := with_nulls(inner)) is not inner}
        return {**value, **changed} if changed else value
    if type(value) is list:
        members = [with_nulls(inner) for inner in value]
        return members if any(new is not old for new, old in zip(members, value, strict=True)) else value
    return value
