"""WeCom application messages and group robots, simulated for one company and one application."""

from mallcare.gateways.simulators.wecom.app import create_app
from mallcare.gateways.simulators.wecom.config import WecomSimulatorConfig

__all__ = ["WecomSimulatorConfig", "create_app"]
