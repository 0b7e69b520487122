"""The containers' secrets: made once, never changed, never readable by others."""

from pathlib import Path

from lab.target.compose_secrets import fresh, names, parse, write_missing


def test_secrets_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert set(write_missing(path, names())) == set(names())
    before = path.read_text()
    assert write_missing(path, names()) == []
    assert path.read_text() == before


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("LAB_REPLICAS=1\nLAB_ADMIN_TOKEN=mine")
    added = write_missing(path, ["LAB_ADMIN_TOKEN", "OTHER"])
    assert added == ["OTHER"]
    assert parse(path.read_text()) | {"OTHER": ""} == {"LAB_REPLICAS": "1", "LAB_ADMIN_TOKEN": "mine", "OTHER": ""}


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write_missing(path, ["A"])
    assert path.stat().st_mode & 0o077 == 0


def test_a_broker_reads_them_as_text() -> None:
    assert all(each[0].isalpha() and each.isalnum() for each in (fresh() for _ in range(100)))
