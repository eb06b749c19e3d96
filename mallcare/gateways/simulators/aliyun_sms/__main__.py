"""`python -m mallcare.gateways.simulators.aliyun_sms --port 8105`.

Configured by `MALLCARE_SIM_ALIYUN_SMS_*`, see `config`.
"""

from __future__ import annotations

import sys

from mallcare.gateways.simulators.aliyun_sms import AliyunSmsSimulatorConfig, create_app
from mallcare.gateways.simulators.serving import serve


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    return serve(
        "aliyun-sms-simulator", lambda given: create_app(AliyunSmsSimulatorConfig.from_environment(given))
    )


if __name__ == "__main__":
    sys.exit(main())
