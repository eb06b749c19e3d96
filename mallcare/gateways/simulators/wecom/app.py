"""WeCom's application messages and group robots, as its own HTTP service."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.messages.admin import MessageAdmin
from mallcare.gateways.simulators.messages.desk import AnsweringDesk, VendorRefusal
from mallcare.gateways.simulators.messages.ledger import MessageLedger, Taken
from mallcare.gateways.simulators.wecom.config import WecomSimulatorConfig
from mallcare.gateways.simulators.wecom.rules import (
    ApplicationMessage,
    read_application_message,
    read_robot_message,
)
from mallcare.gateways.simulators.wecom.tokens import TokenOffice
from mallcare.ports import Clock

_APPLICATION = "application"
_ROBOT = "robot"


class Members(BaseModel):
    """User ids that no message reaches: not in the application's scope, or without a licence."""

    model_config = ConfigDict(extra="forbid")

    unknown: tuple[str, ...] = ()
    unlicensed: tuple[str, ...] = ()


class RobotIn(BaseModel):
    """A robot the simulator should know."""

    model_config = ConfigDict(extra="forbid")

    key: str


def create_app(config: WecomSimulatorConfig, clock: Clock | None = None) -> FastAPI:
    """A WeCom of one company. `clock` defaults to the wall clock; another one moves tokens and quotas.

    `/admin/messages` tells what was shown to whom: channel `application` by user id, `robot` by key.
    """
    ledger = MessageLedger(config.ledger_path)
    desk = AnsweringDesk(ledger, clock or WallClock(), config.hold_seconds, config.slow_seconds)
    simulator = WecomSimulator(config, desk)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        ledger.close()

    app = FastAPI(title="WeCom simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_api_route("/cgi-bin/gettoken", simulator.gettoken, methods=["GET"])
    app.add_api_route("/cgi-bin/message/send", simulator.send, methods=["POST"])
    app.add_api_route("/cgi-bin/webhook/send", simulator.robot, methods=["POST"])
    app.include_router(MessageAdmin(desk).router())
    app.add_api_route("/admin/members", simulator.set_members, methods=["PUT"])
    app.add_api_route("/admin/robots", simulator.add_robot, methods=["POST"], status_code=201)
    app.add_api_route("/admin/tokens", simulator.tokens, methods=["GET"])
    app.add_api_route("/admin/tokens/revoke", simulator.revoke_token, methods=["POST"])
    return app


class WecomSimulator:
    """The vendor's side of each call."""

    def __init__(self, config: WecomSimulatorConfig, desk: AnsweringDesk) -> None:
        self._config = config
        self._desk = desk
        self._ledger = desk.ledger
        self._offices = TokenOffice(config, desk.clock)
        self._members = Members(unknown=config.unknown_members, unlicensed=config.unlicensed_members)
        self._robots = set(config.robot_keys)

    def _now(self) -> float:
        return self._desk.clock.now().timestamp()

    async def gettoken(self, request: Request) -> Response:
        """GET /cgi-bin/gettoken."""
        corp_id, secret = (request.query_params.get(name, "") for name in ("corpid", "corpsecret"))
        return await self._desk.answer(
            request, "gettoken", corp_id, lambda: self._offices.give(corp_id, secret)
        )

    async def send(self, request: Request) -> Response:
        """POST /cgi-bin/message/send: shown to each receiver that can be reached."""
        token, body = request.query_params.get("access_token", ""), await request.body()
        receiver = ""
        with contextlib.suppress(VendorRefusal):
            receiver = "|".join(read_application_message(body).receivers)

        def act() -> Mapping[str, object]:
            self._offices.check(token)
            return self._taken(read_application_message(body))

        return await self._desk.answer(request, "send", receiver, act)

    def _taken(self, message: ApplicationMessage) -> Mapping[str, object]:
        if message.agent_id != self._config.agent_id:
            raise VendorRefusal(301002, "not allowed to operate this agent")
        unknown = self._those_of(message, self._members.unknown)
        unlicensed = self._those_of(message, self._members.unlicensed)
        left_out = {
            name: "|".join(members).lower()
            for name, members in (("invaliduser", unknown), ("unlicenseduser", unlicensed))
            if members
        }
        reached = [user for user in message.receivers if user not in {*unknown, *unlicensed}]
        if not reached and self._config.all_invalid_errcode:
            raise VendorRefusal(
                self._config.all_invalid_errcode, "user & party & tag all invalid", **left_out
            )
        msgid = secrets.token_urlsafe(48)
        dropped = [self._show(message, user, msgid) for user in reached]
        if self._config.duplicate_errcode and dropped and set(dropped) == {"duplicate"}:
            raise VendorRefusal(self._config.duplicate_errcode, "duplicate message")
        return {"msgid": msgid, **left_out}

    @staticmethod
    def _those_of(message: ApplicationMessage, members: tuple[str, ...]) -> list[str]:
        named = {member.lower() for member in members}
        return [user for user in message.receivers if user.lower() in named]

    def _show(self, message: ApplicationMessage, user: str, msgid: str) -> str | None:
        """Write the message down for one member; why it is dropped, or None."""
        dropped = self._reason_to_drop(message, user)
        self._ledger.take(
            Taken(
                channel=_APPLICATION,
                receiver=user,
                msgtype=message.content.msgtype,
                content=message.content.fields,
                at=self._now(),
                vendor_message_id=msgid,
                dropped=dropped,
                truncated=message.content.truncated,
            )
        )
        return dropped

    def _reason_to_drop(self, message: ApplicationMessage, user: str) -> str | None:
        now = self._now()
        interval = message.check_seconds
        if interval is not None and self._ledger.was_shown(
            _APPLICATION, user, message.content.fields, now - interval
        ):
            return "duplicate"
        for seconds, most in ((60, self._config.member_per_minute), (3600, self._config.member_per_hour)):
            if self._ledger.shown_since(_APPLICATION, user, now - seconds) >= most:
                return "member_quota"
        return None

    async def robot(self, request: Request) -> Response:
        """POST /cgi-bin/webhook/send: shown to the key's group."""
        key, body = request.query_params.get("key", ""), await request.body()

        def act() -> Mapping[str, object]:
            if key not in self._robots:
                raise VendorRefusal(93000, "invalid webhook url")
            message, now = read_robot_message(body), self._now()
            if self._ledger.is_silenced(_ROBOT, key, now):
                raise VendorRefusal(45009, "api freq out of limit")
            if self._ledger.taken_since(_ROBOT, key, now - 60) >= self._config.robot_per_minute:
                self._ledger.silence(_ROBOT, key, now + self._config.robot_block_seconds)
                raise VendorRefusal(45009, "api freq out of limit")
            content = message.content
            self._ledger.take(
                Taken(_ROBOT, key, content.msgtype, content.fields, now, mentioned=message.mentioned)
            )
            return {}

        return await self._desk.answer(request, "robot", key, act)

    # --- for tests and demos -------------------------------------------------------------------

    async def set_members(self, members: Members) -> Members:
        """Who cannot be reached, from now on."""
        self._members = members
        return members

    async def add_robot(self, robot: RobotIn) -> RobotIn:
        self._robots.add(robot.key)
        return robot

    async def tokens(self) -> dict[str, int]:
        """How often a token was asked for, and how many different ones were given."""
        return {"fetches": self._offices.fetches, "issued": self._offices.issued}

    async def revoke_token(self) -> dict[str, int]:
        """Take the living token back, as the vendor may at any time."""
        self._offices.revoke()
        return await self.tokens()
