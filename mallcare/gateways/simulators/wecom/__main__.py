"""`python -m mallcare.gateways.simulators.wecom --port 8103`.

Configured by `MALLCARE_SIM_WECOM_*`, see `config`.
"""

from __future__ import annotations

import sys

from mallcare.gateways.simulators.serving import serve
from mallcare.gateways.simulators.wecom import WecomSimulatorConfig, create_app


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    return serve("wecom-simulator", lambda given: create_app(WecomSimulatorConfig.from_environment(given)))


if __name__ == "__main__":
    sys.exit(main())
