"""``python -m orchestration``: see ``process``."""

from services import starting

if __name__ == "__main__":
    starting.begin()
    from orchestration.process import main

    main()
