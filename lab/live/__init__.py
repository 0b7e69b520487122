"""The judge at work while a lab runs: the auditor's figures, sampled again and again, as Prometheus metrics."""
