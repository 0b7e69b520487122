"""The laboratory: runs both lanes as real processes, breaks them on purpose, and judges what is left.

The last folder in reading order: nothing else may import it. It knows the wirings only by their processes, their
broker set-up and their HTTP contracts, never by how they decide.
"""
