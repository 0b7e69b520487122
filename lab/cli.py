"""The ``lab`` command's thin entry: whatever Ctrl-C meets, also while the rest is still being imported, is one line."""

import sys


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """One command; its exit code, as ``lab.application`` says."""
    try:
        from lab.application import answer  # takes a moment, in which Ctrl-C may come

        return answer(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("lab: stopped by SIGINT\n")
        return 130
