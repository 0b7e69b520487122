"""Which lab a command means: ``--target``, or whatever is up. Blocking."""

from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import Final

from lab.control.client import RunningLab, running_lab
from lab.errors import NotUp, Starting
from lab.home import Home

ENV_FILE: Final = ".env"  # beside compose.yaml: the secrets of its containers


class Where(StrEnum):
    EMBEDDED = "embedded"
    COMPOSE = "compose"


# None: the embedded lab of the home, or the containers where there is no such lab.
CHOSEN: Final[ContextVar[Where | None]] = ContextVar("CHOSEN", default=None)


def chosen_lab(home: Path) -> RunningLab:
    """Raises ``NotUp``."""
    where = CHOSEN.get()
    if where is Where.COMPOSE:
        return _containers(home)
    try:
        return running_lab(Home(home))
    except Starting:
        raise
    except NotUp:
        # Only where somebody made the secrets of containers is it worth asking an engine.
        if where is Where.EMBEDDED or not Path(ENV_FILE).exists():
            raise
        found = _containers_if_up(home)
        if found is None:
            raise
        return found


def _containers(home: Path) -> RunningLab:
    from lab.target.running import running_compose  # asks an engine, which the embedded lab's commands need not have

    return running_compose(home)


def _containers_if_up(home: Path) -> RunningLab | None:
    from lab.target.engine import NoEngine

    try:
        return _containers(home)
    except (NotUp, NoEngine):
        return None
