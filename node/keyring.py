"""Keys at rest: the home key, and the device seed that it seals.

The home key K (32 random bytes) opens the databases and the device key; it never signs. Files, text,
mode 0600, lines that begin with ``#`` are for people:

    keys/home.key     unattended <K in base32>                     whoever reads the file opens the home
                      passphrase <salt> <ops> <mem> <sealed K>     Argon2id, then XSalsa20-Poly1305
    keys/device.key   sealed <seed>                                under a key derived from K

Password hashing and secret boxes of PyNaCl, nothing that signs. Keys are never logged and stand in no
error, and a process that opens them leaves no core dump (`node.core_dumps`).
"""

import base64
import binascii
import contextlib
import errno
import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import nacl.exceptions
import nacl.pwhash.argon2id
import nacl.secret
import nacl.utils

from node import core_dumps
from node.errors import BadData, DamagedHome, DiskFull, NoPassphrase, WrongPassphrase
from node.paths import FILE_MODE, Paths
from store.crypto import SEED_BYTES, keyed_digest

KEY_BYTES: Final = 32
MAX_PASSPHRASE_BYTES: Final = 1_024
"""A passphrase is typed; anything longer is the wrong file."""

MAX_KEY_FILE_BYTES: Final = 4_096
"""A key file is under 1,000 bytes with its comments."""

_MAX_OPS: Final = 64
_MAX_MEM_BYTES: Final = 2**31
"""Bounds on what a key file may ask of Argon2id, so that a damaged one cannot hang the machine."""

FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room for a file."""

_DEVICE_DOMAIN: Final = b"asterism/keyring/device/1"


class Hardness(NamedTuple):
    """What Argon2id costs: passes and bytes of memory."""

    ops: int
    mem_bytes: int


MODERATE: Final = Hardness(nacl.pwhash.argon2id.OPSLIMIT_MODERATE, nacl.pwhash.argon2id.MEMLIMIT_MODERATE)
"""About 0.5 s and 256 MiB: what a stolen disk costs per guess."""

LIGHT: Final = Hardness(nacl.pwhash.argon2id.OPSLIMIT_MIN, nacl.pwhash.argon2id.MEMLIMIT_MIN)
"""For tests only."""

AskPassphrase = Callable[[], str | None]
"""Asks a person; None where nobody can be asked."""

_UNATTENDED_TEXT: Final = """\
# The key of this Asterism home, unprotected: whoever can read this file can read everything in the
# home and write in the name of its device. Right for a machine that starts without a person.
unattended {key}
"""

_PASSPHRASE_TEXT: Final = """\
# The key of this Asterism home, locked by a passphrase (Argon2id). A forgotten one cannot be recovered.
passphrase {salt} {ops} {mem} {sealed}
"""

_DEVICE_TEXT: Final = """\
# The key that this device signs with, sealed by the home's key. Never copy it to a second machine.
sealed {sealed}
"""


class Keys(NamedTuple):
    """The opened keyring."""

    home_key: bytes
    """K, 32 bytes: opens the databases."""
    device_seed: bytes
    """32 bytes: makes the device's signing key."""

    def __repr__(self) -> str:
        return "Keys(…)"


def create(paths: Paths, passphrase: str | None, hardness: Hardness = MODERATE) -> Keys:
    """Make new keys and write them; None for `passphrase` leaves the home key unprotected.

    Raises:
        BadData: the passphrase is empty or too long.
        DamagedHome, DiskFull: the files cannot be written.
    """
    core_dumps.forbid()
    home_key = nacl.utils.random(KEY_BYTES)
    if passphrase is None:
        text = _UNATTENDED_TEXT.format(key=_to_base32(home_key))
    else:
        text = _lock(home_key, _passphrase_bytes(passphrase), hardness)
    write_private(paths.home_key, text)
    return Keys(home_key, new_device(paths, home_key))


def new_device(paths: Paths, home_key: bytes) -> bytes:
    """Make a new device seed (32 bytes), write it sealed in place of an old one, and return it.

    Raises:
        DamagedHome, DiskFull: the file cannot be written.
    """
    seed = nacl.utils.random(SEED_BYTES)
    sealed = nacl.secret.SecretBox(_device_box_key(home_key)).encrypt(seed)
    write_private(paths.device_key, _DEVICE_TEXT.format(sealed=_to_base32(sealed)))
    return seed


def open_keys(paths: Paths, ask: AskPassphrase) -> Keys:
    """Read the keyring; `ask` is called only where a passphrase is needed.

    Raises:
        NoPassphrase: it is needed and `ask` has none.
        WrongPassphrase: it does not open the home key.
        DamagedHome: a file is missing or malformed, or the keys do not belong together.
    """
    core_dumps.forbid()
    home_key = _open_home_key(paths, ask)
    return Keys(home_key, _open_device(paths, home_key))


def change_passphrase(
    paths: Paths, ask: AskPassphrase, passphrase: str, hardness: Hardness = MODERATE
) -> None:
    """Lock the home key by another passphrase, or by one at last; `ask` for the present one, if there is one.

    The home key stays the same, so whoever has copied it, or has an old key file with its passphrase, can
    still open the home. The old file is overwritten, as far as the disk does that.

    Raises: as `open_keys`. BadData: the new passphrase is empty or too long.
    """
    core_dumps.forbid()
    wanted = _passphrase_bytes(passphrase)
    home_key = _open_home_key(paths, ask)
    try:
        with _overwritten_after(paths.home_key):
            write_private(paths.home_key, _lock(home_key, wanted, hardness))
    except OSError as error:
        raise _damaged(paths.home_key) from error


def destroy(path: Path) -> bool:
    """Overwrite a small file with chance, then remove it. False: there was none. Raises: DamagedHome."""
    try:
        with contextlib.suppress(PermissionError), _overwritten_after(path):
            pass
        path.unlink()
        _sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DamagedHome(f"{path} cannot be destroyed: {error.strerror}.", "Remove it yourself.") from error
    return True


def needs_passphrase(paths: Paths) -> bool:
    """Is the home key locked by a passphrase? Raises: DamagedHome."""
    return _words(paths.home_key)[0] == "passphrase"


def read_passphrase(path: Path) -> str:
    """The passphrase in the first line of a file.

    Raises:
        BadData: no such file, or its first line is empty, too long or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            line = file.read(MAX_PASSPHRASE_BYTES + 2).split(b"\n", 1)[0].rstrip(b"\r")
        passphrase = line.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"The passphrase file {path} cannot be read.", "Check its name and mode.") from error
    _passphrase_bytes(passphrase)
    return passphrase


def is_exposed(path: Path) -> bool:
    """May others than its owner read this file? For a warning."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 durably, in place of an old one: afterwards there is the old or the new.

    Raises:
        DiskFull: no room.
        DamagedHome: it cannot be written for another reason.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise DiskFull from error
        raise DamagedHome(f"{path} cannot be written: {error.strerror}.", "Check the home's mode.") from error


def _open_home_key(paths: Paths, ask: AskPassphrase) -> bytes:
    match _words(paths.home_key):
        case ["unattended", key]:
            home_key = _from_base32(key, paths.home_key)
        case ["passphrase", salt, ops, mem, sealed]:
            passphrase = ask()
            if passphrase is None:
                raise NoPassphrase
            home_key = _unlock(paths, (salt, ops, mem, sealed), _passphrase_bytes(passphrase))
        case _:
            raise _damaged(paths.home_key)
    if len(home_key) != KEY_BYTES:
        raise _damaged(paths.home_key)
    return home_key


@contextlib.contextmanager
def _overwritten_after(path: Path) -> Iterator[None]:
    """Overwrite what a file holds now with chance once this is left, under whatever name. Raises: OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield
        os.pwrite(handle, nacl.utils.random(os.fstat(handle).st_size), 0)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(home_key: bytes, passphrase: bytes, hardness: Hardness) -> str:
    salt = nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES)
    box = nacl.secret.SecretBox(
        nacl.pwhash.argon2id.kdf(KEY_BYTES, passphrase, salt, hardness.ops, hardness.mem_bytes)
    )
    return _PASSPHRASE_TEXT.format(
        salt=_to_base32(salt),
        ops=hardness.ops,
        mem=hardness.mem_bytes,
        sealed=_to_base32(box.encrypt(home_key)),
    )


def _unlock(paths: Paths, words: tuple[str, str, str, str], passphrase: bytes) -> bytes:
    salt, ops, mem, sealed = words
    if not (ops.isascii() and ops.isdigit() and mem.isascii() and mem.isdigit()):
        raise _damaged(paths.home_key)
    if int(ops) > _MAX_OPS or int(mem) > _MAX_MEM_BYTES:
        raise _damaged(paths.home_key)
    try:
        key = nacl.pwhash.argon2id.kdf(
            KEY_BYTES, passphrase, _from_base32(salt, paths.home_key), int(ops), int(mem)
        )
    except (nacl.exceptions.CryptoError, ValueError) as error:
        raise _damaged(paths.home_key) from error
    try:
        return nacl.secret.SecretBox(key).decrypt(_from_base32(sealed, paths.home_key))
    except nacl.exceptions.CryptoError as error:
        raise WrongPassphrase from error


def _open_device(paths: Paths, home_key: bytes) -> bytes:
    match _words(paths.device_key):
        case ["sealed", sealed]:
            box = nacl.secret.SecretBox(_device_box_key(home_key))
            try:
                seed = box.decrypt(_from_base32(sealed, paths.device_key))
            except nacl.exceptions.CryptoError as error:
                raise _damaged(paths.device_key) from error
        case _:
            raise _damaged(paths.device_key)
    if len(seed) != SEED_BYTES:
        raise _damaged(paths.device_key)
    return seed


def _device_box_key(home_key: bytes) -> bytes:
    return keyed_digest(home_key, _DEVICE_DOMAIN, KEY_BYTES)


def _passphrase_bytes(passphrase: str) -> bytes:
    data = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    if not data or len(data) > MAX_PASSPHRASE_BYTES:
        raise BadData(f"A passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes.", "Choose another one.")
    return data


def _words(path: Path) -> list[str]:
    """The one line of a key file that is not for people. Raises: DamagedHome."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_FILE_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(text) > MAX_KEY_FILE_BYTES or len(lines) != 1:
        raise _damaged(path)
    return lines[0]


def _to_base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _from_base32(text: str, path: Path) -> bytes:
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DamagedHome:
    return DamagedHome(
        f"The key file {path} is missing or damaged.",
        "Restore it from a backup of the home; without it the home cannot be opened.",
    )
