"""What is made from code is written as it should be, and said to be late when it is not."""

from pathlib import Path

import pytest

from lab.made_files import MadeFiles


def made(folder: Path) -> MadeFiles:
    return MadeFiles(
        "some.module", lambda: {folder / "a.txt": "A", folder / "b.txt": "B"}, lambda: folder.glob("*.txt")
    )


def test_what_was_built_is_current(tmp_path: Path) -> None:
    files = made(tmp_path / "new")
    assert files.main(["build"]) == 0
    assert files.outdated() == []
    assert files.main(["build", "--check"]) == 0


def test_a_check_names_each_file_that_differs_is_missing_or_is_not_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "c.txt").write_text("whose?")
    assert made(tmp_path).main(["build", "--check"]) == 1
    assert capsys.readouterr().err == "not current: a.txt, b.txt, c.txt; run: python -m some.module build\n"
    assert (tmp_path / "a.txt").read_text() == "old"


def test_what_is_not_ours_any_more_goes(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("of an earlier release")
    made(tmp_path).build()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "A", "b.txt": "B"}
