"""Every command of returns and exchanges: what it does, once; when and how it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import Action
from tests.api.calls import Json, answered, command_body, problem_of
from tests.api.conftest import Api
from tests.api.journeys import (
    HOME,
    PICTURES,
    STEPS,
    TO_INSPECTION,
    TO_RESHIPMENT,
    WAREHOUSE,
    asked,
    command_of,
    go,
)

RR, EX, RO = "return_refund", "exchange", "refund_only"
FAILED = ("approve-without-address", "failed")

WORKS: list[tuple[str, str, tuple[str, ...], str, str]] = [
    ("approve", RR, (), "AWAITING_RETURN", "approved"),
    ("approve-without-address", EX, (), "AWAITING_RETURN", "approved"),
    ("propose", RR, (), "PENDING_CUSTOMER", "proposed"),
    ("request-evidence", RR, (), "PENDING_CUSTOMER", "evidence_requested"),
    ("accept-proposal", RR, ("propose",), "AWAITING_RETURN", "proposal_accepted"),
    ("accept-proposal", RO, ("propose",), "REFUNDING", "proposal_accepted"),
    ("decline-proposal", RR, ("propose",), "PENDING_REVIEW", "proposal_declined"),
    ("submit-evidence", RR, ("request-evidence",), "PENDING_REVIEW", "evidence_submitted"),
    ("cancel", RR, ("propose",), "CANCELLED", "cancelled"),
    ("cancel", RR, ("approve",), "CANCELLED", "cancelled"),
    ("set-return-address", RR, ("approve-without-address",), "AWAITING_RETURN", "return_address_set"),
    ("submit-waybill", RR, ("approve",), "RETURN_IN_TRANSIT", "waybill_submitted"),
    ("correct-waybill", RR, ("approve", "submit-waybill"), "RETURN_IN_TRANSIT", "waybill_corrected"),
    ("receive", RR, ("approve", "submit-waybill"), "INSPECTING", "received"),
    ("receive", RR, TO_INSPECTION, "INSPECTING", "received"),
    ("accept", RR, TO_INSPECTION, "REFUNDING", "accepted"),
    ("accept", EX, TO_INSPECTION, "AWAITING_RESHIPMENT", "accepted"),
    ("refuse", RR, TO_INSPECTION, "RETURNING_TO_CUSTOMER", "refused"),
    ("ship-back", RR, (*TO_INSPECTION, "refuse"), "RETURNING_TO_CUSTOMER", "shipped_back"),
    ("confirm", EX, (*TO_INSPECTION, "refuse", "ship-back"), "REJECTED", "goods_back_with_customer"),
    ("change-address", EX, (), "PENDING_REVIEW", "address_changed"),
    ("reship", EX, TO_RESHIPMENT, "RESHIPPED", "reshipped"),
    ("out-of-stock", EX, TO_RESHIPMENT, "OUT_OF_STOCK", "out_of_stock"),
    ("choose", EX, (*TO_RESHIPMENT, "out-of-stock"), "AWAITING_RESHIPMENT", "waiting_chosen"),
    ("confirm", EX, (*TO_RESHIPMENT, "reship"), "COMPLETED", "completed"),
    ("report-missing", EX, (*TO_RESHIPMENT, "reship"), "RESHIPPED", "missing_reported"),
    ("retry-refund", RO, FAILED, "REFUNDING", "refund_retried"),
    ("settle-offline", RO, FAILED, "REFUND_FAILED", "offline_settlement_proposed"),
    ("extend-deadline", EX, TO_RESHIPMENT, "AWAITING_RESHIPMENT", "deadline_extended"),
    ("close", EX, (*TO_RESHIPMENT, "refunded-by-mall"), "CLOSED", "closed"),
    ("close", RO, ("closed-by-mall",), "CLOSED", "closed"),
    ("resume", RO, (*FAILED, "refunded-by-mall"), "REFUND_FAILED", "resumed"),
]
"""Step, kind, the way to it, the state it leads to, the last line of the record."""


def test_every_command_of_the_domain_is_tried_here() -> None:
    """A command without a line above fails here; `reject` has its own tests."""
    tried = {command_of(step) for step, *_ in WORKS} | {"reject"}
    assert tried == {action.value for action in Action}


@pytest.mark.parametrize(
    ("step", "kind", "way", "state", "event"), WORKS, ids=[f"{w[0]} {w[1]} {w[3]}" for w in WORKS]
)
async def test_a_command_does_its_work_once(
    api: Api, step: str, kind: str, way: tuple[str, ...], state: str, event: str
) -> None:
    """Offered, it leads where the table says, is on record, hints; repeated, it answers alike."""
    no = await asked(api, kind)
    await go(api, no, *way)
    role, more = STEPS[step]
    caller, command = getattr(api, role), command_of(step)
    path = f"/v1/after-sales/{no}"
    assert command in answered(await caller.get(path))["allowed_actions"]
    body = command_body(**more)
    done = answered(await caller("POST", f"{path}/{command}", body))
    assert done["state"] == state
    record = answered(await api.mall.get(f"{path}/events"))["items"]
    assert (record[-1]["name"], record[-1]["to_state"]) == (event, state)
    assert api.hints.offered[-1][0].version == done["version"]
    assert api.hints.signals[-1] == Signal[command.replace("-", "_").upper()]
    assert answered(await caller("POST", f"{path}/{command}", body)) == done
    other = {**body, "expected_version": done["version"]}
    problem_of(await caller("POST", f"{path}/{command}", other), 409, "idempotency_mismatch")
    assert len(answered(await api.mall.get(f"{path}/events"))["items"]) == len(record)


async def test_a_request_that_ended_takes_no_command(api: Api) -> None:
    """Each of its usual caller: 409 with the state, twice the same, kept in the record."""
    no = await asked(api, EX)
    await go(api, no, "cancel")
    for step, (role, more) in STEPS.items():
        command, body = command_of(step), command_body(**more)
        path = f"/v1/after-sales/{no}/{command}"
        refused = problem_of(await getattr(api, role)("POST", path, body), 409, "illegal_transition")
        assert refused["current_state"] == "CANCELLED"
        assert problem_of(await getattr(api, role)("POST", path, body), 409, "illegal_transition") == refused
    record = answered(await api.mall.get(f"/v1/after-sales/{no}/events"))["items"]
    assert [line["name"] for line in record[2:]] == [command_of(step) for step in STEPS]
    assert {line["refused_code"] for line in record[2:]} == {"illegal_transition"}


@pytest.mark.parametrize(
    ("kind", "way", "step"),
    [
        (RR, (), "change-address"),
        (RO, (), "submit-waybill"),
        (RR, (), "submit-waybill"),
        (RR, ("approve",), "set-return-address"),
        (RR, ("approve",), "receive"),
        (RR, ("approve", "submit-waybill"), "cancel"),
        (RR, ("approve", "submit-waybill"), "accept"),
        (RR, TO_INSPECTION, "correct-waybill"),
        (RR, TO_INSPECTION, "reship"),
        (RR, ("propose",), "submit-evidence"),
        (RR, ("request-evidence",), "accept-proposal"),
        (RR, (*TO_INSPECTION, "refuse"), "confirm"),
        (EX, (*TO_INSPECTION, "refuse", "ship-back"), "ship-back"),
        (EX, TO_RESHIPMENT, "ship-back"),
        (EX, TO_RESHIPMENT, "choose"),
        (EX, (*TO_RESHIPMENT, "reship"), "change-address"),
        (EX, (*TO_RESHIPMENT, "reship"), "out-of-stock"),
        (EX, (*TO_RESHIPMENT, "reship", "report-missing"), "report-missing"),
        (RO, ("approve-without-address",), "settle-offline"),
        (RO, (*FAILED, "refunded-by-mall"), "retry-refund"),
        (RO, (*FAILED, "refunded-by-mall"), "settle-offline"),
        (RO, (*FAILED, "refunded-by-mall"), "close"),
        (RO, FAILED, "resume"),
        (RR, TO_INSPECTION, "close"),
    ],
    ids=str,
)
async def test_a_command_out_of_place_is_refused(
    api: Api, kind: str, way: tuple[str, ...], step: str
) -> None:
    """Not offered, and 409 with the state; nothing changes."""
    no = await asked(api, kind)
    await go(api, no, *way)
    role, more = STEPS[step]
    caller = getattr(api, role)
    before = answered(await caller.get(f"/v1/after-sales/{no}"))
    assert step not in before["allowed_actions"]
    refusal = await caller.command(no, command_of(step), **more)
    assert problem_of(refusal, 409, "illegal_transition")["current_state"] == before["state"]
    assert answered(await caller.get(f"/v1/after-sales/{no}")) == before


def without(name: str) -> Json:
    """An address with a member missing."""
    return {key: value for key, value in HOME.items() if key != name}


LINE: Json = {"line_id": "1"}
WAYBILLS: list[Any] = ["", "12345", "x" * 41, "SF12345!", "顺丰1234567", "SF1234\x00", "\ud800" * 8, 7, None]
CARRIERS: list[Any] = ["", "a b", "顺丰", "x" * 33, "ſf", 7, None]
COUNTS: list[Any] = [-1, 1.0, "1", True, 10_001, None]
PROOFS: list[Any] = [[], ["ftp://x.example/1"], [7], PICTURES[:1] * 21, "https://x.example/1", None]
TEXTS: list[Any] = ["", "a\x00b", "x" * 2001, 7]
ADDRESSES: list[Any] = [None, {}, "home", *(without(name) for name in HOME), {**HOME, "phone": "\x00"}]

BAD: dict[str, list[Json]] = {
    "approve": [{"return_address": bad} for bad in ADDRESSES[1:]],
    "propose": [
        {},
        {"goods_fen": 1},
        {"message": "x"},
        *({"message": "x", "goods_fen": bad} for bad in (-1, 1.0, "1", True, 10**13)),
        *({"message": "x", "kind": bad} for bad in ("refund", "", 7)),
        *({"message": bad, "goods_fen": 1} for bad in TEXTS),
    ],
    "request-evidence": [{}, *({"message": bad} for bad in TEXTS)],
    "accept-proposal": [{"goods_fen": 1}],
    "decline-proposal": [{"reason": "x"}],
    "submit-evidence": [
        {},
        *({"evidence": bad} for bad in PROOFS),
        *({"evidence": PICTURES, "message": bad} for bad in TEXTS),
    ],
    "set-return-address": [{}, *({"return_address": bad} for bad in ADDRESSES)],
    "change-address": [{}, *({"ship_to": bad} for bad in ADDRESSES)],
    **{
        command: [
            {},
            {"carrier": "shunfeng"},
            {"waybill": "SF1234567"},
            *({"carrier": "shunfeng", "waybill": bad} for bad in WAYBILLS),
            *({"carrier": bad, "waybill": "SF1234567"} for bad in CARRIERS),
        ]
        for command in ("submit-waybill", "correct-waybill", "ship-back", "reship")
    },
    "receive": [
        {},
        {"lines": None},
        {"lines": LINE},
        {"lines": [{}]},
        {"lines": [LINE] * 201},
        {"lines": [{**LINE, "broken": 1}]},
        {"lines": [{"line_id": "#freight", "good": 1}]},
        *(
            {"lines": [{**LINE, condition: bad}]}
            for condition in ("good", "damaged", "wrong", "missing")
            for bad in COUNTS
        ),
    ],
    "accept": [
        {},
        {"lines": []},
        {"lines": [LINE]},
        {"lines": [{**LINE, "quantity": 1}], "reason": ""},
        *({"lines": [{**LINE, "quantity": bad}]} for bad in COUNTS),
    ],
    "refuse": [
        {},
        *({"reason": bad} for bad in TEXTS),
        *({"reason": "x", "evidence": bad} for bad in PROOFS[1:]),
    ],
    "out-of-stock": [{"choice": "wait"}],
    "choose": [{}, *({"choice": bad} for bad in ("", "both", None, 7, ["wait"]))],
    "confirm": [{"state": "COMPLETED"}],
    "report-missing": [{"message": "x"}],
    "settle-offline": [
        {},
        *({"evidence": bad} for bad in PROOFS),
        *({"evidence": PICTURES, "note": bad} for bad in TEXTS),
    ],
    **{command: [{}, *({"reason": bad} for bad in TEXTS)] for command in ("close", "resume")},
}


@pytest.mark.parametrize("command", sorted(BAD))
async def test_a_body_that_says_something_else_is_refused(api: Api, command: str) -> None:
    """422 before anything is looked at, with a place; nothing of it is on record."""
    no = await asked(api, EX)
    caller = getattr(api, STEPS[command][0])
    for more in [*BAD[command], {**STEPS[command][1], "surprise": 1}]:
        refusal = await sent(api, caller, f"/v1/after-sales/{no}/{command}", command_body(**more))
        facts = problem_of(refusal, 422, "invalid")
        assert facts["errors"], more
        assert "仓库" not in refusal.text
    assert len(answered(await api.mall.get(f"/v1/after-sales/{no}/events"))["items"]) == 1


async def sent(api: Api, caller: Any, path: str, body: Json) -> Any:
    """A call whose body may hold what Python's own encoder of httpx refuses to write."""
    import json

    return await caller("POST", path, content=json.dumps(body).encode())


async def test_every_role_but_those_of_the_table_is_refused(api: Api) -> None:
    """403 and no transition, whatever the state; of all commands, so also of the newest."""
    from mallcare.domain.transitions import ROLES_OF

    no = await asked(api, EX)
    for step, (_, more) in STEPS.items():
        command = command_of(step)
        for role in ("mall", "supplier", "customer", "operations", "finance", "auditor"):
            if role not in ROLES_OF[Action(command)]:
                refusal = await getattr(api, role).command(no, command, **more)
                problem_of(refusal, 403, "not_allowed")
    assert answered(await api.mall.get(f"/v1/after-sales/{no}"))["version"] == 1


async def test_an_address_in_a_refusal_is_not_repeated(api: Api) -> None:
    """Neither in the answer nor in the record."""
    no = await asked(api, RR)
    refusal = await api.supplier.command(no, "set-return-address", return_address=WAREHOUSE)
    problem_of(refusal, 409, "illegal_transition")
    record = await api.mall.get(f"/v1/after-sales/{no}/events")
    assert WAREHOUSE["name"] not in refusal.text + record.text
