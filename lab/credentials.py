"""The lab's secrets: made at its first start, kept in one file that only its owner can read."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lab.errors import BadInput

# The lab's own broker user: it makes the streams, and may look at everything.
LAB_USER: Final = "lab"


@dataclass(frozen=True, repr=False)
class Credentials:
    """``broker``: lane -> user -> password."""

    admin_token: str
    approval_secret: str
    broker: Mapping[str, Mapping[str, str]]

    def broker_password(self, lane: str, user: str) -> str:
        return self.broker[lane][user]


def load_or_create(path: Path, users: Mapping[str, Iterable[str]]) -> Credentials:
    """Read the file; make what is missing (``users``: lane -> broker users) and write it back."""
    found = _read(path) if path.exists() else None
    broker = {lane: dict(passwords) for lane, passwords in (found.broker if found else {}).items()}
    for lane, names in users.items():
        lane_users = broker.setdefault(lane, {})
        for user in (LAB_USER, *names):
            lane_users.setdefault(user, secrets.token_urlsafe(24))
    made = Credentials(
        admin_token=found.admin_token if found else secrets.token_urlsafe(24),
        approval_secret=found.approval_secret if found else secrets.token_urlsafe(32),
        broker=broker,
    )
    if made != found:
        _write(path, made)
    return made


def load(path: Path) -> Credentials:
    """Raises ``BadInput`` when there is none, or it cannot be read."""
    return _read(path)


def _read(path: Path) -> Credentials:
    try:
        content = json.loads(path.read_text())
        return Credentials(content["admin_token"], content["approval_secret"], content["broker"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"cannot read the lab's secrets in {path}: {error}") from error


def _write(path: Path, made: Credentials) -> None:
    """Written whole or not at all, and never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file, indent=2)
    fresh.replace(path)
