"""One measured figure: ours beside a floor of the same run, their ratio, and its target."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`ratio` is ours / floor. A target is `at_least` or `at_most`; without one it only informs."""

    name: str
    unit: str
    ours: float
    floor: float
    floor_name: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """Ours as a multiple of the floor."""
        return self.ours / self.floor

    @property
    def is_met(self) -> bool:
        """Whether the ratio keeps its target."""
        low = self.at_least is None or self.ratio >= self.at_least
        return low and (self.at_most is None or self.ratio <= self.at_most)

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else "-"

    def line(self) -> str:
        """One line for people."""
        mark = "ok" if self.is_met else "MISSED"
        sides = f"{self.ours:,.4g} {self.unit} against {self.floor:,.4g} ({self.floor_name})"
        return (
            f"{self.name:<34} ratio {self.ratio:>8.3g}  target {self.target:<8} {mark:<7} {sides}"
        )


def write(figures: list[Figure], path: Path) -> None:
    """Keep the run as JSON."""
    rows = [{**asdict(one), "ratio": one.ratio, "met": one.is_met} for one in figures]
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
