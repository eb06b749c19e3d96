"""Which gateway refunds which tender: by the payment provider named on the order's tender."""

from __future__ import annotations

from collections.abc import Mapping

from mallcare.ports import GatewayError, PaymentGateway


class RoutedPaymentGateway:
    """The configured gateways by provider name. The names are the mall's, matched exactly."""

    def __init__(self, by_provider: Mapping[str, PaymentGateway]) -> None:
        self._by_provider = dict(by_provider)

    def for_provider(self, provider: str) -> PaymentGateway:
        """The gateway of one provider.

        Raises:
            GatewayError: `unknown_provider`: our configuration, not the vendor's word, so the refund waits
                for it and nothing is concluded; money is never sent over a default.
        """
        try:
            return self._by_provider[provider]
        except KeyError:
            known = ", ".join(sorted(self._by_provider)) or "none"
            raise GatewayError(
                "unknown_provider",
                f"no payment gateway for {provider!r}; configured: {known}",
                retryable=True,
                outcome_unknown=False,
                retry_after_seconds=900,
            ) from None
