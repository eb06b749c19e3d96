"""DingTalk's group robots, as their own HTTP service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.dingtalk.config import DingtalkSimulatorConfig, SimulatedRobot
from mallcare.gateways.simulators.dingtalk.rules import (
    Caller,
    RobotMessage,
    admit,
    read_message,
    start_of_day,
)
from mallcare.gateways.simulators.messages.admin import MessageAdmin
from mallcare.gateways.simulators.messages.desk import AnsweringDesk, VendorRefusal
from mallcare.gateways.simulators.messages.ledger import MessageLedger, Taken
from mallcare.ports import Clock

_ROBOT = "robot"
_MINUTE = 60.0


def create_app(config: DingtalkSimulatorConfig, clock: Clock | None = None) -> FastAPI:
    """Some groups' robots. `clock` defaults to the wall clock; another one moves freshness and quotas.

    `/admin/messages` tells what was shown to whom: channel `robot` by access token.
    """
    ledger = MessageLedger(config.ledger_path)
    desk = AnsweringDesk(ledger, clock or WallClock(), config.hold_seconds, config.slow_seconds)
    simulator = DingtalkSimulator(config, desk)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        ledger.close()

    app = FastAPI(title="DingTalk simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_api_route("/robot/send", simulator.send, methods=["POST"])
    app.include_router(MessageAdmin(desk).router())
    app.add_api_route("/admin/robots", simulator.set_robot, methods=["PUT"])
    return app


class DingtalkSimulator:
    """The vendor's side of a call: the robot, its security settings, the quota, the message."""

    def __init__(self, config: DingtalkSimulatorConfig, desk: AnsweringDesk) -> None:
        self._config = config
        self._desk = desk
        self._ledger = desk.ledger
        self._robots = {robot.access_token: robot for robot in config.robots}

    async def send(self, request: Request) -> Response:
        """POST /robot/send: shown to the token's group."""
        query, body = request.query_params, await request.body()
        token = query.get("access_token", "")
        caller = Caller(
            timestamp=query.get("timestamp", ""),
            sign=query.get("sign", ""),
            address=request.client.host if request.client else "",
        )
        is_json = request.headers.get("content-type", "").lower().startswith("application/json")

        def act() -> Mapping[str, object]:
            if not is_json:
                raise VendorRefusal(43004, "application/json is needed")
            self._take(token, caller, body)
            return {}

        return await self._desk.answer(request, "send", token, act)

    def _take(self, token: str, caller: Caller, body: bytes) -> None:
        now = self._desk.clock.now().timestamp()
        if not token:
            raise VendorRefusal(40035, "miss param : access_token")
        robot = self._robots.get(token)
        if robot is None:
            raise VendorRefusal(self._config.unknown_token_errcode, "token is not exist")
        if robot.stopped:
            raise VendorRefusal(400102, "bot is stopped")
        admit(robot, caller, body, now, self._config.freshness_seconds)
        self._spend_quota(token, now)
        message = read_message(body, self._config.most_bytes)
        dropped = self._reason_to_drop(token, message, now)
        mentioned = () if dropped else message.mentioned
        self._ledger.take(
            Taken(_ROBOT, token, message.msgtype, message.fields, now, mentioned=mentioned, dropped=dropped)
        )

    def _spend_quota(self, token: str, now: float) -> None:
        too_fast = VendorRefusal(130101, f"send too fast, exceed {self._config.per_minute} times per minute")
        if self._ledger.is_silenced(_ROBOT, token, now):
            raise too_fast
        if self._ledger.taken_since(_ROBOT, token, now - _MINUTE) >= self._config.per_minute:
            self._ledger.silence(_ROBOT, token, now + self._config.block_seconds)
            raise too_fast

    def _reason_to_drop(self, token: str, message: RobotMessage, now: float) -> str | None:
        repeated = self._config.same_text_once_a_day and self._ledger.was_shown(
            _ROBOT, token, message.fields, start_of_day(now)
        )
        return "same_text_today" if repeated else None

    # --- for tests and demos -------------------------------------------------------------------

    async def set_robot(self, robot: SimulatedRobot) -> SimulatedRobot:
        """Know a robot, or change its settings."""
        self._robots[robot.access_token] = robot
        return robot
