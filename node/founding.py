"""Making a home, and giving one a new device.

Synchronous; the caller chose the passphrase and read the network file. A home that was begun and not
finished (power cut) is not touched: the person is told to remove it.
"""

import os
import secrets
import time

from node import keyring, network_file
from node.apps.directory import bodies as directory
from node.apps.registry import LOG_PROFILE
from node.config import PORTS, first_text
from node.errors import BadRequest, DamagedHome, DiskFull
from node.home import Home, open_home, open_with, take_lock
from node.keyring import FULL_ERRNOS, MODERATE, AskPassphrase, Hardness, write_private
from node.paths import HOME_MODE, Paths
from node.signing import BEGINNING, Intent, Place, sign_next
from node.writer import OwnEntries, Writer
from store.charter import SALT_BYTES as CHARTER_SALT_BYTES
from store.charter import Charter
from store.entry import SALT_BYTES
from store.errors import StorageFull
from store.log import LogId
from store.sqlite.home import Peer


def found_network(name: str) -> Charter:
    """The charter of a new network with this name. Raises: BadData: the name breaks a rule."""
    return network_file.found(name, secrets.token_bytes(CHARTER_SALT_BYTES))


def create_home(
    paths: Paths, name: str, charter: Charter, passphrase: str | None, hardness: Hardness = MODERATE
) -> Home:
    """Make a home with a new device called `name`, and return it open for writing.

    `passphrase`: None leaves the home's key unprotected in a file of mode 0600.

    Raises:
        BadRequest: there is a home already.
        BadData: the name or the passphrase breaks a rule.
        DamagedHome, DiskFull: it cannot be written.
    """
    name = network_file.check_name(name)
    _make_folders(paths)
    lock = take_lock(paths)
    try:
        _refuse_second(paths)
        keys = keyring.create(paths, passphrase, hardness)
        write_private(paths.config, first_text(secrets.choice(PORTS)))
        home = open_with(paths, charter, keys, lock, create=True)
    except BaseException:
        os.close(lock)
        raise
    try:
        publish_name(home, name)
        write_private(paths.network, network_file.write(charter))
    except BaseException:
        home.close()
        raise
    return home


def give_new_device(paths: Paths, ask: AskPassphrase, name: str | None) -> Home:
    """Give a home a new device key, for example because it is a copy, and return it open for writing.

    The device before stays on the list of peers, so that its logs are carried on as another's.

    Raises: as `node.home.open_home`, and BadData: the name breaks a rule.
    """
    chosen = None if name is None else network_file.check_name(name)
    with open_home(paths, ask, writing=True) as home:
        before, shown = home.device, published_name(home) or "earlier device"
        home.tables.put_peer(Peer(before, f"{shown} (before)", (), "", now_ms()))
        keyring.new_device(paths, home.home_key)
    home = open_home(paths, ask, writing=True)
    try:
        home.settle_here()
        publish_name(home, chosen or shown)
    except BaseException:
        home.close()
        raise
    return home


def publish_name(home: Home, name: str) -> None:
    """Write the name of a home's device into its profile, durably, where no daemon runs.

    Raises:
        BadData: the name breaks a rule.
        DiskFull, NodeError: it could not be written.
    """
    body = directory.compose(name, secrets.token_bytes(SALT_BYTES))
    writer = Writer(home.shelf, home.network)
    head = writer.state(LogId(home.device, LOG_PROFILE)).head
    place = BEGINNING if head is None else Place(head, home.entries.entry(head.id).time_ms)
    entry, _ = sign_next(home.key, home.network, LOG_PROFILE, place, Intent(body), now_ms())
    [outcome] = writer.apply([OwnEntries(((entry,),))]).outcomes
    if isinstance(outcome.error, StorageFull):
        raise DiskFull from outcome.error
    if outcome.error is not None:
        raise DamagedHome(f"The name could not be written: {outcome.error}.", "") from outcome.error


def published_name(home: Home) -> str | None:
    """The name that a home's device published last, if any."""
    with home.entries.views() as views:
        rows = views.execute(
            "SELECT name FROM directory_names WHERE author = ? ORDER BY seq DESC LIMIT 1", (home.device,)
        )
    return str(rows[0][0]) if rows else None


def now_ms() -> int:
    """Unix time in ms, as the machine's clock has it."""
    return time.time_ns() // 1_000_000


def _make_folders(paths: Paths) -> None:
    try:
        for folder in (paths.home, paths.keys, paths.store):
            folder.mkdir(mode=HOME_MODE, parents=True, exist_ok=True)
            folder.chmod(HOME_MODE)
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise DiskFull from error
        raise DamagedHome(
            f"{paths.home} cannot be made: {error.strerror}.", "Choose another place."
        ) from error


def _refuse_second(paths: Paths) -> None:
    if paths.network.exists():
        raise BadRequest(
            f"There is a home at {paths.home} already.", "Use it, or name another place with ASTERISM_HOME."
        )
    if paths.home_key.exists() or paths.log_db.exists():
        raise BadRequest(
            f"There is the beginning of a home at {paths.home}; making it was interrupted.",
            "Remove that directory and try again.",
        )
