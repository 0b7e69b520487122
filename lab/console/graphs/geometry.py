"""What a drawn graph is made of: boxes of states, frames of groups, and wires between boxes. Plain data, in pixels."""

from dataclasses import dataclass, replace

from orchestration.visibility.graph import Edge


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def moved(self, dx: float, dy: float) -> "Box":
        return replace(self, x=self.x + dx, y=self.y + dy)


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge as a line through ``points``. ``back``: it leads upwards, and goes around the right side."""

    edge: Edge
    points: tuple[Point, ...]
    back: bool = False

    def moved(self, dx: float, dy: float) -> "Wire":
        return replace(self, points=tuple((x + dx, y + dy) for x, y in self.points))


@dataclass(frozen=True, slots=True)
class Picture:
    """``boxes`` by state, ``frames`` by group id; a state with groups has a box around their frames."""

    width: float
    height: float
    boxes: dict[str, Box]
    frames: dict[str, Box]
    wires: tuple[Wire, ...]
