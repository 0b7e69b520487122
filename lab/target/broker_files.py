"""``python -m lab.target.broker_files [--check]``: the configuration of the lanes' NATS clusters, made from the code.

One file for all nodes of a lane: what differs, and every password, comes from each server's environment.
"""

import sys
from pathlib import Path
from typing import Final

from broker.server import Cluster, FromEnvironment, server_config
from lab import wirings
from lab.credentials import LAB_USER
from lab.target.compose_secrets import ROUTES_USER, broker_password_name
from lab.topology import LANES

FOLDER: Final = Path("deploy/compose/nats")
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


def stale(folder: Path) -> list[Path]:
    """The files that are not what the code says."""
    paths = {folder / f"{lane}.conf": configuration(lane) for lane in LANES}
    return [path for path, text in paths.items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = stale(FOLDER)
        sys.stderr.writelines(f"{path} is not current: run `make broker-files`\n" for path in found)
        return 1 if found else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for lane in LANES:
        (FOLDER / f"{lane}.conf").write_text(configuration(lane))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
