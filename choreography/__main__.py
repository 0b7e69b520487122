"""``python -m choreography``: see ``process``."""

import sys

from services import starting

if __name__ == "__main__":
    starting.begin(without=starting.OPTIONAL)
    from choreography.process import main

    sys.exit(main(sys.argv[1:]))
