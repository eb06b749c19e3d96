"""From what use cases answer to the bodies of the contract, as far as the caller may read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

from api.errors import refusal_body
from api.schemas.after_sales import (
    ActorOut,
    CaseEventOut,
    CaseLineOut,
    CaseOut,
    QuoteAmounts,
    QuotedLine,
    QuotedUnit,
    QuoteOut,
    RefundOut,
    TenderAmount,
    WordsOut,
)
from api.schemas.orders import (
    AddressOut,
    CustomerOut,
    DiscountOut,
    LineOut,
    OrderOut,
    OrderResult,
    PaymentOut,
    TenderOut,
)
from api.schemas.problems import Problem
from api.schemas.windows import WindowExtensionOut
from mallcare.application.caller import Caller
from mallcare.application.order_standing import OrderStanding
from mallcare.application.orders import IntakeResult
from mallcare.application.submit import Quoted, RenderCase
from mallcare.domain.book import Unit
from mallcare.domain.quotes import Quote
from mallcare.domain.vocabulary import Kind, Role, State, TenderKind
from mallcare.ports import CaseRecord, RecordedEvent

READS_PERSONAL_DATA = frozenset({Role.MALL, Role.OPERATIONS})
"""Roles that see names, telephone numbers and addresses in full; all others see them masked."""
SEES_SUBJECTS = frozenset({Role.MALL, Role.OPERATIONS, Role.FINANCE, Role.AUDITOR})
"""Roles that see who of another side acted; all others see the role only."""


# --- cases ---------------------------------------------------------------------------------------


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
        lines=[
            CaseLineOut(
                line_id=line.line_id,
                quantity=line.quantity,
                units=list(line.units),
                accepted_quantity=line.accepted_quantity,
            )
            for line in case.lines
        ],
        quote=quote_amounts(case.quote),
        refunds=[
            RefundOut(
                refund_no=leg.refund_no,
                tender=leg.tender,
                amount_fen=leg.amount_fen,
                status=leg.status,
                failure_code=leg.failure_code,
                settled_at=leg.settled_at,
            )
            for leg in sorted(case.legs, key=lambda leg: leg.tender_seq)
        ],
        deadline_at=case.deadline_at,
        deadline_effect=case.deadline_effect,
        allowed_actions=list(case.allowed_actions(caller.role)),
        policy_version=case.policy_version,
        created_at=case.created_at,
        updated_at=case.updated_at,
    )


def case_renderer(caller: Caller) -> RenderCase:
    """Makes the stored body of a creation: JSON, as it will be answered each time."""

    def render(record: CaseRecord) -> Mapping[str, object]:
        return case_out(record, caller).model_dump(mode="json")

    return render


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
    named = caller.role in SEES_SUBJECTS or event.actor.role is caller.role
    return CaseEventOut(
        seq=event.seq,
        name=event.name,
        actor=ActorOut(role=event.actor.role, subject=event.actor.subject if named else None),
        at=event.at,
        version=event.version,
        from_state=State(event.from_state) if event.from_state else None,
        to_state=State(event.to_state) if event.to_state else None,
        command_id=event.command_id,
        refused_code=event.refused_code,
        facts={name: cast("str", fact) for name, fact in event.facts.items()},
    )


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


# --- orders --------------------------------------------------------------------------------------


def intake_out(result: IntakeResult) -> OrderResult:
    """What became of one snapshot."""
    refusal = result.refusal
    return OrderResult(
        order_no=result.order_no,
        status=cast("Literal['applied', 'unchanged', 'ignored', 'refused']", result.status),
        version=result.version,
        problem=Problem.model_validate(refusal_body(refusal)) if refusal is not None else None,
    )


def order_out(standing: OrderStanding, caller: Caller) -> OrderOut:
    """An order and what follows from it, personal data masked unless the role may read it."""
    order = standing.record.order
    mask = _in_full if caller.role in READS_PERSONAL_DATA else _masked
    return OrderOut(
        order_no=order.order_no,
        version=order.version,
        supplier_id=order.supplier_id,
        channel=order.channel,
        customer=_customer(standing, mask),
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        payment=PaymentOut(
            tenders=[
                TenderOut(
                    tender=tender.tender,
                    provider=tender.provider,
                    transaction_id=tender.transaction_id,
                    transaction_total_fen=tender.transaction_total_fen,
                    amount_fen=tender.amount_fen,
                )
                for tender in order.tenders
            ]
        ),
        freight_fen=order.freight_fen,
        discounts=[
            DiscountOut(
                discount_id=discount.discount_id,
                amount_fen=discount.amount_fen,
                line_ids=list(discount.line_ids) if discount.line_ids is not None else None,
            )
            for discount in order.discounts
        ],
        lines=[
            LineOut(
                line_id=line.line_id,
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit_price_fen=line.unit_price_fen,
                freight_insured=line.freight_insured,
                returnable=line.returnable,
                refundable_quantity=standing.book.refundable_quantity(line.line_id),
            )
            for line in order.lines
        ],
        ship_to=_ship_to(standing, mask),
        cooling_off_until=standing.cooling_off_until,
        released_at=standing.released_at,
        after_sales_until=standing.after_sales_until,
        after_sales_window_extensions=[
            WindowExtensionOut(
                after_sales_until=extension.until,
                reason=extension.reason if caller.role in SEES_SUBJECTS else None,
                extended_at=extension.at,
            )
            for extension in standing.extensions
        ],
    )


Mask = Callable[[str, str], str]


def _in_full(_field: str, value: str) -> str:
    return value


def _masked(field: str, value: str) -> str:
    """Enough to recognise, not enough to reach: the first character, or the ends of a number."""
    if field == "name":
        return value[:1] + "**"
    if field == "phone":
        return f"{value[:3]}****{value[-4:]}" if len(value) >= 11 else "****"
    return "***"


def _customer(standing: OrderStanding, mask: Mask) -> CustomerOut:
    kept = standing.record.personal.customer
    name, phone, openid = (kept.get(field) for field in ("name", "phone", "openid"))
    return CustomerOut(
        customer_id=standing.record.order.customer_id,
        name=mask("name", name) if name else None,
        phone=mask("phone", phone) if phone else None,
        openid=openid if mask is _in_full else None,
    )


def _ship_to(standing: OrderStanding, mask: Mask) -> AddressOut | None:
    kept = standing.record.personal.ship_to
    if kept is None:
        return None
    return AddressOut(
        name=mask("name", kept["name"]),
        phone=mask("phone", kept["phone"]),
        province=kept["province"],
        city=kept["city"],
        district=kept["district"],
        address=mask("address", kept["address"]),
    )
