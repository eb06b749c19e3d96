"""Which gateway refunds which tender: by the payment provider named on the order's tender."""

from __future__ import annotations

from collections.abc import Mapping

from mallcare.ports import PaymentGateway


class UnknownPaymentProvider(LookupError):
    """An order was paid through a provider that nothing here can refund over."""

    def __init__(self, provider: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"no payment gateway for provider {provider!r}; configured: {', '.join(known) or 'none'}"
        )
        self.provider = provider


class RoutedPaymentGateway:
    """The configured gateways by provider name. The names are the mall's, matched exactly."""

    def __init__(self, by_provider: Mapping[str, PaymentGateway]) -> None:
        self._by_provider = dict(by_provider)

    def for_provider(self, provider: str) -> PaymentGateway:
        """The gateway of one provider.

        Raises:
            UnknownPaymentProvider: none is configured; money is never sent over a default.
        """
        try:
            return self._by_provider[provider]
        except KeyError:
            raise UnknownPaymentProvider(provider, tuple(sorted(self._by_provider))) from None
