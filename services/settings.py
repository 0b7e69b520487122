"""What a process is told at its start, by environment variables ``LAB_*``; read once, passed in, never changed."""

from functools import cached_property

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.practices import Practices, parse_practices


class Settings(BaseSettings):
    """Raises ``pydantic.ValidationError`` naming each variable that is missing or wrong."""

    model_config = SettingsConfigDict(env_prefix="LAB_", frozen=True, extra="ignore")

    lane: str = "orchestration"
    component: str = "payment"  # the process's own name: payment, conductor-1, door …
    host: str = "127.0.0.1"
    port: int = 0

    ledger_url: str = ""  # a SQLAlchemy URL; services only
    read_model_url: str = ""  # a SQLAlchemy URL; empty: a file that goes with the process
    catalogue_seed: int = 1  # which stock the warehouse is seeded with
    stock_scale: float = Field(default=1.0, gt=0)  # multiplies the seeded stock
    practices_text: str = Field(default="hardened", validation_alias="LAB_PRACTICES")
    guards_off: str = ""  # for tests that take a guard out: comma-separated names, see services.guards

    broker_url: str = ""
    broker_user: str = ""
    broker_password: SecretStr = SecretStr("")

    payment_url: str = ""
    warehouse_url: str = ""
    shipping_url: str = ""

    admin_token: SecretStr = SecretStr("")
    approval_secret: SecretStr = SecretStr("")
    approval_threshold_cents: int = 50_000
    approval_timeout_s: float = 31_536_000.0  # one year
    time_scale: float = Field(default=1.0, gt=0)  # multiplies retry waits, deadlines and call timeouts
    call_timeout_base_s: float = 10.0
    quiet_after_base_s: float = 120.0  # an order without news for so long is taken for stuck
    tracker: bool = True

    # Where spans go, by OTLP over HTTP (``http://127.0.0.1:4318``); empty: none are made.
    otlp_endpoint: str = Field(default="", pattern=r"^(http://[^/\s]+.*)?$")
    trace_sample: float = Field(default=1.0, ge=0, le=1)  # the share of traces that are recorded

    @cached_property
    def practices(self) -> Practices:
        return parse_practices(self.practices_text)

    @cached_property
    def guards_removed(self) -> frozenset[str]:
        return frozenset(filter(None, self.guards_off.split(",")))

    @property
    def call_timeout_s(self) -> float:
        """How long a caller waits for a service's answer; never under a second, however small the time scale."""
        return max(1.0, self.call_timeout_base_s * self.time_scale)

    @property
    def quiet_after_s(self) -> float:
        """Longer than every retry of every step together, and than a process takes to be restarted."""
        return max(10.0, self.quiet_after_base_s * self.time_scale)

    def service_url(self, service: str) -> str:
        return {"payment": self.payment_url, "warehouse": self.warehouse_url, "shipping": self.shipping_url}[service]
