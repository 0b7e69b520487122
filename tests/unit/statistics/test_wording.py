import pytest

from lab.experiment.measures import BY_NAME
from lab.statistics.wording import number, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.5, "1,234"), (12.34, "12.3"), (0.1234, "0.123"), (100.0, "100"), (0.00012, "1.2e-04")],
)
def test_three_figures_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_units_fit_the_size() -> None:
    assert quantity(0.0123, BY_NAME["latency_p50_s"]) == "12.3 ms"
    assert quantity(2.5, BY_NAME["latency_p50_s"]) == "2.5 s"
    assert quantity(0.5, BY_NAME["fulfilled_share"]) == "50 %"
    assert quantity(None, BY_NAME["fulfilled_share"]) == "–"
