"""Prometheus's configuration, recording and alert rules; and the same for a lab that runs without compose."""
