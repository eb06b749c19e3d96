"""Who calls, and what of the platform is theirs."""

from __future__ import annotations

from dataclasses import dataclass

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Actor
from mallcare.domain.errors import NotAllowed, NotFound
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """The subject of a verified token. Suppliers and customers are bound to one id each."""

    role: Role
    subject: str
    supplier_id: str | None = None
    customer_id: str | None = None

    @property
    def actor(self) -> Actor:
        """The caller as a case's record names them."""
        return Actor(self.role, self.subject)

    @property
    def scope(self) -> str:
        """What Idempotency-Keys belong to: one subject may act for several suppliers or customers."""
        return "/".join((self.role.value, self.supplier_id or self.customer_id or "", self.subject))

    def sees(self, supplier_id: str, customer_id: str) -> bool:
        """Suppliers and customers see their own, everybody else sees all."""
        if self.role is Role.SUPPLIER:
            return supplier_id == self.supplier_id
        if self.role is Role.CUSTOMER:
            return customer_id == self.customer_id
        return True

    def require_case(self, case: AfterSalesCase | None, after_sales_no: str) -> AfterSalesCase:
        """The case, if it exists and is the caller's; the two failures look the same.

        Raises:
            NotFound
        """
        if case is None or not self.sees(case.supplier_id, case.customer_id):
            raise NotFound("there is no such after-sales request", after_sales_no=after_sales_no)
        return case

    def require_order(self, order: Order | None, order_no: str) -> Order:
        """The order, if it exists and is the caller's; the two failures look the same.

        Raises:
            NotFound
        """
        if order is None or not self.sees(order.supplier_id, order.customer_id):
            raise NotFound("there is no such order", order_no=order_no)
        return order

    def require_role(self, *roles: Role) -> None:
        """Refuse every role but the given ones.

        Raises:
            NotAllowed
        """
        if self.role not in roles:
            allowed = ", ".join(role.value for role in roles)
            raise NotAllowed(f"this needs one of the roles {allowed}", role=self.role.value)
