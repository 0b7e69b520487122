"""Trying out an API by its own OpenAPI document; it knows of no operation, but that a fault plan is tried last."""

import os

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, checks

EXAMPLES = int(os.environ.get("LAB_API_EXAMPLES", "5"))
# An order's total must be the sum of its lines, which no schema can say: valid data is often refused.
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
]


def probe(url: str) -> int:
    """Requests that fit each operation of the API's own document, and requests that do not; how many were made."""
    made = 0
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    # A fault plan that is made up must not be in force while commands are tried.
    for operation in sorted(operations, key=lambda each: each.path.startswith("/faults")):
        for mode in GenerationMode:

            @seed(1)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def try_out(case: Case) -> None:
                nonlocal made
                made += 1
                case.call_and_validate(checks=CHECKS, timeout=20)

            try:
                try_out()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # it has no parameter that could be wrong
    return made
