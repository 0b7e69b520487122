"""The configuration of a nats-server: JetStream synced before each acknowledgement, one user per component.

Pure: text out. Who starts the server is not this module's matter.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from broker.connection import inbox_prefix

# "always": fsync before the acknowledgement. The server's default (2 minutes) can lose an acknowledged message when
# the power fails. Both lanes use the same; results print it.
SYNC_INTERVAL = "always"
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024  # a checkpoint holds up to 262,144 bytes of payload several times over


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish and subscribe to; its own inbox is added by ``server_config``."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()


def server_config(
    *,
    host: str,
    port: int,
    monitor_port: int | None,
    store_dir: str,
    server_name: str,
    users: Mapping[str, tuple[str, Permissions | None]],
) -> str:
    """The text of a configuration file; ``users``: name -> (password, permissions or None for all)."""
    monitoring = [] if monitor_port is None else [f'http: "{host}:{monitor_port}"']
    return "\n".join(
        [
            f"server_name: {json.dumps(server_name)}",
            f"host: {json.dumps(host)}",
            f"port: {port}",
            *monitoring,
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            "jetstream {",
            f"  store_dir: {json.dumps(store_dir)}",
            f"  sync_interval: {SYNC_INTERVAL}",
            "}",
            "authorization {",
            "  users: [",
            *(_user(name, password, permissions) for name, (password, permissions) in users.items()),
            "  ]",
            "}",
            "",
        ]
    )


def _user(name: str, password: str, permissions: Permissions | None) -> str:
    entry: dict[str, object] = {"user": name, "password": password}
    if permissions is not None:
        entry["permissions"] = {
            "publish": {"allow": list(permissions.publish)},
            "subscribe": {"allow": [f"{inbox_prefix(name)}.>", *permissions.subscribe]},
        }
    return "    " + json.dumps(entry)
