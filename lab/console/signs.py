"""How a state looks: a shape, its word and a tone, so that colour is never the only sign. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["good", "busy", "wait", "undo", "bad", "off"]


@dataclass(frozen=True)
class Sign:
    shape: str
    tone: Tone


_BY_TONE: Final[dict[Tone, tuple[str, tuple[str, ...]]]] = {
    "good": ("✓", ("fulfilled", "succeeded", "ready", "clean", "approved", "done", "on")),
    "busy": ("▶", ("in progress", "running", "starting", "retrying", "backoff", "sending")),
    "wait": ("◆", ("waiting for approval", "waiting", "frozen", "pending", "caught")),
    "undo": ("↩", ("rolled back", "undoing", "rejected")),
    "bad": ("✗", ("failed", "parked", "down", "inconsistent", "timed out", "no answer", "broken")),
    "off": ("○", ("stopped", "aborted", "off", "unknown", "none")),
}
SIGNS: Final = {word: Sign(shape, tone) for tone, (shape, words) in _BY_TONE.items() for word in words}
UNKNOWN: Final = Sign("○", "off")


def words_of(state: str) -> str:
    """``ROLLED_BACK`` and ``rolled_back`` are both said ``rolled back``."""
    return state.replace("_", " ").lower()


def sign_of(state: str) -> Sign:
    return SIGNS.get(words_of(state), UNKNOWN)
