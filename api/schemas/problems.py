"""The body of every refusal: RFC 9457 problem details."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """One field that could not be accepted. The value itself is never repeated."""

    location: str = Field(description="Where the field is: body, path, query or header.")
    pointer: str = Field(description="JSON pointer to the field within its location.")
    code: str = Field(description="Which check failed, stable.")
    message: str = Field(description="What was expected, for a person to read.")


class Problem(BaseModel):
    """Why a call was refused. Branch on `code`; further members are facts a caller can act on."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Identifies the kind of problem: `urn:mallcare:problem:` and the code.")
    title: str = Field(description="The kind of problem in a few words, the same each time.")
    status: int = Field(description="The HTTP status, repeated.")
    code: str = Field(description="Stable code to branch on.")
    detail: str = Field(description="What was wrong this time, for a person to read.")
    current_state: str | None = Field(
        default=None, description="State of the request, where a command lost against it."
    )
    current_version: int | None = Field(
        default=None, description="Version that is stored, where another one was expected."
    )
    errors: list[FieldError] | None = Field(
        default=None, description="The fields that were not accepted, for the code `invalid`."
    )
