"""Orders as the console shows them: found, told moment by moment, and drawn on one time axis."""
