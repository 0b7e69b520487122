"""When orders arrive: a rate that changes with time, and the arrivals that it makes. Pure; chance comes in as dice.

Arrivals are made by walking along the integral of the rate: each is a unit of it away from the one before, a unit being
drawn (Poisson) or one (regular). So every shape is exact, and no draw is thrown away.
"""

import random
from collections.abc import Iterator
from itertools import cycle
from math import inf, sqrt
from typing import Literal, NamedTuple

Kind = Literal["poisson", "constant", "ramp", "spike", "on_off"]


class Piece(NamedTuple):
    """For ``seconds`` the rate goes evenly from one value to another."""

    seconds: float
    from_rate: float
    to_rate: float

    @property
    def expected(self) -> float:
        return self.seconds * (self.from_rate + self.to_rate) / 2

    def reached_after(self, units: float) -> float:
        """Seconds from the piece's start until its integral has grown by ``units``, which it must hold."""
        if self.from_rate == self.to_rate:
            return units / self.from_rate
        slope = (self.to_rate - self.from_rate) / self.seconds
        return (sqrt(max(0.0, self.from_rate**2 + 2 * slope * units)) - self.from_rate) / slope


class Profile(NamedTuple):
    """Pieces one after the other; the last one, or all of them in turn (``repeats``), goes on for ever."""

    pieces: tuple[Piece, ...]
    repeats: bool = False

    def endless(self) -> Iterator[Piece]:
        if self.repeats:
            yield from cycle(self.pieces)
        yield from self.pieces
        last = self.pieces[-1].to_rate
        yield Piece(inf, last, last)


def profile_of(
    kind: Kind,
    rate: float,
    peak: float,
    seconds: float,
    *,
    spike: tuple[float, float] = (0.0, 0.0),
    on_off: tuple[float, float] = (1.0, 1.0),
) -> Profile:
    """``spike``: when it begins and how long it lasts; ``on_off``: how long each lasts."""
    match kind:
        case "poisson" | "constant":
            return Profile((Piece(seconds, rate, rate),))
        case "ramp":
            return Profile((Piece(seconds, rate, peak),))
        case "spike":
            begins, lasts = spike
            before = (Piece(begins, rate, rate),) if begins else ()
            return Profile((*before, Piece(lasts, peak, peak), Piece(seconds, rate, rate)))
        case "on_off":
            on, off = on_off
            return Profile((Piece(on, peak, peak), Piece(off, rate, rate)), repeats=True)


def arrivals(dice: random.Random, profile: Profile, *, regular: bool = False) -> Iterator[float]:
    """Seconds after the start, for ever. Draws one number for each arrival, just before it; none where ``regular``."""
    at_s = began_s = 0.0
    pieces = profile.endless()
    piece = next(pieces)
    used = 0.0  # of this piece's units
    while True:
        units = 1.0 if regular else dice.expovariate(1.0)
        while used + units > piece.expected:
            units -= piece.expected - used
            began_s += piece.seconds
            at_s, used = began_s, 0.0
            piece = next(pieces)
        at_s = (
            at_s + units / piece.from_rate
            if piece.from_rate == piece.to_rate
            else began_s + piece.reached_after(used + units)
        )
        used += units
        yield at_s
