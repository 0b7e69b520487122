"""What a conductor and its API are told at their start beside ``services.settings``: where the tasks' services are.

Names are AWS's own where AWS has one (``SFN_MOCK_CONFIG``, ``AWS_ENDPOINT_URL_*``), else ``LAB_*``.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestration.tasks.mock_file import NO_MOCKS, MockFile, load
from orchestration.tasks.python_functions import load_functions


class TaskSettings(BaseSettings):
    """Raises ``pydantic.ValidationError`` naming each variable that is wrong."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    mock_config: Path | None = Field(default=None, validation_alias="SFN_MOCK_CONFIG")
    endpoint: str = Field(default="", validation_alias="AWS_ENDPOINT_URL")
    lambda_endpoint_own: str = Field(default="", validation_alias="AWS_ENDPOINT_URL_LAMBDA")
    sfn_endpoint_own: str = Field(default="", validation_alias="AWS_ENDPOINT_URL_SFN")
    # A folder whose folders are buckets; without it, datasets are at the S3 endpoint.
    datasets: Path | None = Field(default=None, validation_alias="LAB_DATASETS")
    s3_endpoint_own: str = Field(default="", validation_alias="AWS_ENDPOINT_URL_S3")
    access_key: str = Field(default="test", validation_alias="AWS_ACCESS_KEY_ID")
    secret_key: SecretStr = Field(default=SecretStr("test"), validation_alias="AWS_SECRET_ACCESS_KEY")
    # Name of a connection -> what it adds to a request: {"Headers": {…}, "QueryParameters": {…}, "Body": {…}}.
    connections: dict[str, dict[str, Any]] = Field(default_factory=dict, validation_alias="LAB_HTTP_CONNECTIONS")
    # ``module:attribute``, a mapping of names to functions that take (event, context).
    python_tasks: str = Field(default="", validation_alias="LAB_PYTHON_TASKS")

    @property
    def lambda_endpoint(self) -> str:
        return self.lambda_endpoint_own or self.endpoint

    @property
    def s3_endpoint(self) -> str:
        return self.s3_endpoint_own or self.endpoint

    @property
    def sfn_endpoint(self) -> str:
        return self.sfn_endpoint_own or self.endpoint

    def check(self) -> None:
        """Raises ``OrchestrationError`` where a setting names what is not there, or is malformed."""
        load_functions(self.python_tasks)
        if self.mock_config is not None:
            load(self.mock_config)

    @cached_property
    def mocks(self) -> MockFile:
        """Raises ``orchestration.tasks.mock_file.MockFileInvalid``."""
        return NO_MOCKS if self.mock_config is None else load(self.mock_config)
