"""Orchestration: a central conductor runs the order's state machine.

Must never import ``choreography`` or ``lab``.
"""
