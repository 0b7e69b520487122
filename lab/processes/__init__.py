"""Real processes: started in order, watched, restarted, hurt on purpose, and stopped so that none is left.

Must never know orders, lanes or wirings: it knows commands, environments, ports and readiness addresses.
"""
