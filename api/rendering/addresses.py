"""Names, telephone numbers and addresses, in full or masked."""

from __future__ import annotations

from collections.abc import Callable

from api.schemas.addresses import AddressOut, CaseAddressesOut, ReturnAddressOut
from mallcare.application.caller import Caller
from mallcare.application.papers import CaseAddresses
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.vocabulary import Role, State
from mallcare.ports import Address

READS_PERSONAL_DATA = frozenset({Role.MALL, Role.OPERATIONS})
"""Roles that see all names, telephone numbers and addresses in full."""
SHIPS_A_RETURN = READS_PERSONAL_DATA | {Role.CUSTOMER, Role.SUPPLIER}
"""Roles that see in full where a return goes: whoever sends it, and whoever gets it."""
SHIPS_TO_CUSTOMER = frozenset({State.AWAITING_RESHIPMENT, State.RESHIPPED, State.RETURNING_TO_CUSTOMER})
"""States in which the supplier needs to know where the replacement, or refused goods, go."""

Mask = Callable[[str, str], str]


def in_full(_field: str, value: str) -> str:
    """The value as it is."""
    return value


def masked(field: str, value: str) -> str:
    """Enough to recognise, not enough to reach: the first character, or the ends of a number."""
    if field == "name":
        return value[:1] + "**"
    if field == "phone":
        return f"{value[:3]}****{value[-4:]}" if len(value) >= 11 else "****"
    return "***"


def address_out(kept: Address | None, mask: Mask) -> AddressOut | None:
    """An address as far as the mask lets it be read; province, city and district always are."""
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


def case_addresses_out(case: AfterSalesCase, addresses: CaseAddresses, caller: Caller) -> CaseAddressesOut:
    """Where the goods of a request go, in full for whoever has to send something there."""
    return CaseAddressesOut(
        after_sales_no=case.after_sales_no,
        return_address=address_out(
            addresses.return_address, in_full if caller.role in SHIPS_A_RETURN else masked
        ),
        ship_to=address_out(addresses.ship_to, in_full if _may_read_delivery(case, caller.role) else masked),
    )


def return_address_out(supplier_id: str, kept: Address | None) -> ReturnAddressOut:
    """Where a supplier takes returns; whoever may ask may read it."""
    return ReturnAddressOut(supplier_id=supplier_id, return_address=address_out(kept, in_full))


def _may_read_delivery(case: AfterSalesCase, role: Role) -> bool:
    if role is Role.SUPPLIER:
        return case.state in SHIPS_TO_CUSTOMER or (bool(case.refused_units) and not case.state.final)
    return role in READS_PERSONAL_DATA or role is Role.CUSTOMER
