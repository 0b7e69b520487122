"""How mail is sent, by environment variables ``LAB_MAIL_*``; read once, never changed."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MailSettings(BaseSettings):
    """``smtp_host`` empty: mail goes to a catcher inside this process. ``link_base`` empty: the console's address."""

    model_config = SettingsConfigDict(env_prefix="LAB_MAIL_", frozen=True, extra="ignore")

    smtp_host: str = ""
    smtp_port: int = Field(default=25, ge=1, le=65_535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    sender: str = "saga-lab@example.org"
    manager: str = "manager@example.org"
    link_base: str = ""
    inbox_url: str = ""  # where a person reads what an outside catcher got
