"""What the console is told at its start, by environment variables ``LAB_CONSOLE_*``; read once, never changed."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class BrokerLogin(BaseModel):
    """A lane's broker, for whoever may look at everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    user: str
    password: SecretStr


class ConsoleSettings(BaseSettings):
    """``lanes``: lane -> component -> URL. Without ``control`` (a Unix socket) no process can be killed from here."""

    model_config = SettingsConfigDict(env_prefix="LAB_CONSOLE_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=7440, ge=0, le=65_535)
    lanes: dict[str, dict[str, str]] = Field(min_length=1)
    brokers: dict[str, BrokerLogin] = Field(default_factory=dict)
    practices: dict[str, str] = Field(default_factory=dict)  # by lane, as ``lab up --practices`` takes them
    time_scale: float = Field(default=1.0, gt=0)
    admin_token: SecretStr = SecretStr("")
    approval_secret: SecretStr = SecretStr("")
    control: Path | None = None
    home: Path | None = None  # where results of experiments are
    password: SecretStr = SecretStr("")
    names: tuple[str, ...] = ()  # host names, beside loopback's and plain addresses, that a browser may ask for
    grafana_url: str = ""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not is_loopback(self.host) and not self.password.get_secret_value():
            raise ValueError(
                f"on {self.host} everybody in the network could open the console: set a password (LAB_CONSOLE_PASSWORD)"
            )
        return self


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
