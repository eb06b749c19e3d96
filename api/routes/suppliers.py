"""What suppliers tell about themselves: where they take returns."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import Cases
from api.documentation import READING, WRITING, problems
from api.parsing import address_of
from api.rendering.addresses import return_address_out
from api.schemas.addresses import AddressIn, ReturnAddressOut
from api.schemas.fields import Id
from api.security import SignedIn, SignedInRoute

router = APIRouter(tags=["suppliers"], route_class=SignedInRoute)

SupplierId = Annotated[Id, Path(description="The supplier.")]


@router.get(
    "/v1/suppliers/{supplier_id}/return-address",
    summary="Where a supplier takes returns",
    responses=problems(*READING, "not_allowed"),
)
async def get_return_address(supplier_id: SupplierId, caller: SignedIn, cases: Cases) -> ReturnAddressOut:
    """The address that approvals freeze from now on (the supplier itself, mall, operations)."""
    return return_address_out(supplier_id, await cases.return_addresses.get(supplier_id, caller))


@router.put(
    "/v1/suppliers/{supplier_id}/return-address",
    summary="Set where a supplier takes returns",
    responses=problems(*WRITING, "not_found"),
)
async def put_return_address(
    supplier_id: SupplierId, body: AddressIn, caller: SignedIn, cases: Cases
) -> ReturnAddressOut:
    """Name the address for approvals from now on (the supplier itself, mall, operations).

    Requests that were approved before keep the address they were given.
    """
    address = address_of(body)
    await cases.return_addresses.set(supplier_id, address, caller)
    return return_address_out(supplier_id, address)
