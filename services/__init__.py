"""The work itself: payment, warehouse and shipping, the same in every lane.

Must never import ``choreography``, ``orchestration`` or ``lab``, and must never know which wiring calls it.
"""
