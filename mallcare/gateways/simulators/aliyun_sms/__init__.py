"""Aliyun SMS (Dysmsapi), simulated for one account."""

from mallcare.gateways.simulators.aliyun_sms.app import create_app
from mallcare.gateways.simulators.aliyun_sms.config import AliyunSmsSimulatorConfig

__all__ = ["AliyunSmsSimulatorConfig", "create_app"]
