"""Whether the ports that a lab needs are free, and who holds one that is not."""

import errno
import socket
from collections.abc import Iterable

from lab.errors import BadInput, PortInUse
from lab.processes.observe import listener
from lab.processes.spec import ProcessSpec
from lab.topology import HOST


def require_free(specs: Iterable[ProcessSpec]) -> None:
    """Raises ``PortInUse`` naming the first taken port, its holder where that can be seen, and what to do."""
    for spec in specs:
        for port in spec.ports:
            if not _free(port):
                raise PortInUse(
                    f"port {port} (for {spec.name}) is in use{_holder(port)}; "
                    "stop that, or choose other ports: lab up --port-base N --home OTHER_FOLDER"
                )


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


def _holder(port: int) -> str:
    holder = listener(port)
    return f" by {holder}" if holder is not None else ""
