"""What a part of the benchmark hands in: aims, met or not, and the tables they come from."""

from __future__ import annotations

from dataclasses import dataclass, field

Row = tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """One table with its title."""

    title: str
    heads: Row
    rows: list[Row]


@dataclass(frozen=True)
class Aim:
    """One aim and what was measured of it; `least`: the measure should not be less, else not more."""

    name: str
    measured: float
    wanted: float
    least: bool = False

    def row(self) -> Row:
        """As the table of aims shows it."""
        met = self.measured >= self.wanted if self.least else self.measured <= self.wanted
        shown = f"{self.measured}" if isinstance(self.measured, int) else f"{self.measured:.2f}"
        wanted = f"{'>=' if self.least else '<='} {self.wanted:g}"
        return (self.name, wanted, shown, "yes" if met else "**no**")


@dataclass
class Part:
    """Everything one part found."""

    aims: list[Aim] = field(default_factory=list[Aim])
    sheets: list[Sheet] = field(default_factory=list[Sheet])
