"""The generated page is the manual: complete, with examples that work, and the committed copy is current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.documentation import TAGS
from api.openapi import openapi_document
from api.schemas.addresses import AddressIn
from api.schemas.after_sales import QuoteIn, SubmitIn
from api.schemas.cases import EXAMPLE_CASE, CaseOut
from api.schemas.commands import (
    ApproveIn,
    CloseIn,
    CommandIn,
    ExtendDeadlineIn,
    ProposeIn,
    RejectIn,
    RequestEvidenceIn,
    ResumeIn,
    SettleOfflineIn,
    SubmitEvidenceIn,
)
from api.schemas.goods import (
    AcceptIn,
    ChangeAddressIn,
    ChooseIn,
    ReceiveIn,
    RefuseIn,
    SetReturnAddressIn,
    WaybillIn,
)
from api.schemas.intercepts import InterceptNoteIn
from api.schemas.operations import PolicyIn, SwitchIn
from api.schemas.orders import OrderBatchIn, OrderEventIn, OrderIn
from api.security import SignedInRoute
from tests.api.conftest import Api
from tests.api.test_tenancy import an_app, routes_of

DOCUMENT = openapi_document()
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its method and path."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


IDS = [f"{method} {path}" for method, path, _ in operations()]
every_operation = pytest.mark.parametrize(("method", "path", "operation"), list(operations()), ids=IDS)


def test_the_committed_document_is_the_code_s() -> None:
    """`make openapi` was run after the last change of the API."""
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == DOCUMENT


def test_the_document_names_every_route() -> None:
    """No route is left out of the manual."""
    assert {(method, path) for method, path, _ in operations()} == set(routes_of(an_app()))


def test_operation_ids_are_names() -> None:
    """Each once, and good as a method of a client."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() for name in names)


@every_operation
def test_an_operation_says_what_it_does(method: str, path: str, operation: dict[str, Any]) -> None:
    """Summary, description, a tag that is introduced, and every parameter described."""
    assert operation["summary"]
    assert len(operation["description"]) > 30
    assert operation["tags"][0] in {tag["name"] for tag in TAGS}
    assert all(parameter.get("description") for parameter in operation.get("parameters", []))


@every_operation
def test_an_operation_documents_its_refusals(method: str, path: str, operation: dict[str, Any]) -> None:
    """As problems with an example of each code; what every call can meet is never left out."""
    responses = operation["responses"]
    refusals = {status: r for status, r in responses.items() if status[0] in "45"}
    for status, response in refusals.items():
        content = response["content"]
        if "application/problem+json" not in content:
            assert path.startswith("/v1/callbacks/"), "only vendors get another form"
            continue
        problem = content["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        for code, example in problem["examples"].items():
            assert example["value"]["code"] == code
            assert str(example["value"]["status"]) == status
    if isinstance(routes_of(an_app())[method, path], SignedInRoute):
        assert operation["security"] == [{"HTTPBearer": []}]
        assert {"401", "503"} <= set(refusals)
        takes_something = operation.get("parameters") or "requestBody" in operation
        assert ("422" in refusals) == bool(takes_something)
        assert ("413" in refusals) == ("requestBody" in operation)
    else:
        assert "security" not in operation


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_a_schema_describes_its_fields(name: str) -> None:
    """Every field has a description, and every schema of a body says what it is."""
    schema = DOCUMENT["components"]["schemas"][name]
    for field, described in schema.get("properties", {}).items():
        assert described.get("description"), f"{name}.{field}"


@every_operation
def test_a_body_has_an_example(method: str, path: str, operation: dict[str, Any]) -> None:
    """Something to start from, for every JSON body a caller sends."""
    body = operation.get("requestBody")
    if body is None or path.startswith("/v1/callbacks/"):
        return
    reference: str = body["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert schema.get("examples")


@pytest.mark.parametrize(
    "model",
    [
        OrderIn,
        OrderBatchIn,
        OrderEventIn,
        QuoteIn,
        SubmitIn,
        CommandIn,
        ApproveIn,
        RejectIn,
        ProposeIn,
        RequestEvidenceIn,
        SubmitEvidenceIn,
        SettleOfflineIn,
        ExtendDeadlineIn,
        CloseIn,
        ResumeIn,
        SetReturnAddressIn,
        WaybillIn,
        ChangeAddressIn,
        ReceiveIn,
        AcceptIn,
        RefuseIn,
        ChooseIn,
        AddressIn,
        PolicyIn,
        SwitchIn,
        InterceptNoteIn,
    ],
)
def test_examples_can_be_sent(model: Any) -> None:
    """What the manual shows is accepted as it stands."""
    for example in model.model_config["json_schema_extra"]["examples"]:
        model.model_validate(example)


def test_the_example_of_a_request_has_every_member() -> None:
    """And nothing that is not answered."""
    assert CaseOut.model_validate(EXAMPLE_CASE).model_dump(mode="json") == EXAMPLE_CASE


def test_money_is_whole_fen_everywhere() -> None:
    """No number that is not an integer, but where a mall may put anything."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert '"number"' not in json.dumps(schema), name


async def test_the_manual_needs_no_internet(api: Api) -> None:
    """The page of the manual and all it loads come from this server."""
    page = (await api.client.get("/docs")).text
    assert "http://" not in page
    assert "https://" not in page
    for file in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/static-offline-docs/{file}" in page
        assert (await api.client.get(f"/static-offline-docs/{file}")).status_code == 200
