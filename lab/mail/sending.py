"""One mail over SMTP."""

import asyncio
import smtplib
from email.message import EmailMessage
from typing import Final

from lab.errors import OutOfReach
from lab.mail.settings import MailSettings

TIMEOUT_S: Final = 10.0


async def send(message: EmailMessage, settings: MailSettings, host: str, port: int) -> None:
    """Raises ``OutOfReach`` when the mail server did not take it."""
    try:
        await asyncio.to_thread(_send, message, settings, host, port)
    except (OSError, smtplib.SMTPException) as error:
        raise OutOfReach(f"the mail server {host}:{port} did not take the mail: {error}") from error


def _send(message: EmailMessage, settings: MailSettings, host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=TIMEOUT_S) as server:
        if settings.smtp_starttls:
            server.starttls()
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
