"""Becomes another program: drops root if asked to, and asks the kernel to end with its parent.

Run as a script by `mallcare.embedded.processes`, under `python -I -S`, so it imports only what it
needs (about 15 ms). It replaces a `preexec_fn`, which runs Python between fork and exec and is unsafe
once the parent has threads (the Temporal SDK starts some).

    launch.py DEATH_SIGNAL PARENT_PID UID GID -- PROGRAM [ARGUMENT...]

UID and GID are -1 to stay who we are. The process id stays the same across the exec.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    death_signal, parent_pid, uid, gid = (int(value) for value in arguments[:4])
    if arguments[4] != "--":
        raise SystemExit(f"usage: {__doc__}")
    program = arguments[5:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.environ.pop("HOME", None)
    if sys.platform == "linux":
        # After the change of user, which would clear it. Other systems lack it: there the next start
        # finds what a killed supervisor left behind.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent_pid:  # the parent died before the kernel was asked
            raise SystemExit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
