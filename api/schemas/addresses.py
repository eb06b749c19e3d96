"""Where goods go: of an order, of a return, of a replacement. Personal data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.bodies import Sent
from api.schemas.fields import ShortText, Word

EXAMPLE_ADDRESS: dict[str, JsonValue] = {
    "name": "售后仓",
    "phone": "075512345678",
    "province": "广东省",
    "city": "深圳市",
    "district": "宝安区",
    "address": "物流园路 8 号 3 栋",
}


class AddressIn(Sent):
    """Where goods go; personal data."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ADDRESS]})

    name: ShortText = Field(description="Name of the receiver.")
    phone: Word = Field(description="Telephone number of the receiver.")
    province: Word = Field(description="Province 省.")
    city: Word = Field(description="City 市.")
    district: Word = Field(description="District 区.")
    address: ShortText = Field(description="Street, number, door.")


class AddressOut(BaseModel):
    """Where goods go; masked for whoever has no need of it."""

    name: str = Field(description="Name of the receiver; masked: the first character.")
    phone: str = Field(description="Telephone number; masked: the first three and last four digits.")
    province: str = Field(description="Province 省.")
    city: str = Field(description="City 市.")
    district: str = Field(description="District 区.")
    address: str = Field(description="Street, number, door; masked: three stars.")


class CaseAddressesOut(BaseModel):
    """Where the goods of a request go."""

    after_sales_no: str = Field(description="Number of the request.")
    return_address: AddressOut | None = Field(
        description=(
            "Where the customer sends the goods, as frozen at the approval; null before, without goods to"
            " send, and while the supplier named none. Masked for finance and auditor."
        )
    )
    ship_to: AddressOut | None = Field(
        description=(
            "Where the replacement, or refused goods, go; null where nothing is sent or no address is known."
            " In full for its customer, mall and operations, and for the supplier while it has something to"
            " send there and until that arrived; else masked."
        )
    )


class ReturnAddressOut(BaseModel):
    """Where a supplier takes returns."""

    supplier_id: str = Field(description="The supplier.")
    return_address: AddressOut | None = Field(description="The address; null while none was named.")
