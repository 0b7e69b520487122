"""Trails kept with a run's results: the stories of the orders that its verdict names, for when the lab is long gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.errors import BadInput
from lab.home import Home
from services.trail import OrderTrail

FOLDER: Final = "trails"


@dataclass(frozen=True)
class KeptTrail:
    """``preset``: the practices of the run that it is from."""

    preset: str
    trail: OrderTrail


def keep(folder: Path, preset: str, trails: Mapping[str, Mapping[str, Any] | None]) -> None:
    """Into a results folder: one lane's trails, by order."""
    for order_id, content in trails.items():
        if content is not None:
            trail = OrderTrail.model_validate(content)
            path = folder / preset / FOLDER / trail.lane / f"{order_id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(trail.model_dump_json(), encoding="utf-8")


def kept_trails(home: Home, order_id: str, lane: str | None) -> list[KeptTrail]:
    """Of the latest results in this home; empty where they tell nothing of this order. Raises ``BadInput``."""
    latest = home.path / "results" / "latest"
    return [
        KeptTrail(path.parents[2].name, _read(path))
        for path in sorted(latest.glob(f"*/{FOLDER}/{lane or '*'}/*.json"))
        if path.stem == order_id
    ]


def _read(path: Path) -> OrderTrail:
    try:
        return OrderTrail.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {type(error).__name__}") from None
