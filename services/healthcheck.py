"""``python services/healthcheck.py``: whether the process of this container is ready. For a container's HEALTHCHECK.

Asks ``/readyz`` at LAB_PORT; exit code 0 when ready, 1 with the reason when not. It must import nothing of ours, and of
the standard library as little as can be: it is started every few seconds in every container.
"""

import os
import socket
import sys

ANSWER_WITHIN_S = 8.0
LONGEST = 4096


def reason_not_ready(port: int, path: str) -> str | None:
    """None when ready."""
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            answer = connection.recv(LONGEST)
            while len(answer) < LONGEST and (more := connection.recv(LONGEST)):
                answer += more
    except OSError as error:
        return f"port {port}: {type(error).__name__}: {error}"
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    status = head.partition("\r\n")[0].split(" ")[1:2]
    return None if status == ["200"] else f"{''.join(status) or 'no answer'} {body}"


def main() -> int:
    reason = reason_not_ready(int(os.environ.get("LAB_PORT", "8000")), os.environ.get("LAB_HEALTH_PATH", "/readyz"))
    if reason is not None:
        sys.stderr.write(f"{reason}\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
