"""Requests and quotes as the caller sees them."""

from __future__ import annotations

from collections.abc import Mapping

from api.schemas.after_sales import QuoteAmounts, QuotedLine, QuotedUnit, QuoteOut, TenderAmount
from api.schemas.cases import CaseLineOut, CaseOut, ParcelOut, ProposalOut, ReceivedOut, RefundOut
from mallcare.application.caller import Caller
from mallcare.application.submit import Quoted, RenderCase
from mallcare.domain.after_sales import Proposal
from mallcare.domain.book import Unit
from mallcare.domain.parcels import Parcel
from mallcare.domain.quotes import CaseLine, Quote
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.transitions import allowed_actions
from mallcare.domain.vocabulary import Kind, TenderKind
from mallcare.ports import CaseRecord


def case_out(record: CaseRecord, caller: Caller) -> CaseOut:
    """A request as the caller sees it; refunds in the order's order of tenders."""
    case = record.case
    return CaseOut(
        after_sales_no=case.after_sales_no,
        order_no=case.order_no,
        supplier_id=case.supplier_id,
        kind=case.kind,
        state=case.state,
        version=case.version,
        disputed=case.disputed,
        cooling_off=case.cooling_off,
        intercept=case.intercept,
        return_address_set=case.return_address_set,
        proposal=_proposal_out(case.proposal),
        lines=[_line_out(line) for line in case.lines],
        quote=quote_amounts(case.quote),
        refunds=[_refund_out(leg) for leg in sorted(case.legs, key=lambda leg: leg.tender_seq)],
        parcels=[_parcel_out(parcel) for parcel in sorted(case.parcels, key=lambda parcel: parcel.sent_at)],
        deadline_at=case.deadline_at,
        deadline_effect=case.deadline_effect,
        allowed_actions=list(allowed_actions(case, caller.role)),
        policy_version=case.policy_version,
        created_at=case.created_at,
        updated_at=case.updated_at,
    )


def case_renderer(caller: Caller) -> RenderCase:
    """Makes the stored body of a creation: JSON, as it will be answered each time."""

    def render(record: CaseRecord) -> Mapping[str, object]:
        return case_out(record, caller).model_dump(mode="json")

    return render


def _line_out(line: CaseLine) -> CaseLineOut:
    came = line.received
    return CaseLineOut(
        line_id=line.line_id,
        quantity=line.quantity,
        units=list(line.units),
        accepted_quantity=line.accepted_quantity,
        received=ReceivedOut(good=came.good, damaged=came.damaged, wrong=came.wrong, missing=came.missing)
        if came is not None
        else None,
        refused_quantity=len(line.refused),
    )


def _refund_out(leg: RefundLeg) -> RefundOut:
    return RefundOut(
        refund_no=leg.refund_no,
        tender=leg.tender,
        amount_fen=leg.amount_fen,
        status=leg.status,
        failure_code=leg.failure_code,
        settled_at=leg.settled_at,
        settled_offline=leg.settled_offline,
    )


def _parcel_out(parcel: Parcel) -> ParcelOut:
    return ParcelOut(
        purpose=parcel.purpose,
        carrier=parcel.carrier,
        waybill=parcel.waybill,
        sent_at=parcel.sent_at,
        moved_at=parcel.moved_at,
        signed_at=parcel.signed_at,
        abnormal=parcel.abnormal,
    )


def _proposal_out(proposal: Proposal | None) -> ProposalOut | None:
    if proposal is None:
        return None
    return ProposalOut(kind=proposal.kind, goods_fen=proposal.goods_fen)


def quote_amounts(quote: Quote) -> QuoteAmounts:
    """The money of a request."""
    return QuoteAmounts(
        total_fen=quote.total_fen,
        goods_fen=quote.goods_fen,
        freight_fen=quote.freight_fen,
        freight_if_last_fen=quote.freight_if_last_fen,
        tenders=_by_tender(quote.tenders, quote.by_tender),
    )


def quote_out(quoted: Quoted, kind: Kind) -> QuoteOut:
    """A quote unit by unit."""
    return QuoteOut(
        order_no=quoted.book.order.order_no,
        kind=kind,
        lines=[
            QuotedLine(
                line_id=line.line_id,
                quantity=line.quantity,
                units=[_quoted_unit(quoted, Unit(line.line_id, ordinal)) for ordinal in line.units],
            )
            for line in quoted.lines
        ],
        quote=quote_amounts(quoted.quote),
    )


def _quoted_unit(quoted: Quoted, unit: Unit) -> QuotedUnit:
    worth = quoted.book.value((unit,))
    return QuotedUnit(
        unit=unit.ordinal, amount_fen=sum(worth), tenders=_by_tender(quoted.quote.tenders, worth)
    )


def _by_tender(tenders: tuple[TenderKind, ...], amounts: tuple[int, ...]) -> list[TenderAmount]:
    return [
        TenderAmount(tender=tender, amount_fen=amount)
        for tender, amount in zip(tenders, amounts, strict=True)
    ]
