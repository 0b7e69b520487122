"""The secrets of the containers: made once, kept in ``.env`` beside ``compose.yaml``, which no repository holds.

Pure but for ``write_missing``. Must not start anything.
"""

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from lab import wirings
from lab.credentials import LAB_USER
from lab.errors import BadInput
from lab.topology import LANES, SERVICES

ROUTES_USER: Final = "routes"  # as whom the brokers of a cluster call each other
READ_MODEL: Final = "read_model"
# Databases of a lane, each with its own role; the conductor's read model is the only one that is no ledger.
DATABASES: Final[Mapping[str, tuple[str, ...]]] = {
    "choreography": SERVICES,
    "orchestration": (*SERVICES, READ_MODEL),
}
# No secrets, but what `docker compose up` needs to know: both lanes, without the profiles `load` and `tracing`.
SETTINGS: Final[Mapping[str, str]] = {"COMPOSE_PROFILES": ",".join(LANES)}
HEADING: Final = "# Secrets of this machine's containers, made by `lab secrets`. Never commit them."


def broker_users(lane: str) -> tuple[str, ...]:
    return (LAB_USER, *wirings.users(lane))


def broker_password_name(user: str) -> str:
    """As the broker's own environment calls it: ``deploy/compose/nats/*.conf``."""
    return f"{user.upper().replace('-', '_')}_PASSWORD"


def names() -> tuple[str, ...]:
    """Every secret that ``compose.yaml`` asks for."""
    found = ["LAB_ADMIN_TOKEN", "LAB_APPROVAL_SECRET", "LAB_CONSOLE_PASSWORD"]
    for lane in LANES:
        prefix = lane.upper()
        found += [f"{prefix}_BROKER_{broker_password_name(user)}" for user in (*broker_users(lane), ROUTES_USER)]
        found += [f"{prefix}_DATABASE_{name.upper()}_PASSWORD" for name in ("postgres", *DATABASES[lane])]
    return tuple(found)


def fresh() -> str:
    """A letter first, then letters and digits: a broker reads anything else as something other than a text."""
    return f"s{secrets.token_hex(20)}"


def parse(text: str) -> dict[str, str]:
    """``NAME=value`` lines; anything else is left alone."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def write_missing(path: Path, wanted: Iterable[str]) -> list[str]:
    """Add what is missing, change nothing; the names added. Readable by the owner alone. Raises ``BadInput``."""
    try:
        text = path.read_text() if path.exists() else ""
        missing = [name for name in wanted if not parse(text).get(name)]
        if missing:
            kept = text if not text or text.endswith("\n") else f"{text}\n"
            lines = "".join(f"{name}={SETTINGS.get(name) or fresh()}\n" for name in missing)
            _write(path, f"{kept or HEADING + chr(10)}{lines}")
    except OSError as error:
        raise BadInput(f"cannot keep the secrets in {path}: {error.strerror or error}") from error
    return missing


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
