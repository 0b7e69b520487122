"""Where results are kept: ``<home>/results/<time>/``, whole or not there, and ``latest`` pointing to the newest."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


class ResultsFolder:
    """Files are written into ``path``; ``finish`` gives the folder its name and moves ``latest`` to it."""

    def __init__(self, home: Path, now: datetime) -> None:
        self._root = home / "results"
        self._root.mkdir(parents=True, exist_ok=True)
        self._name = now.strftime("%Y%m%d-%H%M%S")
        self.path = Path(tempfile.mkdtemp(prefix=f".{self._name}-", dir=self._root))

    def finish(self) -> Path:
        """Answers with the path through ``latest``."""
        named = self._root / self._name
        number = 1
        while named.exists():
            number += 1
            named = self._root / f"{self._name}-{number}"
        self.path.chmod(0o755)
        self.path.rename(named)
        self.path = named
        fresh = self._root / f".latest-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(named.name)
        fresh.replace(self._root / "latest")
        return self._root / "latest"

    def discard(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def results_folder(home: Path, now: datetime) -> Iterator[ResultsFolder]:
    """A folder that disappears when the body fails before ``finish``."""
    folder = ResultsFolder(home, now)
    finished = False
    try:
        yield folder
        finished = not folder.path.name.startswith(".")
    finally:
        if not finished and folder.path.name.startswith("."):
            folder.discard()
