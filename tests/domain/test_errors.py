"""Errors: one code for each rule, and a stored refusal is the refusal it was."""

from __future__ import annotations

from mallcare.domain.errors import REFUSALS, DomainError, refused_as


def kinds_of(parent: type[DomainError]) -> set[type[DomainError]]:
    """An error and all that are more precise."""
    return {parent}.union(*(kinds_of(child) for child in parent.__subclasses__()))


def test_every_error_has_its_own_code_and_can_be_stored() -> None:
    """Codes are part of the HTTP contract: no two rules share one, and none is missing from the list."""
    domain_s_own = {x for x in kinds_of(DomainError) if x.__module__ == DomainError.__module__}
    assert set(REFUSALS.values()) == domain_s_own - {DomainError}
    assert {error.code for error in REFUSALS.values()} == set(REFUSALS)


def test_a_stored_refusal_comes_back_as_itself() -> None:
    """A repeated command gets the same error as the first time: class, words and facts."""
    for code, error in REFUSALS.items():
        refused = refused_as(code, "why", {"available": 2, "line_ids": ["A"]})
        assert type(refused) is error
        assert (str(refused), refused.detail) == ("why", "why")
        assert refused.facts == {"available": 2, "line_ids": ["A"]}
