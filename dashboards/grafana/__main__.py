"""``python -m dashboards.grafana build [--check]``: the boards as JSON files, or whether the files are current."""

import sys
from pathlib import Path
from typing import Final

from dashboards.grafana.boards import BOARDS
from dashboards.grafana.drawing import draw
from lab.made_files import MadeFiles

FOLDER: Final = Path(__file__).parent / "json"


def _wanted() -> dict[Path, str]:
    return {FOLDER / f"{board.uid}.json": draw(board) for board in BOARDS}


FILES: Final = MadeFiles("dashboards.grafana", _wanted, lambda: FOLDER.glob("*.json"))

if __name__ == "__main__":
    sys.exit(FILES.main())
