"""`python -m mallcare.gateways.simulators.wechat_pay --port 8101`.

Configured by `MALLCARE_SIM_WECHAT_PAY_*`, see `config`.
"""

from __future__ import annotations

import sys

from mallcare.gateways.simulators.serving import serve
from mallcare.gateways.simulators.wechat_pay import WechatPaySimulatorConfig, create_app


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    return serve(
        "wechat-pay-simulator", lambda given: create_app(WechatPaySimulatorConfig.from_environment(given))
    )


if __name__ == "__main__":
    sys.exit(main())
