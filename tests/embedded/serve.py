"""A stack of stand-ins as a process of its own: `python -m tests.embedded.serve FOLDER`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from mallcare.embedded.data_folder import DEFAULT_PORTS, free_port
from mallcare.embedded.errors import EmbeddedError
from mallcare.embedded.exit import leave
from mallcare.embedded.stack import EmbeddedStack, Programs
from mallcare.gateways.simulators.wechat_pay.keys import generate_credentials
from mallcare.settings import Settings

SERVICES = ("postgres", "temporal", "payment-simulator", "mall-simulator", "worker", "api")


def stand_in_stack(folder: Path, *, real_vendors: bool = False) -> EmbeddedStack:
    """A stack on ports of its own, so that tests can run side by side."""
    remembered = folder / "ports.json"
    if not remembered.exists():
        remembered.write_text(json.dumps({name: free_port() for name in DEFAULT_PORTS}))

    def command(role: str) -> tuple[str, ...]:
        return (sys.executable, str(Path(__file__).with_name("stand_in.py")), role)

    product = Programs(bootstrap=command("bootstrap"), worker=command("worker"), api=command("api"))
    vendors = {"payment_simulator": command("payment-simulator"), "mall_simulator": command("mall-simulator")}
    return EmbeddedStack(
        Settings(data_dir=folder),
        wechat_pay_keys=lambda: generate_credentials().environment(),
        programs=product if real_vendors else replace(product, **vendors),
    )


async def tell(stack: EmbeddedStack) -> None:
    pids = {name: stack.pid(name) for name in SERVICES}
    print(json.dumps({"pids": pids, "env": stack.env}), flush=True)


if __name__ == "__main__":
    try:
        leave(asyncio.run(stand_in_stack(Path(sys.argv[1])).serve(tell)))
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        leave(1)
