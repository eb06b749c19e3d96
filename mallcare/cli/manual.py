"""`mallcare openapi`: the API's manual as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def openapi(file: Annotated[Path, typer.Argument(help="Where to write it.", dir_okay=False)]) -> None:
    """Write the API's OpenAPI document, the same bytes for the same API."""
    from api.openapi import openapi_document

    text = json.dumps(openapi_document(), indent=2, ensure_ascii=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
