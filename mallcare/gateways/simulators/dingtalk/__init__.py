"""DingTalk group robots, simulated."""

from mallcare.gateways.simulators.dingtalk.app import create_app
from mallcare.gateways.simulators.dingtalk.config import DingtalkSimulatorConfig, SimulatedRobot

__all__ = ["DingtalkSimulatorConfig", "SimulatedRobot", "create_app"]
