"""The changes that are kept here: what each asks for, its patches, and what was found out about putting it to work.

Reads ``change.toml`` and the patches beside it. What that says of deployments and orders in flight is held by tests.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.changes.patches import Touched, touched
from lab.errors import BadInput
from lab.topology import LANES

FOLDER: Final = Path(__file__).parent
# What is the same in both wirings; a change that needs no service of its own has none.
SERVICES: Final = "services"
PARTS: Final = (SERVICES, *LANES)


@dataclass(frozen=True)
class Wiring:
    """``must``: who is deployed again lest orders go wrong or false alarms come; ``tells``: who only tells of orders.

    ``broker``: what of its configuration changes. ``ends``: where an order stands at the switch -> how it ends, where
    it does not simply go on.
    """

    must: tuple[str, ...]
    tells: tuple[str, ...]
    broker: str
    schema: str
    in_flight: str
    ends: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    name: str
    title: str
    asks: str
    new_service: str | None
    wirings: Mapping[str, Wiring]

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS if self.new_service is not None else LANES

    def patch_file(self, part: str) -> Path:
        return FOLDER / self.name / f"{part}.patch"

    def files(self, part: str) -> tuple[Touched, ...]:
        return touched(self.patch_file(part).read_text(encoding="utf-8"))


def changes() -> tuple[Change, ...]:
    return tuple(load(path.parent.name) for path in sorted(FOLDER.glob("*/change.toml")))


def load(name: str) -> Change:
    path = FOLDER / name / "change.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.parent.name for each in FOLDER.glob("*/change.toml")))
        raise BadInput(f"there is no change {name!r}; there are: {known}")
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    wirings = {
        lane: Wiring(
            must=tuple(content[lane]["must"]),
            tells=tuple(content[lane]["tells"]),
            broker=content[lane]["broker"],
            schema=content[lane]["schema"],
            in_flight=content[lane]["in_flight"],
            ends=content[lane].get("ends", {}),
        )
        for lane in LANES
    }
    return Change(name, content["title"], content["asks"], content.get("new_service"), wirings)
