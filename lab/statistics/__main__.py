"""``python -m lab.statistics``: the statistics tried on experiments of known truth. Some minutes; prints a table."""

import sys

from lab.statistics.calibration import DIFFERENCES, Found, any_finding, coverage, finding_of
from lab.statistics.synthetic import Truth

SLOWER = {"latency_p50_s": 1.1}


def main(experiments: int) -> None:
    print("Coverage of the 95 % interval:")
    for name in DIFFERENCES:
        for blocks in (10, 20):
            _say(coverage(name, blocks, experiments))
    print("A/A, the whole family at 5 %:")
    for blocks in (6, 10, 20):
        _say(any_finding(Truth(blocks), experiments // 4))
    print("One arm's median latency 10 % higher:")
    for scatter in (0.03, 0.05, 0.07):
        for blocks in (6, 10, 20):
            _say(finding_of("latency_p50_s", Truth(blocks, SLOWER, scatter=scatter), experiments // 10))


def _say(found: Found) -> None:
    print(f"  {found.what:<52} {100 * found.share:5.1f} %   ({found.experiments:,} experiments)", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
