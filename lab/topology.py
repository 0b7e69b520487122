"""Which processes make a lab: names, commands, environments, ports, order of starting. Pure: data in, data out.

Must not start, read or write anything: ``lab.embedded`` does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.credentials import LAB_USER, Credentials
from lab.errors import BadInput
from lab.home import Home
from lab.processes.spec import ProcessSpec
from services.practices import PRESETS, Practices, format_practices

HOST: Final = "127.0.0.1"
DEFAULT_PORT_BASE: Final = 7400
SERVICES: Final = ("payment", "warehouse", "shipping")
BROKER: Final = "broker"
DOOR: Final = "door"
# What belongs to no lane.
LAB: Final = "lab"
CONSOLE: Final = "console"
CONSOLE_OFFSET: Final = 40
COLLECTOR: Final = "collector"
COLLECTOR_OFFSET: Final = 41
LOOPBACK: Final = (HOST, "localhost", "::1")
SET_PASSWORD: Final = "set the variable LAB_PASSWORD"


@dataclass(frozen=True)
class Part:
    """One component of a lane: its module, its port's offset from the port base, its broker user if it has one."""

    component: str
    module: str
    offset: int
    user: str | None = None
    after: tuple[str, ...] = ()  # components of the same lane that must be ready first


def _conductors(count: int) -> tuple[Part, ...]:
    # The lane's last offset is +39; the door comes first, so that a take-over is never delayed by a missing door.
    return tuple(
        Part(f"conductor-{number}", "orchestration", 25 + number, "conductor", (BROKER,))
        for number in range(1, count + 1)
    )


CHOREOGRAPHY: Final = (
    Part(DOOR, "choreography", 2, DOOR, (BROKER,)),
    Part("payment", "choreography", 3, "payment", (BROKER,)),
    Part("warehouse", "choreography", 4, "warehouse", (BROKER,)),
    Part("shipping", "choreography", 5, "shipping", (BROKER,)),
    Part("watch", "choreography", 6, "watch", (BROKER,)),
)
ORCHESTRATION: Final = (
    Part(DOOR, "orchestration", 22, DOOR, (BROKER,)),
    Part("payment", "services", 23),
    Part("warehouse", "services", 24),
    Part("shipping", "services", 25),
)
# Where spans are wanted: makes those of what the lane has stored, its events or its histories.
TRACERS: Final = {
    "choreography": Part("tracer", "choreography", 7, "tracer", (BROKER,)),
    "orchestration": Part("tracer", "orchestration", 42, "tracer", (BROKER,)),
}
# No lane of orders, but the conductor by itself: a local Step Functions. Its API is what a client is pointed at.
STEP_FUNCTIONS: Final = "stepfunctions"
API: Final = "api"
API_OFFSET: Final = 2
STEP_FUNCTIONS_PARTS: Final = (Part(API, "orchestration", API_OFFSET, DOOR, (BROKER,)),)
BROKER_OFFSET: Final = {"choreography": 0, "orchestration": 20, STEP_FUNCTIONS: 0}
LANES: Final = ("choreography", "orchestration")
MAX_CONDUCTORS: Final = 14


@dataclass(frozen=True)
class LabConfig:
    """Everything that a lab is told. ``home`` holds all that it writes; two labs need two homes and port bases.

    ``ledger_url``: a SQLAlchemy URL in which ``{lane}`` and ``{service}`` are filled in; default: SQLite in the home.
    """

    home: Path = Path(".lab")
    port_base: int = DEFAULT_PORT_BASE
    lanes: tuple[str, ...] = LANES
    practices: Mapping[str, Practices] = field(default_factory=dict)  # by lane; default: hardened
    time_scale: float = 1.0
    approval_threshold_cents: int | None = None
    approval_timeout_s: float | None = None
    catalogue_seed: int | None = None
    stock_scale: float | None = None
    call_timeout_base_s: float | None = None
    quiet_after_base_s: float | None = None
    conductors: int = 2
    tracker: bool = True
    guards_off: tuple[str, ...] = ()
    ledger_url: str | None = None
    service_urls: Mapping[str, str] = field(default_factory=dict)  # of services that run elsewhere
    console: bool = False
    console_host: str = HOST
    console_password: str = field(default="", repr=False)
    console_controls: bool = True  # whether processes can be killed, and practices switched, from its pages
    grafana_url: str = ""
    traces: bool = False  # every process makes spans, and a collector keeps them
    trace_sample: float = 1.0
    restart: bool = True
    link_ports: Mapping[str, int] = field(default_factory=dict)  # process -> where it finds its broker, if not there

    def __post_init__(self) -> None:
        known = (STEP_FUNCTIONS,) if self.lanes == (STEP_FUNCTIONS,) else LANES  # it is never up beside a lane
        unknown = [lane for lane in (*self.lanes, *self.practices) if lane not in known]
        if unknown or not self.lanes:
            raise BadInput(f"unknown lane {', '.join(unknown) or '(none given)'}; lanes: {', '.join(LANES)}")
        if not 1 <= self.conductors <= MAX_CONDUCTORS:
            raise BadInput(f"conductors must be 1 to {MAX_CONDUCTORS}, not {self.conductors}")
        if not 1024 <= self.port_base <= 65_000:
            raise BadInput(f"the port base must be 1024 to 65000, not {self.port_base}")
        if not 0 < self.time_scale <= 1000:
            raise BadInput(f"the time scale must be over 0 and at most 1000, not {self.time_scale:g}")
        if self.console and self.console_host not in LOOPBACK and not self.console_password:
            raise BadInput(f"on {self.console_host} everybody in the network could open the console: {SET_PASSWORD}")

    def practices_of(self, lane: str) -> Practices:
        return self.practices.get(lane, PRESETS["hardened"])

    def parts(self, lane: str) -> tuple[Part, ...]:
        tracer = (TRACERS[lane],) if self.traces and lane in TRACERS else ()
        if lane == "choreography":
            return (*CHOREOGRAPHY, *tracer)
        alone = STEP_FUNCTIONS_PARTS if lane == STEP_FUNCTIONS else ORCHESTRATION
        return (*alone, *_conductors(self.conductors), *tracer)

    def has(self, lane: str, component: str) -> bool:
        return any(part.component == component for part in self.parts(lane))

    def lane_home(self, lane: str) -> Path:
        return self.home / lane

    def broker_port(self, lane: str) -> int:
        return self.port_base + BROKER_OFFSET[lane]

    def port(self, lane: str, component: str) -> int:
        for part in self.parts(lane):
            if part.component == component:
                return self.port_base + part.offset
        known = ", ".join([BROKER, *(part.component for part in self.parts(lane))])
        raise BadInput(f"lane {lane} has no {component!r}; it has: {known}")

    def url(self, lane: str, component: str) -> str:
        """Where a component listens; for the broker its NATS address."""
        if component == BROKER:
            return f"nats://{HOST}:{self.broker_port(lane)}"
        return f"http://{HOST}:{self.port(lane, component)}"

    @property
    def console_url(self) -> str:
        """As a browser on this machine finds it."""
        return f"http://{HOST}:{self.port_base + CONSOLE_OFFSET}"

    @property
    def collector_url(self) -> str:
        return f"http://{HOST}:{self.port_base + COLLECTOR_OFFSET}"

    def monitor_url(self, lane: str) -> str:
        return f"http://{HOST}:{self.broker_port(lane) + 1}"


def name_of(lane: str, component: str) -> str:
    return f"{lane}-{component}"


def broker_config_path(config: LabConfig, lane: str) -> Path:
    return config.lane_home(lane) / "nats.conf"


def broker_store_path(config: LabConfig, lane: str) -> Path:
    return config.lane_home(lane) / "jetstream"


def spans_path(config: LabConfig) -> Path:
    return config.home / "telemetry" / "spans.db"


def processes(config: LabConfig, credentials: Credentials, *, python: str, nats_server: str) -> tuple[ProcessSpec, ...]:
    """Every process of every lane. Paths in ``config`` should be absolute: children run elsewhere."""
    specs: list[ProcessSpec] = []
    if config.traces:
        specs.append(_collector(config, python))
    for lane in config.lanes:
        specs.append(_broker(config, lane, nats_server))
        specs += [_python(config, credentials, lane, part, python) for part in config.parts(lane)]
    if config.console:
        specs.append(_console(config, credentials, python))
    return tuple(specs)


def _collector(config: LabConfig, python: str) -> ProcessSpec:
    port = config.port_base + COLLECTOR_OFFSET
    told = {"HOST": HOST, "PORT": str(port), "STORE": str(spans_path(config))}
    return ProcessSpec(
        name=COLLECTOR,
        group=LAB,
        argv=(python, "-m", "lab.diagnosis.collector"),
        env={"PYTHONUNBUFFERED": "1"} | {f"LAB_COLLECTOR_{name}": text for name, text in told.items()},
        ports=(port,),
        ready_url=f"{config.collector_url}/readyz",
    )


def _console(config: LabConfig, credentials: Credentials, python: str) -> ProcessSpec:
    port = config.port_base + CONSOLE_OFFSET
    return ProcessSpec(
        name=CONSOLE,
        group=LAB,
        argv=(python, "-m", "lab.console"),
        env={"PYTHONUNBUFFERED": "1"}
        | {f"LAB_CONSOLE_{name}": text for name, text in _told(config, credentials).items()},
        ports=(port,),
        ready_url=f"{config.console_url}/healthz",
    )


def _told(config: LabConfig, credentials: Credentials) -> dict[str, str]:
    """What the console is told: where everything is, and how to get in."""
    lanes = {
        lane: {part.component: config.url(lane, part.component) for part in config.parts(lane)} for lane in config.lanes
    }
    brokers = {
        lane: {
            "url": config.url(lane, BROKER),
            "user": LAB_USER,
            "password": credentials.broker_password(lane, LAB_USER),
        }
        for lane in config.lanes
    }
    return {
        "HOST": config.console_host,
        "PORT": str(config.port_base + CONSOLE_OFFSET),
        "PASSWORD": config.console_password,
        "HOME": str(config.home),
        **({"CONTROL": str(Home(config.home).socket)} if config.console_controls else {}),
        "LANES": json.dumps(lanes),
        "BROKERS": json.dumps(brokers),
        "PRACTICES": json.dumps({lane: format_practices(config.practices_of(lane)) for lane in config.lanes}),
        "TIME_SCALE": str(config.time_scale),
        "ADMIN_TOKEN": credentials.admin_token,
        "APPROVAL_SECRET": credentials.approval_secret,
        "GRAFANA_URL": config.grafana_url,
    }


def _broker(config: LabConfig, lane: str, nats_server: str) -> ProcessSpec:
    port = config.broker_port(lane)
    return ProcessSpec(
        name=name_of(lane, BROKER),
        group=lane,
        argv=(nats_server, "-c", str(broker_config_path(config, lane))),
        env={"GOGC": "400", "GOMEMLIMIT": "256MiB"},  # collect less often: the heap of such a broker is small
        ports=(port, port + 1),
        ready_url=f"{config.monitor_url(lane)}/healthz",
        ready_within_s=30.0,
    )


def _python(config: LabConfig, credentials: Credentials, lane: str, part: Part, python: str) -> ProcessSpec:
    url = config.url(lane, part.component)
    return ProcessSpec(
        name=name_of(lane, part.component),
        group=lane,
        argv=(python, "-m", part.module),
        env=_environment(config, credentials, lane, part),
        ports=(config.port(lane, part.component),),
        ready_url=f"{url}/readyz",
        depends_on=tuple(name_of(lane, component) for component in part.after),
    )


def _environment(config: LabConfig, credentials: Credentials, lane: str, part: Part) -> dict[str, str]:
    told: dict[str, object | None] = {
        "LANE": lane,
        "COMPONENT": part.component,
        "HOST": HOST,
        "PORT": config.port(lane, part.component),
        "PRACTICES": format_practices(config.practices_of(lane)),
        "GUARDS_OFF": ",".join(config.guards_off),
        "TIME_SCALE": config.time_scale,
        "TRACKER": config.tracker,
        "ADMIN_TOKEN": credentials.admin_token,
        "APPROVAL_SECRET": credentials.approval_secret,
        "APPROVAL_THRESHOLD_CENTS": config.approval_threshold_cents,
        "APPROVAL_TIMEOUT_S": config.approval_timeout_s,
        "CATALOGUE_SEED": config.catalogue_seed,
        "STOCK_SCALE": config.stock_scale,
        "CALL_TIMEOUT_BASE_S": config.call_timeout_base_s,
        "QUIET_AFTER_BASE_S": config.quiet_after_base_s,
    }
    if config.traces:
        told |= {"OTLP_ENDPOINT": config.collector_url, "TRACE_SAMPLE": config.trace_sample}
    told |= {f"{service.upper()}_URL": config.url(lane, service) for service in SERVICES if config.has(lane, service)}
    told |= {f"{service.upper()}_URL": url for service, url in config.service_urls.items()}
    if part.component in SERVICES:
        told["LEDGER_URL"] = ledger_url(config, lane, part.component)
    if part.module == "orchestration" and part.user == DOOR:
        told["READ_MODEL_URL"] = f"sqlite:///{(config.lane_home(lane) / 'read-model.db').as_posix()}"
    if part.user is not None:
        told["BROKER_URL"] = _broker_url(config, lane, part)
        told["BROKER_USER"] = part.user
        told["BROKER_PASSWORD"] = credentials.broker_password(lane, part.user)
    plain = {"PYTHONUNBUFFERED": "1"}
    if part.component.startswith("conductor"):  # tasks that ask Step Functions itself find it here
        plain["AWS_ENDPOINT_URL_SFN"] = config.url(lane, API if config.has(lane, API) else DOOR)
    return plain | {f"LAB_{name}": str(value) for name, value in told.items() if value is not None}


def _broker_url(config: LabConfig, lane: str, part: Part) -> str:
    port = config.link_ports.get(name_of(lane, part.component))
    return config.url(lane, BROKER) if port is None else f"nats://{HOST}:{port}"


def ledger_url(config: LabConfig, lane: str, service: str) -> str:
    template = config.ledger_url
    if template is None:
        return f"sqlite:///{(config.lane_home(lane) / f'{service}.db').as_posix()}"
    return template.replace("{lane}", lane).replace("{service}", service)
