"""OpenTelemetry for every process: contexts, spans, and their export over OTLP/HTTP.

Knows no wiring, no service and no order. Spans are plain data with ids that can be derived from what is stored, so a
process that goes on with another's work goes on with its trace. Off (no collector is set): nothing is made or imported.
"""
