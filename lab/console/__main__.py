"""``python -m lab.console``: the console as a process of its own."""

import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from lab.console.settings import ConsoleSettings
from lab.problems import problems_of
from services.serve import set_up_logging


def main() -> int:
    set_up_logging("console")
    try:
        settings = ConsoleSettings()
    except ValidationError as error:
        sys.stderr.write(f"console: {problems_of(error)}\n")
        return 2
    except SettingsError as error:
        sys.stderr.write(f"console: {error}\n")
        return 2
    from lab.console.server import run  # brings the web framework along, which a wrong setting should not wait for

    run(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
