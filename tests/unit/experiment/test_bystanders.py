"""Whose processor time it was."""

from lab.experiment.bystanders import Spent, others_share


def test_what_is_not_ours_is_the_others() -> None:
    before, after = Spent(100.0, 1000.0, 50.0), Spent(110.0, 1012.0, 58.0)
    assert others_share(before, after, processors=2) == 4 / 20


def test_a_tick_too_many_of_ours_is_nobody_elses() -> None:
    assert others_share(Spent(0.0, 0.0, 0.0), Spent(10.0, 5.0, 5.1), processors=2) == 0.0


def test_processor_time_grows() -> None:
    before = Spent.now()
    sum(range(2_000_000))
    after = Spent.now()
    assert after.ours_s >= before.ours_s
    assert after.all_s >= before.all_s
