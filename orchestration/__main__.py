"""``python -m orchestration``: see ``process``."""

from services import starting

if __name__ == "__main__":
    starting.begin()
    with starting.left_out():
        import nats.aio.client  # noqa: F401  # here, so that it does not ask for them later
    from orchestration.process import main

    main()
