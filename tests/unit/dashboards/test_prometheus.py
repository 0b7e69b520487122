"""Prometheus's own tool accepts configuration and rules, the rules' own tests hold, and no component is forgotten."""

import subprocess

import pytest
import yaml

from dashboards.prometheus.__main__ import FOLDER, for_embedded
from lab.topology import LANES, LabConfig, name_of
from tests.dashboards_queries import RULES, path_of, rules

PROMTOOL = path_of("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="RULES ARE NOT CHECKED: promtool is not installed (Debian's package prometheus has it)"
)
TESTS = sorted((FOLDER / "tests").glob("*.test.yml"))


def promtool(*arguments: str) -> None:
    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_configuration_and_its_rules_are_accepted() -> None:
    promtool("check", "config", str(FOLDER / "prometheus.yml"))
    promtool("check", "rules", *map(str, RULES))


@needs_promtool
@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.name)
def test_the_rules_tests_hold(file: object) -> None:
    promtool("test", "rules", str(file))


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    fired = {
        case["alertname"]
        for file in TESTS
        for test in yaml.safe_load(file.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
        if case.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_every_alert_says_what_to_look_at_and_how_urgent_it_is() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["description"].endswith((".", "?"))


def test_every_component_of_both_lanes_is_scraped() -> None:
    scraped = {
        name
        for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
        for found in job.get("dns_sd_configs", ())
        for name in found["names"]
    }
    config = LabConfig(traces=True)
    wanted = {
        name_of(lane, "conductor" if part.component.startswith("conductor-") else part.component)
        for lane in LANES
        for part in config.parts(lane)
    }
    assert scraped == wanted | {"auditor", "nats-exporter", "load"}


def test_the_embedded_lab_is_scraped_by_the_same_rules() -> None:
    made = for_embedded(LabConfig(conductors=3), {"auditor": "127.0.0.1:1"})
    lanes, lab = made["scrape_configs"]
    conductors = [each for each in lanes["static_configs"] if each["labels"]["component"] == "conductor"]
    assert len(conductors) == 3
    assert [each["targets"] for each in lab["static_configs"]] == [["127.0.0.1:1"]]
    assert made["global"] == yaml.safe_load((FOLDER / "prometheus.yml").read_text())["global"]
