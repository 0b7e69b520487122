"""What is only there when it is asked for: the load generator with its page, and a place for the manager's mail."""

import json
import re
import urllib.parse
import urllib.request
from typing import Any

import pytest

from lab.topology import LANES
from tests.compose.deployment import Deployment

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]
LOCUST = "http://127.0.0.1:8089"
ORDERS = 40
WITHIN_S = 120.0


def asked(url: str, **form: str) -> Any:
    body = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, body, timeout=30) as answer:
        return json.load(answer)


def test_the_load_generator_s_workers_order_and_hear_of_the_outcomes(deployment: Deployment) -> None:
    loaded = deployment.told(COMPOSE_PROFILES="choreography,orchestration,load", LAB_LOAD_LANE="orchestration")
    try:
        loaded.up("load", "load-worker")
        loaded.until_healthy("load")
        loaded.until(lambda: len(asked(f"{LOCUST}/stats/requests")["workers"]) >= 1, "a worker has come", WITHIN_S)
        assert asked(f"{LOCUST}/swarm", user_count="4", spawn_rate="4", host="http://orchestration-door:8000")[
            "success"
        ]

        def fulfilled() -> int:
            stats = asked(f"{LOCUST}/stats/requests")["stats"]
            return sum(each["num_requests"] for each in stats if each["name"] == "fulfilled")

        loaded.until(lambda: fulfilled() >= ORDERS, f"{ORDERS} orders fulfilled", WITHIN_S)
        assert asked(f"{LOCUST}/stop", by="a test")["success"]
    finally:
        loaded.must(*loaded.compose, "rm", "--stop", "--force", "load", "load-worker")


def test_the_manager_s_mail_arrives_and_its_links_lead_to_the_console(deployment: Deployment) -> None:
    mailed = deployment.told(COMPOSE_PROFILES="choreography,orchestration,mail", LAB_MAIL_SMTP_HOST="mail")
    try:
        mailed.up("mail", "console")
        mailed.until_healthy("mail", "console")
        assert deployment.lab("order", "--id", "large-one", "--large").returncode == 0
        subjects = [re.compile(rf"Subject: Order large-one .*\({lane}\)") for lane in LANES]
        mailed.until(
            lambda: all(each.search(mailed.logs("mail")) for each in subjects), "a mail of each lane", WITHIN_S
        )
        assert "http://127.0.0.1:7440/decide/" in mailed.logs("mail")
    finally:
        mailed.must(*mailed.compose, "rm", "--stop", "--force", "mail")
        deployment.up("console")
    assert deployment.lab("approve", "large-one").returncode == 0
