"""``python -m lab.target.broker_files build [--check]``: what configures the lanes' NATS clusters, made from the code.

One file for all nodes of a lane: what differs, and every password, comes from each server's environment.
"""

import sys
from pathlib import Path
from typing import Final

from broker.server import Cluster, FromEnvironment, server_config
from lab import wirings
from lab.credentials import LAB_USER
from lab.made_files import MadeFiles
from lab.target.compose_secrets import ROUTES_USER, broker_password_name
from lab.topology import LANES

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "compose" / "nats"
EVERYWHERE: Final = "0.0.0.0"  # inside the container's own network; compose.yaml publishes no port of it
CLIENT_PORT: Final = 4222
MONITOR_PORT: Final = 8222
ROUTE_PORT: Final = 6222
NOTE: Final = "# Made from the lanes' broker_setup.py by `make broker-files`."


def configuration(lane: str) -> str:
    permissions = {LAB_USER: None, **wirings.users(lane)}
    text = server_config(
        host=EVERYWHERE,
        port=CLIENT_PORT,
        monitor_port=MONITOR_PORT,
        store_dir="/data",
        server_name=FromEnvironment("SERVER_NAME"),
        users={user: (FromEnvironment(broker_password_name(user)), allowed) for user, allowed in permissions.items()},
        cluster=Cluster(lane, EVERYWHERE, ROUTE_PORT, ROUTES_USER, FromEnvironment(broker_password_name(ROUTES_USER))),
    )
    return f"{NOTE}\n{text}"


def _wanted() -> dict[Path, str]:
    return {FOLDER / f"{lane}.conf": configuration(lane) for lane in LANES}


FILES: Final = MadeFiles("lab.target.broker_files", _wanted, lambda: FOLDER.glob("*.conf"))

if __name__ == "__main__":
    sys.exit(FILES.main())
