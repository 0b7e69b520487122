"""``python -m dashboards.grafana build [--check]``: the boards as JSON files, or whether the files are current."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dashboards.grafana.boards import BOARDS
from dashboards.grafana.drawing import draw

FOLDER: Final = Path(__file__).parent / "json"


def files() -> dict[Path, str]:
    """What every file of the folder should hold."""
    return {FOLDER / f"{board.uid}.json": draw(board) for board in BOARDS}


def outdated() -> list[str]:
    """Files that differ, are missing, or are not ours."""
    wanted = files()
    found = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    return sorted(path.name for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))


def build() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards.grafana", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is not current")
    if not parser.parse_args(arguments).check:
        build()
        return 0
    if late := outdated():
        print(f"not current: {', '.join(late)}; run: python -m dashboards.grafana build", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
