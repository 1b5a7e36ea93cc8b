"""Where a home lives, so that a copy of it is noticed.

A home records the machine, and device and inode of its database. A copied or restored home finds itself
elsewhere: it may know less of its own logs than the original has written, so it must not sign until a
peer has told it its own heads. The snapshot of a virtual machine cannot be noticed in this way.
"""

import platform
from pathlib import Path
from typing import Final, NamedTuple

from store.codec import decode, encode
from store.crypto import keyed_digest
from store.errors import NotCanonical

MACHINE_BYTES: Final = 16
_MACHINE_ID: Final = Path("/etc/machine-id")
_DOMAIN: Final = b"asterism/birthplace/1"
_MAX_BYTES: Final = 64


class Birthplace(NamedTuple):
    """A place on a machine."""

    machine: bytes
    """`MACHINE_BYTES`: digest of /etc/machine-id, or of the host's name where there is none."""
    device: int
    """Number of the file system, as `stat` gives it."""
    inode: int
    """Number of the database file in it."""

    def encode(self) -> bytes:
        """For the settings of the home."""
        return encode(list(self))


def look(path: Path) -> Birthplace:
    """The place of a file that exists, on this machine."""
    found = path.stat()
    return Birthplace(_machine(), found.st_dev, found.st_ino)


def parse(data: bytes) -> Birthplace | None:
    """What `Birthplace.encode` gave; None for anything else."""
    try:
        value = decode(data, _MAX_BYTES, 3)
    except NotCanonical:
        return None
    match value:
        case (bytes(machine), int(device), int(inode)):
            return Birthplace(machine, device, inode)
        case _:
            return None


def _machine() -> bytes:
    try:
        name = _MACHINE_ID.read_bytes().strip()
    except OSError:
        name = b""
    return keyed_digest(_DOMAIN, name or b"host/" + platform.node().encode(), MACHINE_BYTES)
