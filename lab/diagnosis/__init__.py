"""How well a lane can explain itself: what a trail and a trace tell of an order, held against what was really done.

``collector`` keeps the spans of the embedded lab; the rest is pure, but for ``measuring`` and ``reading``, which ask.
"""
