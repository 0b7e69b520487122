"""A process that a person can help says in one line what is wrong; a bug keeps its traceback."""

import pytest

from services import serve
from services.errors import CannotStart, LedgerUnavailable, ServiceError
from services.settings import Settings

SETTINGS = Settings.model_construct(component="payment")


@pytest.fixture(autouse=True)
def _logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "set_up_logging", lambda component: None)


@pytest.mark.parametrize("error", [CannotStart("a wrong\npassword"), LedgerUnavailable("a wrong\npassword")])
def test_what_can_be_mended_is_one_line(error: ServiceError, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        raise error

    with pytest.raises(SystemExit, match="1"):
        serve.run(main, SETTINGS)
    assert caplog.messages == ["payment could not start: a wrong password"]


def test_a_bug_is_not_dressed_up() -> None:
    async def main() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        serve.run(main, SETTINGS)
