"""WeChat Pay V3 refunds: submit and ask, callbacks, the daily bill."""

from mallcare.gateways.wechat_pay.bills import WechatRefundBills
from mallcare.gateways.wechat_pay.callbacks import WechatRefundCallbacks
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.gateways.wechat_pay.refunds import HttpWechatPayGateway

__all__ = ["HttpWechatPayGateway", "WechatPayCredentials", "WechatRefundBills", "WechatRefundCallbacks"]
