"""After-sales cases with their legs and parcels as rows and JSON, and back."""

from __future__ import annotations

from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase, OfflineSettlement, Proposal
from mallcare.domain.inspection import Counts
from mallcare.domain.parcels import Parcel
from mallcare.domain.quotes import CaseLine, Quote
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import DeadlineEffect, Kind, LegStatus, ParcelPurpose, State, TenderKind
from mallcare.persistence.codec import Columns, Values, instant, utc
from mallcare.ports.records import CaseDetails, CaseRecord

PAST_PIVOT = frozenset({State.REFUNDING.value, State.REFUND_FAILED.value, State.COMPLETED.value})
"""States of a refund-only whose refund was decided."""


def case_values(case: AfterSalesCase) -> Values:
    """The columns of a case's row that its own versions decide."""
    return {
        "after_sales_no": case.after_sales_no,
        "order_no": case.order_no,
        "supplier_id": case.supplier_id,
        "customer_id": case.customer_id,
        "kind": case.kind.value,
        "state": case.state.value,
        "version": case.version,
        "whole_order": case.whole_order,
        "lines": [_line_json(line) for line in case.lines],
        "quote": {
            "tenders": [tender.value for tender in case.quote.tenders],
            "goods": case.quote.goods,
            "freight": case.quote.freight,
            "freight_if_last_fen": case.quote.freight_if_last_fen,
        },
        "reason_code": case.reason_code,
        "policy_version": case.policy_version,
        "disputed": case.disputed,
        "cooling_off": case.cooling_off,
        "intercept": case.intercept,
        "escalated_at": case.escalated_at,
        "deadline_at": case.deadline_at,
        "deadline_effect": case.deadline_effect.value if case.deadline_effect else None,
        "extended_until": case.extended_until,
        "refund_decided_at": case.refund_decided_at,
        "proposal": _proposal_json(case.proposal),
        "return_address_set": case.return_address_set,
        "inspected_at": case.inspected_at,
        "missing_reported": case.missing_reported,
        "taken_over": case.taken_over,
        "settlement": _settlement_json(case.settlement),
        "created_at": case.created_at,
        "updated_at": case.updated_at,
    }


def case_record(row: Columns) -> CaseRecord:
    """The case of a row that carries its legs and parcels as JSON."""
    return CaseRecord(case_of(row), CaseDetails(row["description"], tuple(row["evidence"])))


def case_of(row: Columns) -> AfterSalesCase:
    """As `case_record`, without what the customer wrote."""
    quote = row["quote"]
    effect = row["deadline_effect"]
    return AfterSalesCase(
        after_sales_no=row["after_sales_no"],
        order_no=row["order_no"],
        supplier_id=row["supplier_id"],
        customer_id=row["customer_id"],
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        version=row["version"],
        whole_order=row["whole_order"],
        lines=tuple(_line(line) for line in row["lines"]),
        quote=Quote(
            tenders=tuple(TenderKind(tender) for tender in quote["tenders"]),
            goods=tuple(quote["goods"]),
            freight=tuple(quote["freight"]),
            freight_if_last_fen=quote["freight_if_last_fen"],
        ),
        reason_code=row["reason_code"],
        policy_version=row["policy_version"],
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        legs=tuple(refund_leg(leg) for leg in row["legs"] or ()),
        parcels=tuple(parcel_of(parcel) for parcel in row["parcels"] or ()),
        disputed=row["disputed"],
        cooling_off=row["cooling_off"],
        intercept=row["intercept"],
        escalated_at=utc(row["escalated_at"]),
        deadline_at=utc(row["deadline_at"]),
        deadline_effect=DeadlineEffect(effect) if effect else None,
        extended_until=utc(row["extended_until"]),
        refund_decided_at=_refund_decided_at(row),
        proposal=_proposal(row["proposal"]),
        return_address_set=row["return_address_set"],
        inspected_at=utc(row["inspected_at"]),
        missing_reported=row["missing_reported"],
        taken_over=row["taken_over"],
        settlement=_settlement(row["settlement"]),
    )


def leg_values(leg: RefundLeg) -> Values:
    """The columns of a leg's row that the leg itself decides."""
    return {
        "refund_no": leg.refund_no,
        "tender_seq": leg.tender_seq,
        "tender": leg.tender.value,
        "provider": leg.provider,
        "transaction_id": leg.transaction_id,
        "amount_fen": leg.amount_fen,
        "status": leg.status.value,
        "failure_code": leg.failure_code,
        "vendor_refund_id": leg.vendor_refund_id,
        "round": leg.round,
        "settled_at": leg.settled_at,
        "settled_offline": leg.settled_offline,
    }


def refund_leg(row: Columns) -> RefundLeg:
    """The leg of a row, or of a row as JSON."""
    return RefundLeg(
        refund_no=row["refund_no"],
        tender_seq=row["tender_seq"],
        tender=TenderKind(row["tender"]),
        provider=row["provider"],
        transaction_id=row["transaction_id"],
        amount_fen=row["amount_fen"],
        status=LegStatus(row["status"]),
        failure_code=row["failure_code"],
        vendor_refund_id=row["vendor_refund_id"],
        round=row["round"],
        settled_at=utc(row["settled_at"]),
        settled_offline=row["settled_offline"],
    )


def parcel_values(parcel: Parcel) -> Values:
    """The columns of a parcel's row that the parcel itself decides."""
    return {
        "purpose": parcel.purpose.value,
        "carrier": parcel.carrier,
        "waybill": parcel.waybill,
        "sent_at": parcel.sent_at,
        "moved_at": parcel.moved_at,
        "abnormal_at": parcel.abnormal_at,
        "signed_at": parcel.signed_at,
        "former_waybills": parcel.former_waybills,
    }


def parcel_of(row: Columns) -> Parcel:
    """The parcel of a row as JSON."""
    return Parcel(
        purpose=ParcelPurpose(row["purpose"]),
        carrier=row["carrier"],
        waybill=row["waybill"],
        sent_at=instant(row["sent_at"]),
        moved_at=utc(row["moved_at"]),
        abnormal_at=utc(row["abnormal_at"]),
        signed_at=utc(row["signed_at"]),
        former_waybills=tuple(row["former_waybills"]),
    )


def _line_json(line: CaseLine) -> Values:
    counts = line.received
    return {
        "line_id": line.line_id,
        "units": line.units,
        "accepted_quantity": line.accepted_quantity,
        "received": counts
        and {
            "good": counts.good,
            "damaged": counts.damaged,
            "wrong": counts.wrong,
            "missing": counts.missing,
        },
        "lowered": line.lowered,
    }


def _line(item: Columns) -> CaseLine:
    """Lines written before goods could come back name neither what was received nor a lowered worth."""
    received, lowered = item.get("received"), item.get("lowered")
    return CaseLine(
        line_id=item["line_id"],
        units=tuple(item["units"]),
        accepted_quantity=item["accepted_quantity"],
        received=None if received is None else Counts(**received),
        lowered=None if lowered is None else tuple(tuple(unit) for unit in lowered),
    )


def _refund_decided_at(row: Columns) -> datetime | None:
    """A process of an older release does not write the column, and knows refund-only alone."""
    decided = row["state"] in PAST_PIVOT and row["kind"] == Kind.REFUND_ONLY.value
    return utc(row["refund_decided_at"]) or (instant(row["updated_at"]) if decided else None)


def _proposal_json(proposal: Proposal | None) -> Values | None:
    return None if proposal is None else {"kind": proposal.kind.value, "goods_fen": proposal.goods_fen}


def _proposal(body: Columns | None) -> Proposal | None:
    return None if body is None else Proposal(Kind(body["kind"]), body["goods_fen"])


def _settlement_json(settlement: OfflineSettlement | None) -> Values | None:
    return None if settlement is None else {"maker": settlement.maker, "at": settlement.at.isoformat()}


def _settlement(body: Columns | None) -> OfflineSettlement | None:
    return None if body is None else OfflineSettlement(body["maker"], instant(body["at"]))
