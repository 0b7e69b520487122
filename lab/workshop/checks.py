"""Lesson -> its check."""

from typing import Final

from lab.workshop import machinery_checks, order_checks
from lab.workshop.finding import Check

CHECKS: Final[dict[int, Check]] = {
    1: order_checks.megaphone,
    2: order_checks.out_of_ink,
    3: order_checks.who_undoes,
    4: order_checks.conductor,
    5: order_checks.retry,
    6: order_checks.manager,
    7: order_checks.undo_button,
    8: order_checks.lost_replies,
    9: machinery_checks.kill_the_conductor,
    10: order_checks.stuck,
    11: machinery_checks.standard_or_express,
    12: machinery_checks.when_the_megaphone_wins,
}
