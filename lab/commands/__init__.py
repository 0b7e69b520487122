"""The commands of ``lab``, one short module for each group. They ask, print and choose the exit code; no more."""
