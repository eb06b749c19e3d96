"""`python -m mallcare.gateways.simulators.dingtalk --port 8104`.

Configured by `MALLCARE_SIM_DINGTALK_*`, see `config`.
"""

from __future__ import annotations

import sys

from mallcare.gateways.simulators.dingtalk import DingtalkSimulatorConfig, create_app
from mallcare.gateways.simulators.serving import serve


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    return serve(
        "dingtalk-simulator", lambda given: create_app(DingtalkSimulatorConfig.from_environment(given))
    )


if __name__ == "__main__":
    sys.exit(main())
