"""A service's own database: append-only effects and all that must hold together with them, written by group commit.

Must not know HTTP, a bus or a wiring; it asks ``services.rules`` what a command does and writes it down.
"""
