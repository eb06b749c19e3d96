"""Reopening the customer's entry of an order whose after-sales window has passed (A5)."""

from __future__ import annotations

from datetime import datetime

from mallcare.domain.book import OrderBook
from mallcare.domain.errors import WindowStillOpen
from mallcare.domain.policy import AfterSalesPolicy


def extend_window(book: OrderBook, policy: AfterSalesPolicy, now: datetime) -> datetime:
    """The new end (half-open) of the entry: one policy period from now, or from the end it already has.

    Only an order past its regular window can be extended, so extensions stack upon each other but
    never upon a window that is open by itself.

    Raises:
        WindowStillOpen: the regular window has not passed.
    """
    regular = book.regular_window_until(policy)
    if regular is None or now < regular:
        raise WindowStillOpen(
            "the after-sales window is still open, so there is nothing to extend",
            after_sales_until=regular.isoformat() if regular else None,
        )
    return max(now, book.extended_until or now) + policy.window_extension
