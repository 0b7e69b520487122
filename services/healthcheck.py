"""``python -m services.healthcheck``: whether the process of this container is ready. For a container's HEALTHCHECK.

Asks ``/readyz`` at LAB_PORT; exit code 0 when ready, 1 with the reason when not. It must import nothing of ours, nor
anything that is not in the standard library: it is started every few seconds in every container.
"""

import http.client
import os
import sys
from typing import Final

ANSWER_WITHIN_S: Final = 4.0
OK: Final = 200


def reason_not_ready(port: int, path: str) -> str | None:
    """None when ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"port {port}: {type(error).__name__}: {error}"
    finally:
        connection.close()
    return None if answer.status == OK else f"{answer.status} {text}"


def main() -> int:
    reason = reason_not_ready(int(os.environ.get("LAB_PORT", "8000")), os.environ.get("LAB_HEALTH_PATH", "/readyz"))
    if reason is not None:
        sys.stderr.write(f"{reason}\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
