"""No core dumps of processes that hold keys: a dump of their memory would lie on a disk, unencrypted.

Two locks, because each has a gap. The limit on the size of core files is inherited by every process that
is started from here, but systems that hand dumps to a program may disregard it. The mark of Linux that a
process is not dumpable has no such gap, keeps other processes of the same user from reading its memory as
well, and ends where another program is started. Swap and hibernation are not our business: encrypt them.
"""

import contextlib
import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""Of prctl(2)."""


def forbid() -> None:
    """Let nobody have a core dump of this process from now on. May be called again; never raises."""
    with contextlib.suppress(OSError, ValueError):  # a limit that is lower already
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a C library without it
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
