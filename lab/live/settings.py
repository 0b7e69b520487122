"""What the live auditor is told at its start, by environment variables ``LAB_AUDIT_*``; read once."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class LiveSettings(BaseSettings):
    """``lanes``: lane -> component -> URL; a lane's door and its three services must be there."""

    model_config = SettingsConfigDict(env_prefix="LAB_AUDIT_", frozen=True, extra="ignore")

    lanes: dict[str, dict[str, str]] = Field(min_length=1)
    admin_token: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=7441, ge=0, le=65_535)
    every_s: float = Field(default=2.0, gt=0)
    quiet_after_s: float = Field(default=120.0, gt=0)  # an order without news for so long is taken for stuck
