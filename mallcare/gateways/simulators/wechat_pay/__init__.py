"""WeChat Pay V3 refunds, simulated for one merchant."""

from mallcare.gateways.simulators.wechat_pay.app import create_app
from mallcare.gateways.simulators.wechat_pay.config import WechatPaySimulatorConfig
from mallcare.gateways.simulators.wechat_pay.keys import GeneratedCredentials, generate_credentials

__all__ = ["GeneratedCredentials", "WechatPaySimulatorConfig", "create_app", "generate_credentials"]
