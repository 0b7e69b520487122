"""What an execution's first advance is given: the same for whoever makes it, so that it is true before it is stored."""

import hashlib

from orchestration.asl.protocol import Now
from orchestration.rfc3339 import epoch_s


def first_now(execution: str, began_at: str) -> Now:
    """The instant when the start became durable, and a number drawn from the execution's name."""
    digest = hashlib.blake2b(execution.encode(), digest_size=6).digest()
    return Now(epoch_s(began_at), int.from_bytes(digest) / 2**48)
