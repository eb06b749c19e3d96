"""Arithmetic of fen: shares that lose nothing, and the worth of single units.

Everything here is integer arithmetic on fen (1/100 yuan); nothing rounds twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def largest_remainder(amount_fen: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Share `amount_fen` over `weights` in proportion, to the fen, by largest remainder.

    The shares sum to the amount exactly; ties go to the earlier weight; no share exceeds its
    weight as long as the amount does not exceed the sum of weights.

    Raises:
        ValueError: a negative amount or weight, or an amount over nothing.
    """
    if amount_fen < 0 or any(weight < 0 for weight in weights):
        raise ValueError("amounts and weights must not be negative")
    whole = sum(weights)
    if whole == 0:
        if amount_fen:
            raise ValueError("nothing to share the amount over")
        return tuple(0 for _ in weights)
    shares = [amount_fen * weight // whole for weight in weights]
    left = amount_fen - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount_fen * weights[i] % whole), i))
    for index in by_remainder[:left]:
        shares[index] += 1
    return tuple(shares)


def unit_value(amount_fen: int, quantity: int, ordinal: int) -> int:
    """Worth of unit `ordinal` (1..quantity) of a cell of `amount_fen`.

    Unit j is floor(T*j/n) - floor(T*(j-1)/n): any subset can be refunded in any order and the
    whole never exceeds what was paid (rule A4); two units differ by one fen at most.

    Raises:
        ValueError: quantity < 1, ordinal outside 1..quantity, or a negative amount.
    """
    if quantity < 1 or not 1 <= ordinal <= quantity or amount_fen < 0:
        raise ValueError("needs amount >= 0 and 1 <= ordinal <= quantity")
    return amount_fen * ordinal // quantity - amount_fen * (ordinal - 1) // quantity


def units_value(amount_fen: int, quantity: int, ordinals: Iterable[int]) -> int:
    """Worth in fen of the given units of one cell, see `unit_value`."""
    return sum(unit_value(amount_fen, quantity, ordinal) for ordinal in ordinals)
