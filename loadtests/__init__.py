"""Load for the lab: plans a workload, sends it on time, answers approvals, and watches outcomes.

Knows only HTTP. Must never import ``services``, ``broker``, a wiring or ``lab``: a load that shares code with what it
loads shares its mistakes.
"""
