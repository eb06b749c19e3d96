"""How payloads cross Temporal: pydantic JSON, and a typed failure for what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import temporalio.api.common.v1
from pydantic import ValidationError
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, create_payload_validation_error


class StrictPydanticPayloadConverter(PydanticPayloadConverter):
    """Turns an undecodable payload into a failure; the default would retry the workflow task for ever."""

    def from_payloads(
        self,
        payloads: Sequence[temporalio.api.common.v1.Payload],
        type_hints: list[type] | None = None,
    ) -> list[Any]:
        """Decode, or fail for good.

        Raises:
            ApplicationError: `PayloadValidationError`, with the fields at fault but not their values.
        """
        try:
            return super().from_payloads(payloads, type_hints)
        except ValidationError as error:
            faults = [".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)]
            raise create_payload_validation_error(faults) from error


DATA_CONVERTER = DataConverter(payload_converter_class=StrictPydanticPayloadConverter)
