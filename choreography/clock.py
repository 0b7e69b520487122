"""The wall clock in the two forms that messages carry. Only shells call it."""

from datetime import UTC, datetime


def now_text() -> str:
    """RFC 3339, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def epoch_s(text: str) -> float:
    """Epoch seconds of an RFC 3339 instant; the broker writes nanoseconds, of which six digits are kept."""
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(head).replace(tzinfo=UTC).timestamp() + float(f"0.{fraction or 0}")


def text_of(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
