"""What happened to a request and what was shown during it, as far as the caller may know who."""

from __future__ import annotations

from typing import cast

from api.schemas.cases import ActorOut, CaseEventOut, EvidenceOut, WordsOut
from mallcare.application.caller import Caller
from mallcare.domain.commands import Actor
from mallcare.domain.vocabulary import Action, Role, State
from mallcare.ports import CaseEvidence, CaseRecord, RecordedEvent

SEES_SUBJECTS = frozenset({Role.MALL, Role.OPERATIONS, Role.FINANCE, Role.AUDITOR})
"""Roles that see who of another side acted; all others see the role only."""


def words_out(record: CaseRecord) -> WordsOut:
    """What the customer asked for and wrote."""
    case = record.case
    return WordsOut(
        after_sales_no=case.after_sales_no,
        customer_id=case.customer_id,
        whole_order=case.whole_order,
        reason_code=case.reason_code,
        description=record.details.description,
        evidence=list(record.details.evidence),
    )


def event_out(event: RecordedEvent, caller: Caller) -> CaseEventOut:
    """A line of the record; who of another side acted stays their own affair."""
    return CaseEventOut(
        seq=event.seq,
        name=event.name,
        actor=_actor_out(event.actor, caller),
        at=event.at,
        version=event.version,
        from_state=State(event.from_state) if event.from_state else None,
        to_state=State(event.to_state) if event.to_state else None,
        command_id=event.command_id,
        refused_code=event.refused_code,
        facts={name: cast("str", fact) for name, fact in event.facts.items()},
    )


def may_read_evidence(shown: CaseEvidence, caller: Caller) -> bool:
    """Proof of a payment shows accounts: only for whoever settles or checks it."""
    return shown.about != Action.SETTLE_OFFLINE.value or caller.role in SEES_SUBJECTS


def evidence_out(shown: CaseEvidence, caller: Caller) -> EvidenceOut:
    """Something a party showed; who of another side did stays their own affair."""
    return EvidenceOut(
        about=shown.about,
        actor=_actor_out(shown.actor, caller),
        at=shown.at,
        evidence=list(shown.urls),
        text=shown.text,
    )


def _actor_out(actor: Actor, caller: Caller) -> ActorOut:
    named = caller.role in SEES_SUBJECTS or actor.role is caller.role
    return ActorOut(role=actor.role, subject=actor.subject if named else None)
