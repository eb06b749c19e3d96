"""What came back of a line, unit by unit: received by condition, accepted, refused, missing.

Accepted units are the lowest ordinals of the line, refused ones come next, missing ones last, so that
each unit has one fate and every party counts the same.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Units of a line by condition; together they are the units that were asked for."""

    good: int = 0
    damaged: int = 0
    wrong: int = 0
    missing: int = 0

    @property
    def arrived(self) -> int:
        """Units that are with the supplier now, in whatever condition."""
        return self.good + self.damaged + self.wrong


@dataclass(frozen=True, slots=True)
class Stock:
    """What becomes of a line's accepted goods: good units are sold again, damaged ones scrapped.

    A wrong unit is not this product, so it is neither; refused units are the customer's.
    """

    restock: int
    scrap: int


def refused_of(counts: Counts, accepted: int) -> int:
    """Units that arrived and were not accepted: they go back to the customer."""
    return max(0, counts.arrived - accepted)


def stock_of(counts: Counts, accepted: int) -> Stock:
    """The fate of accepted units; good ones are accepted before damaged ones, wrong ones last."""
    restock = min(accepted, counts.good)
    return Stock(restock, min(accepted - restock, counts.damaged))
