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
class FromEnvironment:
    """A value that the server reads from its own environment, so that its configuration holds no secret.

    The server parses what it finds there: a password must begin with a letter and hold only letters and digits.
    """

    name: str


@dataclass(frozen=True)
class Cluster:
    """Several servers that are one broker. Whom to call is told on each server's command line (``--routes``)."""

    name: str
    host: str
    port: int
    user: str
    password: FromEnvironment


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
    server_name: str | FromEnvironment,
    users: Mapping[str, tuple[str | FromEnvironment, Permissions | None]],
    cluster: Cluster | None = None,
) -> str:
    """The text of a configuration file; ``users``: name -> (password, permissions or None for all)."""
    monitoring = [] if monitor_port is None else [f'http: "{host}:{monitor_port}"']
    return "\n".join(
        [
            f"server_name: {_value(server_name)}",
            f"host: {json.dumps(host)}",
            f"port: {port}",
            *monitoring,
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            "jetstream {",
            f"  store_dir: {json.dumps(store_dir)}",
            f"  sync_interval: {SYNC_INTERVAL}",
            "}",
            *([] if cluster is None else _cluster(cluster)),
            "authorization {",
            "  users: [",
            *(_user(name, password, permissions) for name, (password, permissions) in users.items()),
            "  ]",
            "}",
            "",
        ]
    )


def _cluster(cluster: Cluster) -> list[str]:
    return [
        "cluster {",
        f"  name: {json.dumps(cluster.name)}",
        f'  listen: "{cluster.host}:{cluster.port}"',
        "  authorization {",
        f"    user: {json.dumps(cluster.user)}",
        f"    password: {_value(cluster.password)}",
        "  }",
        "}",
    ]


def _value(value: str | FromEnvironment) -> str:
    return f"${value.name}" if isinstance(value, FromEnvironment) else json.dumps(value)


def _user(name: str, password: str | FromEnvironment, permissions: Permissions | None) -> str:
    entry = [f'"user": {json.dumps(name)}', f'"password": {_value(password)}']
    if permissions is not None:
        allowed = {
            "publish": {"allow": list(permissions.publish)},
            "subscribe": {"allow": [f"{inbox_prefix(name)}.>", *permissions.subscribe]},
        }
        entry.append(f'"permissions": {json.dumps(allowed)}')
    return f"    {{{', '.join(entry)}}}"
