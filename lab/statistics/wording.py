"""Verdicts and figures in words. A sentence is made from the figures alone, and takes no side. Pure."""

import math
from dataclasses import replace

from lab.experiment.measures import Measure
from lab.statistics.paired import Interval
from lab.statistics.verdict import Verdict


def sentence(verdict: Verdict) -> str:
    """What the figures of one measure allow to be said of two arms."""
    match verdict.status:
        case "not measured":
            return f"not measured in both {verdict.first} and {verdict.second}."
        case "not compared":
            return f"not compared: it tells of the instrument. {_typicals(verdict)}"
        case "kept apart":
            return f"kept apart: the scenario's faults fall on one lane only. {_typicals(verdict)}"
        case "different":
            return _finding(verdict) + _left_out(verdict)
        case "cannot show":
            return _too_few(verdict) + _left_out(verdict)
        case "no detectable difference":
            return _nothing(verdict) + _left_out(verdict)


def _finding(verdict: Verdict) -> str:
    if verdict.better == verdict.second:
        return f"{verdict.second}: {_against(verdict)}."
    return f"{verdict.first}: {_against(_turned(verdict))}."


def _turned(verdict: Verdict) -> Verdict:
    """The same, told of the first arm against the second."""
    return replace(
        verdict,
        first=verdict.second,
        second=verdict.first,
        estimate=_opposite(verdict, verdict.estimate),
        interval=verdict.interval
        and Interval(_opposite(verdict, verdict.interval.high), _opposite(verdict, verdict.interval.low)),
    )


def _opposite(verdict: Verdict, value: float | None) -> float:
    if value is None:
        return math.nan
    if verdict.compare == "difference":
        return -value
    return 1 / value if value else math.inf


def _against(verdict: Verdict) -> str:
    """As in: 12 % lower than orchestration (95 % interval: 15 % lower to 8 % lower)."""
    return f"{change(verdict, verdict.estimate)} than {verdict.first} (95 % interval: {_range(verdict)})"


def _range(verdict: Verdict) -> str:
    if verdict.interval is None:
        return "–"
    return f"{change(verdict, verdict.interval.low)} to {change(verdict, verdict.interval.high)}"


def change(verdict: Verdict, estimate: float | None) -> str:
    """A ratio as "12 % lower", from threefold on as "3.1-fold higher"; a difference in its unit."""
    if estimate is None or math.isnan(estimate):
        return "–"
    if verdict.compare == "difference":
        word = "higher" if estimate >= 0 else "lower"
        return f"{_apart(abs(estimate), verdict.measure)} {word}" if math.isfinite(estimate) else f"unboundedly {word}"
    if estimate in (0.0, math.inf):
        return f"unboundedly {'higher' if estimate else 'lower'}"
    if estimate >= 3:
        return f"{number(estimate)}-fold higher"
    if estimate <= 1 / 3:
        return f"{number(1 / estimate)}-fold lower"
    return f"{number(100 * abs(estimate - 1))} % {'higher' if estimate >= 1 else 'lower'}"


def _apart(value: float, measure: Measure) -> str:
    """A difference of shares is in percentage points, not in per cent."""
    return f"{number(100 * value)} percentage points" if measure.unit == "share" else quantity(value, measure)


def _too_few(verdict: Verdict) -> str:
    blocks = verdict.blocks
    return (
        f"no verdict: {blocks} {'block' if blocks == 1 else 'blocks'} cannot show a difference here; it takes at least"
        f" {verdict.blocks_needed}. {_typicals(verdict)}"
    )


def _nothing(verdict: Verdict) -> str:
    effect = verdict.effect
    if effect is not None and not effect.higher_in and not effect.lower_in:
        return (
            f"no detectable difference: the same in all {verdict.blocks} blocks. {_typicals(verdict)}{_bounds(verdict)}"
        )
    if effect is not None and verdict.interval is not None and not verdict.interval.bounded:
        differ = effect.higher_in + effect.lower_in
        return (
            f"no detectable difference: they differ in only {differ} of {verdict.blocks} blocks. {_typicals(verdict)}"
        )
    return (
        f"no detectable difference: {verdict.second} may be {_range(verdict)} than {verdict.first} (95 % interval;"
        f" estimate: {change(verdict, verdict.estimate)}).{_only_alone(verdict)}"
    )


def _only_alone(verdict: Verdict) -> str:
    """Among many comparisons some intervals leave out "no difference" by chance alone: said, and not a finding."""
    if verdict.interval is None or verdict.interval.contains(verdict.neutral):
        return ""
    return " This interval alone leaves out no difference; corrected for the number of comparisons it does not."


def _bounds(verdict: Verdict) -> str:
    """Zero of n is an upper bound, not nothing."""
    rare = [each for each in (verdict.first_rare, verdict.second_rare) if each is not None]
    if len(rare) < 2 or any(each.orders.cases for each in rare):
        return ""
    fewest, trials = min(each.orders.of for each in rare), min(each.trials.of for each in rare)
    orders, of_trials = max(each.orders.high for each in rare), max(each.trials.high for each in rare)
    return (
        f" None of {fewest:,} orders in either: with 95 % confidence fewer than {number(100 * orders)} % of orders"
        f" (if orders were independent), and fewer than {number(100 * of_trials)} % of trials ({trials} seen) have any."
    )


def _typicals(verdict: Verdict) -> str:
    return (
        f"{verdict.first} {quantity(verdict.first_typical, verdict.measure)},"
        f" {verdict.second} {quantity(verdict.second_typical, verdict.measure)}."
    )


def _left_out(verdict: Verdict) -> str:
    without = verdict.blocks_without
    if not without:
        return ""
    return f" {without} {'block has' if without == 1 else 'blocks have'} no figure in one of them and cannot count."


def quantity(value: float | None, measure: Measure) -> str:
    """A figure with its unit; a share in per cent."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "without bound"
    if measure.unit == "share":
        return f"{number(100 * value)} %"
    if measure.unit == "s" and abs(value) < 1:
        return f"{number(1000 * value)} ms"
    return f"{number(value)} {measure.unit}"


def estimate_text(verdict: Verdict, value: float | None) -> str:
    """For a table: "×1.12", "+0.3 s", or "−2 pp" (percentage points)."""
    if value is None:
        return "–"
    if verdict.compare == "ratio":
        return "×∞" if math.isinf(value) else f"×{value:.3g}"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    apart = (
        f"{number(100 * abs(value))} pp" if verdict.measure.unit == "share" else quantity(abs(value), verdict.measure)
    )
    return f"{sign}{apart}"


def interval_text(verdict: Verdict, interval: Interval | None) -> str:
    if interval is None:
        return "–"
    low, high = estimate_text(verdict, interval.low), estimate_text(verdict, interval.high)
    same_unit = low.partition(" ")[2] == high.partition(" ")[2]
    return f"{low.partition(' ')[0] if same_unit else low} … {high}"


def number(value: float) -> str:
    """Three figures that count, thousands apart."""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
