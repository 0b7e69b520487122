"""Practices, guards and retry numbers."""

import pytest

from services.guards import Guards, check_guards
from services.practices import PRESETS, Practice, format_practices, parse_practices
from services.retry import ACTION_RETRY, UNDO_RETRY
from services.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hardened", set(Practice)),
        ("naive", set()),
        ("hardened,-outbox", set(Practice) - {Practice.OUTBOX}),
        ("retries, deadlines", {Practice.RETRIES, Practice.DEADLINES}),
        ("retries,-retries", set()),
        ("", set()),
    ],
)
def test_practices_are_parsed(text: str, expected: set[Practice]) -> None:
    assert parse_practices(text) == expected
    assert parse_practices(format_practices(parse_practices(text))) == expected


def test_an_unknown_practice_is_named() -> None:
    with pytest.raises(ValueError, match="'outbocks' is not a practice"):
        parse_practices("hardened,-outbocks")


def test_preset_names_are_kept() -> None:
    assert [format_practices(PRESETS[name]) for name in PRESETS] == list(PRESETS)


def test_retry_waits_grow_and_are_capped() -> None:
    assert [ACTION_RETRY.wait_s(n, 1.0) for n in range(3)] == [3.0, 6.0, 12.0]
    assert ACTION_RETRY.wait_s(0, 0.0) == 0.0
    assert UNDO_RETRY.wait_s(1_000_000, 1.0) == 60.0
    assert [ACTION_RETRY.may_retry(n) for n in range(5)] == [True, True, True, False, False]
    assert UNDO_RETRY.may_retry(10**9)
    assert ACTION_RETRY.scaled(0.1).wait_s(1, 0.5) == pytest.approx(0.3)


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"LAB_{name}", value)
    return Settings()


def test_guards_follow_practices_and_can_be_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Guards.of(settings(monkeypatch)) == Guards()
    assert Guards.of(settings(monkeypatch, PRACTICES="naive")) == Guards(False, False, False, False)
    assert Guards.of(settings(monkeypatch, PRACTICES="hardened,-outbox")) == Guards(outbox=False)
    assert Guards.of(settings(monkeypatch, PRACTICES="hardened", GUARDS_OFF="tombstone,inbox")) == Guards(
        inbox=False, tombstone=False
    )


def test_a_guard_that_does_not_exist_is_named() -> None:
    check_guards(frozenset({"compensation:refund", "retries"}))
    with pytest.raises(ValueError, match="no such guard: tombstones"):
        check_guards(frozenset({"tombstones"}))
