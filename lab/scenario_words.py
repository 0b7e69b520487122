"""A scenario in words, for people: what it asks, what happens when, and whether its faults can be paired. Pure."""

from collections.abc import Iterator

from lab.scenario import LinkFault, MachineryFault, MessageFault, PlannedFault, Scenario
from loadtests.workload import Shape


def pairing(scenario: Scenario) -> str:
    return "paired" if scenario.paired else " and ".join(scenario.lanes) + " only"


def explained(scenario: Scenario) -> list[tuple[str, str]]:
    """(heading, text)."""
    return [
        (scenario.name, scenario.title),
        ("asks", scenario.asks or scenario.title),
        ("speaks to", scenario.criterion),
        ("pairing", _pairing_explained(scenario)),
        ("load", load_in_words(scenario.load)),
        *(("then", line) for line in happenings(scenario)),
        ("rest", f"within {scenario.settle.within_s:g} s after the load, or {scenario.settle.quiet_s:g} s of silence"),
    ]


def _pairing_explained(scenario: Scenario) -> str:
    if not scenario.paired:
        return f"it breaks what only {scenario.lanes[0]} has: nothing to hold it against"
    if scenario.machinery or scenario.links or scenario.messages:
        hit = "the same role, link or work stream is hit at the same moment of the same load"
        return f"paired by time: {hit}; which orders that meets differs"
    return (
        "paired by order: the dice are keyed by order, operation and attempt, so the same orders meet the same faults"
    )


def load_in_words(shape: Shape) -> str:
    peak = shape.peak_rate_per_s or shape.rate_per_s
    rate, usual = f"{peak:g} orders a second", f"{shape.rate_per_s:g} orders a second"
    arrivals = {
        "poisson": f"{usual}, at random moments",
        "constant": f"{usual}, evenly",
        "ramp": f"from {usual} up to {rate}",
        "spike": f"{usual}, and {rate} from {shape.peak_from_s:g} s on for {shape.peak_for_s or 0:g} s",
        "on_off": f"{rate} for {shape.on_s:g} s and {usual} for {shape.off_s:g} s, in turn",
    }[shape.arrivals]
    managers = {"once": "answers", "never": "never answers", "twice": "answers twice"}[shape.manager]
    return f"{arrivals}, for {shape.seconds:g} s; {shape.large_share:.0%} need a manager, who {managers}"


def happenings(scenario: Scenario) -> Iterator[str]:
    for fault in scenario.faults:
        yield _fault(fault)
    for act in scenario.machinery:
        yield _machinery(act)
    for link in scenario.links:
        yield _link(link)
    for message in scenario.messages:
        yield _message(message)


def _when(at_s: float, for_s: float | None) -> str:
    if for_s is None:
        return "all through" if at_s == 0 else f"from {at_s:g} s on"
    return f"from {at_s:g} s on for {for_s:g} s"


def _fault(fault: PlannedFault) -> str:
    where = f"{fault.service} {fault.operation}" if fault.operation else f"{fault.service}"
    words = [f"{where}: {fault.kind}"]
    if fault.point is not None:
        words.append(f"at {fault.point}")
    if fault.refusal is not None:
        words.append(f"({fault.refusal})")
    if fault.delay is not None:
        words.append(f"by {fault.delay.mean_s:g} s on average")
    if fault.probability < 1:
        words.append(f"with probability {fault.probability:g}")
    if fault.attempts is not None:
        words.append(f"in the first {fault.attempts} attempts" if fault.attempts > 1 else "in the first attempt")
    return f"{' '.join(words)}, {_when(fault.at_s, fault.for_s)}"


def _machinery(act: MachineryFault) -> str:
    lasts = f" for {act.for_s:g} s" if act.for_s is not None else ""
    return f"{act.do} the {act.target} at {act.at_s:g} s{lasts}"


def _link(link: LinkFault) -> str:
    how = f" by {link.delay_s:g} s" if link.delay_s is not None else ""
    return f"{link.do} the link between the {link.target} and its broker{how}, {_when(link.at_s, link.for_s)}"


def _message(message: MessageFault) -> str:
    if message.do == "malformed":
        return f"{message.count} malformed messages at {message.at_s:g} s"
    often = f"every {message.every_s:g} s" if len(message.moments()) > 1 else "once"
    return (
        f"messages of the last {message.back_s:g} s are delivered again {often}, {_when(message.at_s, message.for_s)}"
    )
