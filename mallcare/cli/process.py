"""The start of every command: settings and logging."""

from __future__ import annotations

from pydantic import ValidationError

from mallcare.cli.errors import CommandFailed
from mallcare.logging import set_up_logging
from mallcare.settings import Settings


def settings_of_process() -> Settings:
    """The settings in the environment, with logging set up by them.

    Raises:
        CommandFailed: a variable cannot be read; its name is told, its value is not.
    """
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] every field has a default or is optional
    except ValidationError as error:
        faults = [
            f"MALLCARE_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        ]
        raise CommandFailed("\n".join(faults)) from None
    set_up_logging(settings.log_format, settings.log_level)
    return settings
