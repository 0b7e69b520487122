"""The checks of lessons 9, 11 and 12: what was killed, what an execution leaves behind, who listens. Pure."""

from typing import Final

from lab.workshop.evidence import SeenLab, SeenLane, SeenOrder, SeenProcess
from lab.workshop.finding import Finding, InLane, first_order, together
from lab.workshop.order_checks import CHOREOGRAPHY, ORCHESTRATION
from services.trail import ENDED

SIGKILL: Final = "SIGKILL"
# Whoever decides the next step of an order that waits for its label: all of these must have been gone.
DECIDERS: Final = {CHOREOGRAPHY: ("shipping",), ORCHESTRATION: ("conductor",)}


def kill_the_conductor(lab: SeenLab) -> Finding:
    """Lesson 9: nobody was there, and the order was not lost."""
    return together(
        [_survived(lane) for lane in lab.both()],
        "in each lane an order that was accepted before its decider was started again, and ended after that with clean"
        " books (orchestration: all conductors killed; choreography: shipping killed)",
        "lab kill orchestration-conductor-1 --stay-down, -2 and choreography-shipping too; lab order; lab restart each",
    )


def _survived(lane: SeenLane) -> InLane:
    killed = [each for each in lane.processes if each.component.startswith(DECIDERS[lane.lane])]
    if not killed or any(each.last_exit != SIGKILL or each.started_s is None for each in killed):
        return InLane(False, f"{lane.lane}: {'; '.join(map(_life, killed)) or 'it is not up'}")
    back_s = min(each.started_s for each in killed if each.started_s is not None)

    def told(order: SeenOrder) -> str | None:
        across = order.accepted_s < back_s < (order.finished_s or 0.0)
        if not across or order.status not in ENDED or order.anomalies or order.count("charge") != 1:
            return None
        ended = f"ended {order.finished_s - back_s:.1f} s after it came back" if order.finished_s else ""
        return f"accepted {back_s - order.accepted_s:.0f} s before anybody was there to go on; {order.status}, {ended}"

    return first_order(lane, told, "orders that were under way while nobody was there")


def _life(process: SeenProcess) -> str:
    if process.started_s is None:
        return f"{process.component} is not up"
    return f"{process.component} was {'killed' if process.last_exit == SIGKILL else 'never killed'}"


def standard_or_express(lab: SeenLab) -> Finding:
    """Lesson 11: of a Standard execution there is a history, of Express ones a count."""
    ended = [each for each in lab.executions if each.status == "SUCCEEDED"]
    kept = f"{ended[0].machine}/{ended[0].name} succeeded, and its history can be read" if ended else "none succeeded"
    prices = ", ".join(f"{kind} {dollars:.7f} dollars" for kind, dollars in sorted(lab.dollars.items()))
    return Finding(
        met=bool(ended) and lab.express_ended > 0,
        looked_for="a Standard execution of a machine of yours that succeeded, and an Express one that was counted",
        seen=(
            f"Standard, besides the orders' own: {kept}",
            f"Express: {lab.express_ended} counted, none of which can be asked about",
            f"AWS would have asked since these processes started: {prices or 'nothing'}",
        ),
        advice="create both machines and start each once, as the lesson says: lab workshop 11",
    )


def when_the_megaphone_wins(lab: SeenLab) -> Finding:
    """Lesson 12: somebody new listens, and nobody was changed for it."""
    lane = lab.lane(CHOREOGRAPHY)
    undisturbed = [
        each
        for each in lane.subscribers
        if each.heard > 0 and all((process.started_s or 0.0) < each.created_s for process in lane.processes)
    ]
    nobody_younger = "no process of the lane was started after it came"
    seen = [f"{each.name} heard {each.heard} events; {nobody_younger}" for each in undisturbed]
    seen = seen or [f"{each.name} heard {each.heard} events" for each in lane.subscribers]
    return Finding(
        met=bool(undisturbed),
        looked_for="a subscriber of yours that heard of shipped orders, no process of the lane being younger",
        seen=(*(seen or ["choreography: nobody listens but the wiring itself"]), *map(_cost, lab.both())),
        advice="lab workshop listen gift-cards (after a fulfilled order: lab order --wait)",
    )


def _cost(lane: SeenLane) -> str:
    """All that its stream holds, spread over its orders."""
    if not lane.placed:
        return f"{lane.lane}: no order yet"
    each = f"{lane.messages / lane.placed:.1f} messages and {lane.stored_bytes / lane.placed / 1000:.1f} kB"
    return f"{lane.lane}: {each} are stored for each of {lane.placed} orders"
