"""Whether the ports that a lab needs are free, and who holds one that is not."""

import errno
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lab.errors import BadInput, PortInUse
from lab.hints import advised
from lab.home import LOCK_NAME
from lab.processes.observe import Listener, listener
from lab.processes.spec import ProcessSpec
from lab.topology import HOST

OTHER_PORTS: Final = "--port-base N and --home OTHER_FOLDER"


def require_free(specs: Iterable[ProcessSpec], how: str = OTHER_PORTS) -> None:
    """Raises ``PortInUse`` naming the first taken port, its holder where that can be seen, and what to do.

    ``how``: the options by which other ports are chosen.
    """
    for spec in specs:
        for port in spec.ports:
            if not _free(port):
                raise PortInUse(taken(port, spec.name, listener(port), how))


def taken(port: int, wanted_by: str, holder: Listener | None, how: str) -> str:
    """What to say of a port that is not free. A lab keeps its home's lock open, which tells where it runs."""
    start = f"port {port} (for {wanted_by}) is in use"
    if holder is None:
        return f"{start}; stop what holds it, or choose other ports: {how}"
    home = next((Path(file).parent for file in holder.parent_files if Path(file).name == LOCK_NAME), None)
    if home is not None:
        return (
            f"{start}: a lab or demo runs in {home}; stop it: {advised('lab down', home)}; or choose other ports: {how}"
        )
    return f"{start} by {holder}; stop that, or choose other ports: {how}"


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection that lingers from an earlier lab is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise BadInput(f"cannot listen on port {port}: {error.strerror}; choose another --port-base") from error
    return True
