"""A lane's colour and stroke, the same on every page as in reports and dashboards. Pure."""

from collections.abc import Iterable

from lab.report.lanes import look_of

# In text there is no dash or marker: a shape beside the name takes their place.
MARKS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼"}
SYMBOLS = {"o": "circle", "s": "rect", "^": "triangle", "D": "diamond", "v": "arrow"}


def lane_css(lanes: Iterable[str]) -> str:
    """The lane's mark, in its colour, before its name; the name itself stays ink, which can be read at any size."""
    rules = [".lane-title::before { margin-right: .35em; }", ".lane { border-left: .35rem solid var(--line); }"]
    for lane in lanes:
        look = look_of(lane)
        mark = MARKS.get(look.marker, "●")
        rules.append(f'.lane-title.lane-{lane}::before {{ content: "{mark}"; color: {look.colour}; }}')
        rules.append(f".card.lane-{lane} {{ border-left-color: {look.colour}; }}")
    return "\n".join(rules)


def symbol(lane: str) -> str:
    """How a chart draws one value of the lane."""
    return SYMBOLS.get(look_of(lane).marker, "circle")


def stroke(lane: str) -> dict[str, object]:
    """How a chart draws the lane's line."""
    look = look_of(lane)
    return {"color": look.colour, "width": 2, "type": [each * 2 for each in look.dash] if look.dash else "solid"}
