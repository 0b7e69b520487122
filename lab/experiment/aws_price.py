"""What the same orders would cost on AWS: list prices of us-east-1, for the services that each wiring would use. Pure.

Both pay for the calls of the services (AWS Lambda, 128 MB for 100 ms). Orchestration pays for state transitions (Step
Functions, Standard). Choreography pays for events (EventBridge) and for their delivery through a queue to each listener
(SQS: sent, received, deleted). Databases cost the same in both and are left out, and so are free tiers.
"""

from typing import Final

USD_PER_TRANSITION: Final = 25.00e-6
USD_PER_EVENT: Final = 1.00e-6
USD_PER_QUEUE_REQUEST: Final = 0.40e-6
REQUESTS_PER_DELIVERY: Final = 3
USD_PER_CALL: Final = 0.20e-6 + 0.1 * 0.125 * 16.6667e-6


def orchestration_usd(transitions: float, calls: float) -> float:
    return transitions * USD_PER_TRANSITION + calls * USD_PER_CALL


def choreography_usd(events: float, deliveries: float, calls: float) -> float:
    delivered = deliveries * REQUESTS_PER_DELIVERY * USD_PER_QUEUE_REQUEST
    return events * USD_PER_EVENT + delivered + calls * USD_PER_CALL
