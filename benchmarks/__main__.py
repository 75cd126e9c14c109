"""`make bench`: measure beside floors, print ratios, keep them, fail on a missed target."""

import sys
import tempfile
from pathlib import Path

from benchmarks import (
    answers,
    ballots,
    cases,
    demo,
    guarded,
    index,
    intake,
    memory,
    months,
    neighbours,
    page,
    report,
    sending,
    thanks,
)
from benchmarks.figures import Figure, write

PARTS = {
    "intake": intake.measure,
    "demo": demo.measure,
    "answers": answers.measure,
    "ballots": ballots.measure,
    "cases": cases.measure,
    "months": months.measure,
    "memory": memory.measure,
    "neighbours": neighbours.measure,
    "page": page.measure,
    "index": index.measure,
    "report": report.measure,
    "guarded": guarded.measure,
    "sending": sending.measure,
    "thanks": thanks.measure,
}
RESULTS = Path(__file__).resolve().parent / "results.json"


def main(names: list[str]) -> int:
    """Run the named parts, or all; 1 when a target is missed, 2 for an unknown name."""
    unknown = set(names) - set(PARTS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="langnghe-bench-") as folder:
        for name in names or PARTS:
            print(f"… {name}", file=sys.stderr, flush=True)
            for figure in PARTS[name](Path(folder)):
                print(figure.line(), flush=True)
                figures.append(figure)
    write(figures, RESULTS)
    return int(not all(figure.is_met for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
