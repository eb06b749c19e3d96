"""Which gateway refunds which provider."""

from __future__ import annotations

import pytest

from mallcare.gateways.routing import RoutedPaymentGateway
from mallcare.ports import GatewayError
from tests.gateways.conftest import Wechat


@pytest.mark.rule("P3")
async def test_each_provider_has_its_own_gateway(wechat: Wechat) -> None:
    """A provider's refunds go over its gateway; an unknown one is named, never defaulted, and concludes
    nothing: a worker without a vendor's settings must not call a refund failed that may be paid."""
    routed = RoutedPaymentGateway({"wechat_pay": wechat.gateway})
    assert routed.for_provider("wechat_pay") is wechat.gateway
    with pytest.raises(GatewayError, match=r"'alipay'.*wechat_pay") as refused:
        routed.for_provider("alipay")
    assert refused.value.retryable
