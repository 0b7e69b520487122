from itertools import combinations

from lab.experiment.records import Arm
from lab.report.lanes import LANES, look_of, looks

WHITE, DARK = "#ffffff", "#16181b"


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_lane_is_readable_on_light_and_dark() -> None:
    for lane in (*LANES, "another", "a fourth", "x"):
        assert min(_contrast(look_of(lane).colour, page) for page in (WHITE, DARK)) >= 3, lane


def test_no_lane_stands_out_by_its_lightness() -> None:
    one, other = (_contrast(look.colour, WHITE) for look in LANES.values())
    assert abs(one - other) < 0.5


def test_arms_differ_without_colour() -> None:
    arms = [Arm(f"arm-{index}", lane) for index, lane in enumerate([*LANES, *LANES, "orchestration", "choreography"])]
    for one, other in combinations(looks(arms).values(), 2):
        assert (one.dash, one.marker, one.filled) != (other.dash, other.marker, other.filled)


def test_arms_of_one_lane_keep_its_colour() -> None:
    found = looks([Arm("a", "choreography"), Arm("b", "choreography")])
    assert {look.colour for look in found.values()} == {LANES["choreography"].colour}
