"""`mallcare demo`: the stack, the sample orders, the scenes, and the links to look further."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mallcare.bootstrap import connect_temporal
from mallcare.cli.demo.callers import Callers
from mallcare.cli.demo.clocks import CaseClocks
from mallcare.cli.demo.promises import DemoFailed, expect
from mallcare.cli.demo.sample_orders import RETURNS_TO, SampleOrders, sample_orders
from mallcare.cli.demo.scenes import SCENES, timeliness
from mallcare.cli.demo.stage import Ending, Stage, Voice
from mallcare.cli.demo.vendors import Vendors
from mallcare.cli.errors import CommandFailed
from mallcare.cli.formats import console_for_people, yuan
from mallcare.cli.order_import.run import import_orders
from mallcare.cli.reaching import ReachedApi
from mallcare.cli.stack import addresses, build_stack
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.embedded.exit import leave
from mallcare.embedded.stack import EmbeddedStack
from mallcare.settings import Settings

OURS = ("database_url", "temporal_address", "wechat_pay_url", "mall_tender_url", "jwt_key")
"""What the tour must have for itself: it plays tricks on vendors and on time."""
GATEWAY_TIMEOUT_SECONDS = 1.5
LATE_CALLBACKS = {"MALLCARE_SIM_WECHAT_PAY_CALLBACK_DELAY_SECONDS": "4"}
"""Callbacks come late, so that the scene of the timeout shows the vendor being asked."""
INTERRUPTED = 130


def run_demo(settings: Settings, *, leave_at_once: bool) -> None:
    """Start everything, tour, and stay up until Ctrl-C; leaves the process.

    Status 0, 1 if a scene did not hold its promise, 130 if `leave_at_once` and it was interrupted.
    """
    taken = [f"MALLCARE_{name.upper()}" for name in OURS if getattr(settings, name) is not None]
    if taken:
        raise CommandFailed(f"the demo uses engines and vendors of its own: unset {', '.join(taken)}")
    console = console_for_people()
    stack = build_stack(_hurried(settings), time_skipping=True, simulator_env=LATE_CALLBACKS)
    begun, finished = monotonic(), False

    async def tour(stack: EmbeddedStack) -> None:
        nonlocal finished
        console.print(f"Everything is up after {monotonic() - begun:.1f} s.")
        await _tour(stack, console)
        finished = True
        if leave_at_once:
            stack.supervisor.stop_requested.set()
        else:
            console.print(
                "\n  Meanwhile, elsewhere: [bold]mallcare case show NO[/], [bold]mallcare replay NO[/], "
                "[bold]mallcare token mall[/]\n\n[bold]Ctrl-C stops everything; data stay.[/]"
            )

    console.print("Starting mallcare ...")
    try:
        status = asyncio.run(stack.serve(tour))
    except DemoFailed as failure:
        console.print(f"\n[bold red]The demo failed:[/] {escape(str(failure))}")
        leave(1)
    leave(INTERRUPTED if leave_at_once and not finished else status)


def _hurried(settings: Settings) -> Settings:
    """Vendors get little time to answer, unless somebody set it on purpose."""
    if "gateway_timeout_seconds" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"gateway_timeout_seconds": GATEWAY_TIMEOUT_SECONDS})


async def _tour(stack: EmbeddedStack, console: Console) -> None:
    begun = datetime.now(UTC)
    sample = sample_orders(f"{begun:%y%m%d%H%M%S}", begun)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=10) as http:
        await timeliness.introduce(Callers(http, stack.settings))
    await _import(stack, sample, console)
    played: list[tuple[str, Ending]] = []
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=10) as http:
        stage = await _stage(stack, http, console, sample)
        for supplier_id, address in stage.return_addresses.items():
            await stage.callers.take_returns_at(supplier_id, address)
        for number, scene in enumerate(SCENES, 1):
            stage.voice.scene(number, scene.title)
            try:
                ended = await scene.play(stage)
            except DemoFailed as failure:
                raise DemoFailed(f"scene {number}, {scene.title}: {failure}") from failure
            played.append((scene.title, ended if isinstance(ended, Ending) else Ending.of(ended)))
    _summary(stack, console, stage.voice, played)


async def _import(stack: EmbeddedStack, sample: SampleOrders, console: Console) -> None:
    """Take in the sample as anybody would: from a file, through the public API."""
    path = _written(stack.data_dir / "demo-orders.jsonl", sample)
    key = stack.settings.jwt_key
    assert key is not None
    claims = Claims(Role.MALL, "mall-backend")
    token = mint(stack.settings, key.get_secret_value(), claims, timedelta(minutes=10))
    done = await import_orders(path, ReachedApi(stack.api_url, token), stack.data_dir)
    expect(done.orders == len(sample.lines) and not done.bad, f"all sample orders are taken in: {done.bad}")
    console.print(f"{done.orders} sample orders with {done.events} parcel events imported from {path.name}.")


def _written(path: Path, sample: SampleOrders) -> Path:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in sample.lines)
    path.write_text(text, encoding="utf-8")
    return path


async def _stage(
    stack: EmbeddedStack, http: httpx.AsyncClient, console: Console, sample: SampleOrders
) -> Stage:
    settings = stack.settings
    assert settings.wechat_pay_url is not None
    assert settings.mall_tender_url is not None
    return Stage(
        callers=Callers(http, settings),
        vendors=Vendors(
            http,
            settings.wechat_pay_url,
            settings.mall_tender_url,
            wecom_url=settings.wecom_url or "",
            sms_url=settings.aliyun_sms_url or "",
        ),
        clocks=CaseClocks(await connect_temporal(settings)),
        voice=Voice(console, stack.api_url, settings.temporal_ui_url or "", settings.temporal_namespace),
        orders=sample.scenes,
        return_addresses=RETURNS_TO,
    )


def _summary(stack: EmbeddedStack, console: Console, voice: Voice, played: list[tuple[str, Ending]]) -> None:
    console.print()
    console.rule(f"[bold]All {len(played)} scenes held what they promise[/]", align="left", style="green")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("scene")
    table.add_column("case, order")
    table.add_column("state")
    table.add_column("refunded", justify="right")
    for title, ended in played:
        table.add_row(title, ended.subject, ended.state, yuan(ended.refunded_fen))
    console.print(table)
    console.print()
    console.print(addresses(stack))
