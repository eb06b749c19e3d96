"""What may stand in a template's variables: refused here, where nothing has been sent and nothing is paid."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mallcare.ports import GatewayError

LONGEST = 12
"""Characters in a variable. Mainland carriers hold back longer ones whatever the template allows."""

_LINK = re.compile(r"://|www\.|[a-z0-9-]+\.[a-z]{2,}|\d{1,3}(?:\.\d{1,3}){3}", re.IGNORECASE)


def template_param(variables: Mapping[str, str]) -> str:
    """The variables as the vendor takes them: a JSON object of texts.

    Raises:
        GatewayError: `bad_variables`, final and known: one is longer than `LONGEST` characters, or holds
            a link, a domain or an IP address. Names the variables, never their values.
    """
    bad = sorted(name for name, value in variables.items() if len(value) > LONGEST or _LINK.search(value))
    if bad:
        raise GatewayError("bad_variables", ", ".join(bad), retryable=False, outcome_unknown=False)
    return json.dumps(dict(variables), ensure_ascii=False, separators=(",", ":"))
