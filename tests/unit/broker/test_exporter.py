"""From a server's own pages to metrics: which figures, which labels, and who leads."""

from typing import Any

from broker.exporter import Monitoring, metrics_of

VARZ = {"server_name": "nats-1", "connections": 7, "cpu": 12, "jetstream": {"stats": {"api": {"errors": 3}}}}


def jsz(leader: str) -> dict[str, Any]:
    consumer = {
        "name": "payment",
        "cluster": {"leader": "nats-2"},
        "num_pending": 5,
        "delivered": {"consumer_seq": 9},
        "ack_floor": {"stream_seq": 4},
    }
    stream = {
        "name": "ORDERS",
        "cluster": {"leader": leader},
        "state": {"messages": 10, "last_seq": 12},
        "consumer_detail": [consumer],
    }
    return {"account_details": [{"name": "$G", "stream_detail": [stream]}]}


def figures(*pages: tuple[str, Any, Any]) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in metrics_of(pages)
    }


def test_a_servers_own_figures_also_deep_ones() -> None:
    found = figures(("choreography", VARZ, {}))
    assert found["nats_varz_connections"] == {("choreography", "nats-1"): 7}
    assert found["nats_varz_jetstream_stats_api_errors"] == {("choreography", "nats-1"): 3}


def test_what_the_server_leaves_out_is_zero() -> None:
    assert figures(("choreography", VARZ, {}))["nats_varz_mem"] == {("choreography", "nats-1"): 0}


def test_a_stream_and_its_consumer_say_who_leads() -> None:
    found = figures(("choreography", VARZ, jsz("nats-1")))
    stream = ("choreography", "nats-1", "ORDERS", "true")
    assert found["nats_stream_last_seq"] == {stream: 12}
    assert found["nats_consumer_num_pending"] == {(*stream, "payment", "false"): 5}
    assert found["nats_consumer_ack_floor_stream_seq"] == {(*stream, "payment", "false"): 4}


def test_a_single_server_leads_all_that_it_has() -> None:
    alone = jsz("nats-1")
    del alone["account_details"][0]["stream_detail"][0]["cluster"]
    assert ("orchestration", "nats-1", "ORDERS", "true") in figures(("orchestration", VARZ, alone))[
        "nats_stream_last_seq"
    ]


def test_a_server_that_gives_no_answer_is_down_and_nothing_else() -> None:
    families = list(Monitoring({"choreography": ["http://127.0.0.1:1"]}).collect())
    assert [(sample.name, sample.value) for family in families for sample in family.samples] == [("nats_up", 0.0)]
