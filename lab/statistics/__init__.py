"""What the trials of an experiment allow to be said. Plain functions; chance is a seeded stream, the same every time.

The trial is the unit: orders of one trial share a machine, a minute and a fault, and are not independent. Trials of one
block share their seed and are paired. Must not know how a trial is run, stored or drawn.
"""
