"""``python -m lab.target.streams``: make a lane's streams and consumers on its broker, then end. Safe to repeat.

For a container that runs once before the lane's own processes start. LAB_BROKER_REPLICAS says on how many servers each
message is stored; a cluster that is still finding its leader is asked again.
"""

import asyncio
import logging
import os
import sys
import time
from typing import Final

from nats.errors import AuthorizationError

from broker.connection import close, connect
from broker.errors import BrokerError, NotStored
from broker.provision import provision
from lab import wirings
from services.serve import set_up_logging
from services.settings import Settings

log = logging.getLogger(__name__)

WITHIN_S: Final = 90.0
AGAIN_AFTER_S: Final = 0.5


async def provide(settings: Settings, replicas: int) -> None:
    """Raises ``BrokerError``, ``TimeoutError`` or ``AuthorizationError``."""
    client = await connect(
        settings.broker_url,
        user=settings.broker_user,
        password=settings.broker_password.get_secret_value(),
        name="streams",
        give_up_after_s=WITHIN_S,
    )
    deadline = time.monotonic() + WITHIN_S
    streams, consumers = wirings.streams_and_consumers(settings.lane, replicas=replicas)
    try:
        while True:
            try:
                await provision(client, streams, consumers)
                return
            except NotStored as error:
                if time.monotonic() > deadline:
                    raise
                log.info("not yet: %s", error)
                await asyncio.sleep(AGAIN_AFTER_S)
    finally:
        await close(client)


def main() -> int:
    settings = Settings()
    set_up_logging("streams")
    replicas = int(os.environ.get("LAB_BROKER_REPLICAS", "1"))
    try:
        asyncio.run(provide(settings, replicas))
    except (BrokerError, TimeoutError) as error:
        log.error("the streams of lane %s could not be made: %s", settings.lane, error)
        return 1
    except AuthorizationError:
        log.error("the broker of lane %s does not know user %s with this password", settings.lane, settings.broker_user)
        return 1
    log.info("the streams of lane %s are there, each on %d servers", settings.lane, replicas)
    return 0


if __name__ == "__main__":
    sys.exit(main())
