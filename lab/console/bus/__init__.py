"""The bus of the choreography as its page shows it: events told in one line, what caused what, and the archive."""
