"""``python -m choreography``: see ``process``."""

import sys

from services import starting

if __name__ == "__main__":
    starting.begin()
    with starting.left_out():
        from choreography.process import main

        sys.exit(main(sys.argv[1:]))
