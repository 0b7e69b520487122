"""The registry of state machines: heads, revisions, versions and aliases, stored in the stream ``MACHINES``.

Must not know executions, nor who asks for a machine.
"""
