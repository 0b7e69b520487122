"""Values for the official NATS Helm chart (1.x): three servers, synced before each acknowledgement, least privileges.

The users are those of the embedded lab and of Compose; passwords stay in the Secret and come in as variables.
"""

from typing import Any, Final

from broker.connection import inbox_prefix
from broker.server import MAX_PAYLOAD_BYTES, SYNC_INTERVAL
from deploy.kubernetes.workloads import SECRETS
from lab import wirings
from lab.credentials import LAB_USER
from lab.target.compose_secrets import broker_password_name

SERVERS: Final = 3


def values(lane: str) -> dict[str, Any]:
    users = (LAB_USER, *map(str, wirings.users(lane)))
    return {
        "fullnameOverride": f"{lane}-broker",
        "config": {
            "cluster": {"enabled": True, "replicas": SERVERS},
            "jetstream": {"enabled": True, "fileStore": {"dir": "/data", "pvc": {"size": "20Gi"}}},
            "merge": {
                "max_payload": MAX_PAYLOAD_BYTES,
                "jetstream": {"sync_interval": SYNC_INTERVAL},
                "authorization": {"users": [_user(lane, user) for user in users]},
            },
        },
        "container": {
            "env": {
                **{_variable(user): _from_secret(lane, user) for user in users},
                "GOMEMLIMIT": "850MiB",
            },
            "merge": {
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
            },
        },
        "podTemplate": {
            "merge": {"metadata": {"labels": {"lane": lane, "component": "broker"}}},
            "topologySpreadConstraints": {
                "kubernetes.io/hostname": {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
            },
        },
        "promExporter": {"enabled": True},
        "natsBox": {"enabled": False},
    }


def _user(lane: str, user: str) -> dict[str, Any]:
    """``<< $NAME >>`` is the chart's way to leave a variable to the server."""
    entry: dict[str, Any] = {"user": user, "password": f"<< ${_variable(user)} >>"}
    if user != LAB_USER:
        permissions = wirings.users(lane)[user]
        entry["permissions"] = {
            "publish": {"allow": list(permissions.publish)},
            "subscribe": {"allow": [f"{inbox_prefix(user)}.>", *permissions.subscribe]},
        }
    return entry


def _variable(user: str) -> str:
    return broker_password_name(user)


def _from_secret(lane: str, user: str) -> dict[str, Any]:
    key = f"{lane.upper()}_BROKER_{_variable(user)}"
    return {"valueFrom": {"secretKeyRef": {"name": SECRETS, "key": key}}}
