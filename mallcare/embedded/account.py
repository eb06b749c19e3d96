"""Whom PostgreSQL runs as: it refuses root, so root lends it an account without rights.

The wheel has a layer of its own for this. It is not used because it opens every folder on the way to the
data for everybody to *read* (a root's home too); here only missing search bits are added, and only where
they are missing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

ACCOUNT_NAME = "mallcare-postgres"
FALLBACK_NAME = "nobody"

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A system user, as far as a process needs it."""

    name: str
    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Who must run a server whose data are in `folder`; None: we ourselves.

    Only root gets another account: the owner of existing data, so that a folder begun by an ordinary user
    stays theirs, else one created once on this machine.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (status := folder.stat()).st_uid != 0:
        return Account(_name_of(status.st_uid), status.st_uid, status.st_gid)
    return _find(ACCOUNT_NAME) or _create(ACCOUNT_NAME) or _require(FALLBACK_NAME)


def open_way_to(path: Path, account: Account) -> None:
    """Let `account` pass through (not list) every folder above `path`."""
    for folder in path.resolve().parents:
        status = folder.stat()
        if status.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            folder.chmod(stat.S_IMODE(status.st_mode) | needed)
            _log.info("embedded.search_bit_added", folder=str(folder), account=account.name)


def make_runnable(program: Path, installation: Path, account: Account) -> None:
    """Let `account` run `program` out of `installation`, whatever umask installed it."""
    open_way_to(installation, account)
    if _runs(program, account):
        return
    for path in (installation, *installation.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | 0o444 | (0o111 if path.is_dir() or mode & 0o100 else 0)
        if wanted != mode:
            path.chmod(wanted)


def give(folder: Path, account: Account) -> None:
    """Make `account` own `folder` and everything in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _runs(program: Path, account: Account) -> bool:
    try:
        probe = subprocess.run(  # noqa: S603 - our own wheel's program
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return probe.returncode == 0


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def _require(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> Account | None:
    """The new account; None where this system has no `useradd` or it may not be used."""
    program = shutil.which("useradd")
    if program is None:
        return None
    for _ in range(5):
        subprocess.run(  # noqa: S603
            [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
            capture_output=True,
            check=False,
        )
        if (account := _find(name)) is not None:
            return account
        time.sleep(0.2)  # somebody else holds the lock of the password file
    return None
