"""Choreography: each service reacts to events on a bus and undoes its own work when it hears of a failure.

Must never import ``orchestration`` or ``lab``.
"""
