"""What every process tells of itself."""

import subprocess
import sys
import time

SAID = "from services.metrics import exposition; print(exposition()[0].decode())"
STARTED = "lab_process_started_timestamp_seconds "


def test_a_process_never_says_that_it_began_before_it_did() -> None:
    """By the second of boot, as Prometheus' own client reckons, it may: an order would seem to be younger than it."""
    before = time.time()
    said = subprocess.run([sys.executable, "-c", SAID], capture_output=True, text=True, check=True).stdout
    (line,) = [each for each in said.splitlines() if each.startswith(STARTED)]
    assert before <= float(line.removeprefix(STARTED)) <= time.time()
