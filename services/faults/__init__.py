"""Faults as data: a plan, the keyed dice that read it, and the acting out. What was injected is in the ledger."""
