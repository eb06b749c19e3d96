"""Questions that tell whether a service is up."""

from __future__ import annotations

import asyncio

import httpx

from mallcare.embedded.data_folder import HOST


async def listens(port: int) -> bool:
    """Whether somebody accepts connections on `port` of this machine."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def says_ok(url: str) -> bool:
    """Whether `url` answers with success within 5 s."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False
