"""The Amazon States Language, sans-IO: (machine, state, event) -> (state, commands, history events).

Must never import anything that does I/O, nor read a clock, an environment or a random number: instants, ids and
random numbers arrive in the events.
"""
