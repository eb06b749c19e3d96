"""`python -m mallcare.gateways.simulators.wechat_pay --port 8101`.

Configured by `MALLCARE_SIM_WECHAT_PAY_*`, see `config`.
"""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn

from mallcare.gateways.simulators.wechat_pay import WechatPaySimulatorConfig, create_app


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    parser = argparse.ArgumentParser(prog="wechat-pay-simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        config = WechatPaySimulatorConfig.from_environment(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(config),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
