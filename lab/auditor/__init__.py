"""The judge: reads the ledgers of a lane and the orders that it accepted, and says whether the books are right.

Pure: no file, network, clock or setting. It must never know how a lane works, or which lane it judges; everything that
it is told about a lane comes in as ``evidence.Evidence``.
"""

from lab.auditor.anomalies import DEFINITIONS, Anomaly
from lab.auditor.audit import Audit, Tally, audit
from lab.auditor.evidence import AcceptedOrder, Effect, Evidence, StockLevel, accepted_order, effect_of

__all__ = [
    "DEFINITIONS",
    "AcceptedOrder",
    "Anomaly",
    "Audit",
    "Effect",
    "Evidence",
    "StockLevel",
    "Tally",
    "accepted_order",
    "audit",
    "effect_of",
]
