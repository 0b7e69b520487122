"""``python -m services``: one service over HTTP, chosen by LAB_COMPONENT."""

from services import starting

if __name__ == "__main__":
    starting.begin()
    with starting.left_out():
        from services.process import main

        main()
