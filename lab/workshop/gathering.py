"""Reads what the checks are shown of a running lab: trails, ledgers, injected faults, processes, streams."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from lab.auditor import Anomaly
from lab.collect import LaneAddress, LaneReader
from lab.control.client import RunningLab
from lab.lane_client import LaneClient, lane_clients
from lab.live_audit import audit_lane
from lab.story import instant
from lab.topology import BROKER, name_of
from lab.workshop.evidence import (
    SeenEffect,
    SeenExecution,
    SeenFault,
    SeenLab,
    SeenLane,
    SeenOrder,
    SeenProcess,
    SeenSubscriber,
)
from lab.workshop.listening import PREFIX
from services.operations import Service
from services.practices import Practice, parse_practices
from services.trail import OrderTrail, OrderView

NEWEST_ORDERS: Final = 200
STREAM_OF_ORDERS: Final = {"choreography": "ORDERS", "orchestration": "EXEC"}
ORDER_MACHINE: Final = "order_fulfilment"
METRICS_WITHIN_S: Final = 2.0
STARTED: Final = "lab_process_started_timestamp_seconds"
EXPRESS: Final = "conductor_express_executions_total"
DOLLARS: Final = "conductor_price_dollars_total"

Samples = dict[str, list[tuple[Mapping[str, str], float]]]


def seen_lab(lab: RunningLab) -> SeenLab:
    """Raises ``OutOfReach`` where a process gives no answer for some seconds."""
    return asyncio.run(_seen_lab(lab))


async def _seen_lab(lab: RunningLab) -> SeenLab:
    lanes: dict[str, SeenLane] = {}
    samples: list[Samples] = []
    async with aiohttp.ClientSession() as session:
        for client in lane_clients(lab, None):
            metrics = await _metrics(client, session)
            lanes[client.lane] = await _lane(client, metrics, session)
            samples += metrics.values()
        executions = await _executions(lab, session)
    dollars: dict[str, float] = defaultdict(float)
    for labels, value in _named(samples, DOLLARS):
        dollars[labels["type"]] += value
    return SeenLab(
        lanes=lanes,
        executions=executions,
        express_ended=round(sum(value for _, value in _named(samples, EXPRESS))),
        dollars=dict(dollars),
    )


async def _lane(client: LaneClient, metrics: Mapping[str, Samples], session: aiohttp.ClientSession) -> SeenLane:
    about = client.lab.status["lanes"][client.lane]
    stream = await _stream(about.get("monitor_url"), STREAM_OF_ORDERS[client.lane], session)
    judged = await audit_lane(client, about["urls"])
    reader = LaneReader(LaneAddress(client.lane, about["urls"], client.token), session)
    return SeenLane(
        lane=client.lane,
        off=frozenset(set(map(str, Practice)) - set(map(str, parse_practices(about["practices"])))),
        orders=await _orders(client, reader, judged.found.anomalies),
        processes=tuple(_processes(client, metrics)),
        subscribers=tuple(_subscribers(stream)),
        placed=judged.found.orders + len(judged.under_way),
        unacknowledged=_unacknowledged(stream),
        messages=stream.get("state", {}).get("messages", 0),
        stored_bytes=stream.get("state", {}).get("bytes", 0),
    )


async def _orders(
    client: LaneClient, reader: LaneReader, anomalies: Mapping[str, Iterable[Anomaly]]
) -> tuple[SeenOrder, ...]:
    views = client.orders(None, NEWEST_ORDERS)
    trails = await reader.trails([view.order_id for view in views])
    effects: dict[str, list[SeenEffect]] = defaultdict(list)
    faults: dict[str, list[SeenFault]] = defaultdict(list)
    for service in Service:
        for row in await reader.ledger(service):
            effects[row["order_id"]].append(_effect(service, row))
        for row in await reader.injected(service):
            faults[row["order_id"]].append(_fault(row))
    return tuple(
        _order(view, trails[view.order_id], effects[view.order_id], faults[view.order_id], anomalies.get(view.order_id))
        for view in views
    )


def _fault(row: Mapping[str, Any]) -> SeenFault:
    return SeenFault(row["operation"], row["kind"], row["attempt"], instant(row["at"]))


def _effect(service: Service, row: Mapping[str, Any]) -> SeenEffect:
    return SeenEffect(service, row["operation"], row["amount_cents"] or 0, row["attempt"] or 1, instant(row["at"]))


def _order(
    view: OrderView,
    trail: Mapping[str, Any] | None,
    effects: Iterable[SeenEffect],
    faults: Iterable[SeenFault],
    anomalies: Iterable[Anomaly] | None,
) -> SeenOrder:
    return SeenOrder(
        order_id=view.order_id,
        status=view.status,
        accepted_s=instant(view.accepted_at),
        finished_s=instant(view.finished_at) if view.finished_at else None,
        moments=OrderTrail.model_validate(trail).entries if trail is not None else (),
        effects=tuple(sorted(effects, key=lambda effect: effect.at_s)),
        faults=tuple(faults),
        anomalies=tuple(map(str, anomalies or ())),
    )


def _processes(client: LaneClient, metrics: Mapping[str, Samples]) -> Iterable[SeenProcess]:
    known = {each["name"]: each for each in client.lab.status["processes"]}
    for component, samples in metrics.items():
        status = known.get(name_of(client.lane, component), {})
        started_s = next((value for _, value in samples.get(STARTED, ())), None)
        yield SeenProcess(component, status.get("restarts", 0), status.get("last_exit"), started_s)


async def _metrics(client: LaneClient, session: aiohttp.ClientSession) -> dict[str, Samples]:
    """Of every process of the lane but the broker; nothing of one that does not answer now."""
    urls = client.lab.status["lanes"][client.lane]["urls"]
    found: dict[str, Samples] = {}
    for component, url in urls.items():
        if component != BROKER:
            found[component] = _samples(await _text(f"{url}/metrics", session) or "")
    return found


def _samples(text: str) -> Samples:
    found: Samples = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    return found


def _named(samples: Iterable[Samples], name: str) -> Iterable[tuple[Mapping[str, str], float]]:
    return (sample for each in samples for sample in each.get(name, ()))


async def _executions(lab: RunningLab, session: aiohttp.ClientSession) -> tuple[SeenExecution, ...]:
    if "orchestration" not in lab.lanes:
        return ()
    answer = await _json(f"{lab.url('orchestration', 'door')}/executions?limit=100", session)
    return tuple(
        SeenExecution(each["machine"], each["name"], each["status"])
        for each in answer.get("executions", ())
        if each["machine"] != ORDER_MACHINE
    )


async def _stream(monitor_url: str | None, name: str, session: aiohttp.ClientSession) -> dict[str, Any]:
    """What the broker says of a stream and its consumers; empty where it says nothing, or cannot be asked."""
    if monitor_url is None:
        return {}
    answer = await _json(f"{monitor_url}/jsz?accounts=1&streams=1&consumers=1", session)
    streams = (each for account in answer.get("account_details", ()) for each in account.get("stream_detail", ()))
    return next((each for each in streams if each["name"] == name), {})


def _unacknowledged(stream: Mapping[str, Any]) -> int:
    """Events that a service has heard and not acknowledged; no service listens where a conductor calls it."""
    consumers = stream.get("consumer_detail") or ()
    return sum(each["num_ack_pending"] for each in consumers if each["name"] in set(Service))


def _subscribers(stream: Mapping[str, Any]) -> Iterable[SeenSubscriber]:
    for each in stream.get("consumer_detail") or ():
        if each["name"].startswith(PREFIX):
            heard = each["ack_floor"]["consumer_seq"]
            yield SeenSubscriber(each["name"].removeprefix(PREFIX), instant(each["created"]), heard)


async def _json(url: str, session: aiohttp.ClientSession) -> dict[str, Any]:
    text = await _text(url, session)
    return dict(json.loads(text)) if text else {}


async def _text(url: str, session: aiohttp.ClientSession) -> str | None:
    """None: no answer now."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=METRICS_WITHIN_S)) as answer:
            return await answer.text() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None
