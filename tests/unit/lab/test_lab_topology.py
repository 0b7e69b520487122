"""The lab's processes as data: names, ports, environments, order of starting."""

from pathlib import Path

import pytest

from lab.console.settings import ConsoleSettings
from lab.credentials import Credentials
from lab.errors import BadInput
from lab.processes.spec import ProcessSpec, waves
from lab.topology import LANES, LabConfig, processes
from services.practices import PRESETS
from services.settings import Settings

USERS = ("lab", "door", "payment", "warehouse", "shipping", "watch", "conductor")
CREDENTIALS = Credentials("token", "secret", {lane: {user: f"{lane}-{user}" for user in USERS} for lane in LANES})


def specs(**options: object) -> dict[str, ProcessSpec]:
    config = LabConfig(home=Path("/home/of/lab"), **options)  # type: ignore[arg-type]
    return {spec.name: spec for spec in processes(config, CREDENTIALS, python="python", nats_server="nats-server")}


def test_every_process_of_both_lanes_is_there_under_its_name() -> None:
    assert list(specs()) == [
        "choreography-broker",
        "choreography-door",
        "choreography-payment",
        "choreography-warehouse",
        "choreography-shipping",
        "choreography-watch",
        "orchestration-broker",
        "orchestration-door",
        "orchestration-payment",
        "orchestration-warehouse",
        "orchestration-shipping",
        "orchestration-conductor-1",
        "orchestration-conductor-2",
    ]


def test_no_two_processes_share_a_port_and_all_are_within_forty() -> None:
    ports = [port for spec in specs(conductors=14, port_base=9000).values() for port in spec.ports]
    assert len(ports) == len(set(ports))
    assert min(ports) == 9000
    assert max(ports) < 9040


def test_one_lane_alone() -> None:
    assert {spec.group for spec in specs(lanes=("choreography",)).values()} == {"choreography"}


def test_brokers_start_first_and_stop_last() -> None:
    first, second = waves(specs().values())
    assert "choreography-broker" in first
    assert "orchestration-payment" in first  # knows no broker
    assert "orchestration-conductor-1" in second
    assert "choreography-shipping" in second


def test_a_process_reads_back_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = specs(practices={"choreography": PRESETS["naive"]}, time_scale=0.5, stock_scale=2.0, tracker=False)
    for name, value in told["choreography-shipping"].env.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.lane, settings.component, settings.port) == ("choreography", "shipping", 7405)
    assert settings.practices == frozenset()
    assert (settings.time_scale, settings.stock_scale, settings.tracker) == (0.5, 2.0, False)
    assert settings.broker_url == "nats://127.0.0.1:7400"
    assert settings.broker_password.get_secret_value() == "choreography-shipping"
    assert settings.ledger_url == "sqlite:////home/of/lab/choreography/shipping.db"
    assert settings.service_url("payment") == "http://127.0.0.1:7403"


def test_both_lanes_are_told_the_same_but_for_who_and_where_they_are() -> None:
    """Fair by construction: no number that decides a result differs from lane to lane."""
    by_name = specs(time_scale=0.1, quiet_after_base_s=50.0, call_timeout_base_s=5.0, approval_threshold_cents=100)
    own = {"LAB_LANE", "LAB_PORT", "LAB_BROKER_URL", "LAB_BROKER_USER", "LAB_BROKER_PASSWORD", "LAB_LEDGER_URL"}
    own |= {f"LAB_{service}_URL" for service in ("PAYMENT", "WAREHOUSE", "SHIPPING")}
    told = [{key: value for key, value in by_name[f"{lane}-payment"].env.items() if key not in own} for lane in LANES]
    assert told[0] == told[1]


def test_a_service_of_the_orchestration_knows_no_broker() -> None:
    assert not any("BROKER" in name for name in specs()["orchestration-payment"].env)


def test_a_ledger_url_of_ones_own_is_filled_in() -> None:
    env = specs(ledger_url="postgresql+psycopg://h/{lane}_{service}")["orchestration-warehouse"].env
    assert env["LAB_LEDGER_URL"] == "postgresql+psycopg://h/orchestration_warehouse"


def test_secrets_show_in_no_repr() -> None:
    shown = repr(specs()["orchestration-door"])
    assert "token" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lanes": ("mail",)}, "mail"),
        ({"lanes": ()}, "none given"),
        ({"conductors": 0}, "conductors"),
        ({"conductors": 15}, "conductors"),
        ({"port_base": 80}, "port base"),
        ({"time_scale": 0.0}, "time scale"),
        ({"practices": {"mail": frozenset()}}, "mail"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        specs(**options)


def test_an_unknown_component_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="conductor-2"):
        LabConfig().port("orchestration", "watch")


def test_with_traces_every_process_is_told_where_its_spans_go_and_two_make_those_of_what_is_stored() -> None:
    users = (*USERS, "tracer")
    credentials = Credentials("token", "secret", {lane: {user: f"{lane}-{user}" for user in users} for lane in LANES})
    config = LabConfig(home=Path("/home/of/lab"), traces=True, trace_sample=0.5, conductors=14, port_base=9000)
    found = {spec.name: spec for spec in processes(config, credentials, python="python", nats_server="nats-server")}
    assert {"collector", "choreography-tracer", "orchestration-tracer"} <= found.keys()
    ports = [port for spec in found.values() for port in spec.ports]
    assert len(ports) == len(set(ports))
    told = found["orchestration-payment"].env
    assert (told["LAB_OTLP_ENDPOINT"], told["LAB_TRACE_SAMPLE"]) == ("http://127.0.0.1:9041", "0.5")
    assert "LAB_OTLP_ENDPOINT" not in specs()["orchestration-payment"].env


def test_the_console_is_left_out_unless_it_is_asked_for_and_reads_back_what_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "console" not in specs()
    spec = specs(console=True, port_base=9000)["console"]
    for name, value in spec.env.items():
        monkeypatch.setenv(name, value)
    told = ConsoleSettings()
    assert (spec.group, spec.ports, told.port) == ("lab", (9040,), 9040)
    assert told.lanes["orchestration"]["door"] == "http://127.0.0.1:9022"
    assert told.brokers["choreography"].password.get_secret_value() == "choreography-lab"
    assert told.control == Path("/home/of/lab/control.sock")


def test_a_console_for_the_network_needs_a_password() -> None:
    with pytest.raises(BadInput, match="LAB_PASSWORD"):
        specs(console=True, console_host="0.0.0.0")
    assert (
        specs(console=True, console_host="0.0.0.0", console_password="x")["console"].env["LAB_CONSOLE_PASSWORD"] == "x"
    )


def test_a_console_that_may_only_look_is_not_told_where_processes_are_controlled() -> None:
    assert "LAB_CONSOLE_CONTROL" not in specs(console=True, console_controls=False)["console"].env


def test_other_practices_of_a_lane_concern_its_own_processes_but_for_the_broker() -> None:
    before = specs(console=True)
    after = specs(console=True, practices={"choreography": PRESETS["naive"]})
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "choreography-door",
        "choreography-payment",
        "choreography-warehouse",
        "choreography-shipping",
        "choreography-watch",
        "console",  # what it says of them
    }
