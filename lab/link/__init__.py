"""The link between one process and its broker, as something that can be cut, broken, slowed and healed."""
