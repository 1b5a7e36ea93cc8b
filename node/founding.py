"""Founding networks, making a home, and giving one a new device.

Synchronous; the caller chose the passphrase and read what files there are. Root keys come in, are used to
sign, and are kept nowhere. A home that was begun and not finished (power cut) is not touched: the person
is told to remove it.
"""

import os
import secrets
import time
from collections.abc import Sequence

from node import keyring, network_file
from node.apps.directory import bodies as directory
from node.config import PORTS, first_text
from node.errors import BadData, BadRequest, DamagedHome, DiskFull
from node.federation import bare, limits
from node.federation.inception import (
    SignedInception,
    Terms,
    encode_inception,
    read_inception,
    sign_inception,
)
from node.federation.names import InvalidStatement
from node.federation.statements import compose_certificate
from node.home import Home, open_home, open_with, read_network_file, take_lock
from node.jobs import OwnEntries
from node.keyring import FULL_ERRNOS, MODERATE, AskPassphrase, Hardness, write_private
from node.paths import HOME_MODE, Paths
from node.signing import BEGINNING, Intent, Place, sign_next
from node.writer import Writer
from store.charter import SALT_BYTES as CHARTER_SALT_BYTES
from store.charter import Charter
from store.crypto import SigningKey
from store.entry import SALT_BYTES, Entry
from store.errors import StorageFull
from store.ids import LOG_ID, LOG_PROFILE, LogNo, NetworkId, to_text
from store.log import LogId
from store.sqlite.home import Peer

DEFAULT_ENDORSEMENTS = 2
"""How many sections endorse a new one where nothing else is asked for and there are so many founding ones."""


def found_network(name: str) -> Charter:
    """The charter of a new open circle with this name. Raises: BadData: the name breaks a rule."""
    return network_file.found(name, secrets.token_bytes(CHARTER_SALT_BYTES))


def begin_section(terms: Terms, roots: Sequence[SigningKey], network: NetworkId) -> SignedInception:
    """The inception of a new section, signed by the roots of its stewards.

    `network`: the network that it wants to be part of; `bare.NO_NETWORK` for a founding section.

    Raises:
        BadData: the terms break a rule.
    """
    try:
        inception = encode_inception(terms, secrets.token_bytes(SALT_BYTES))
        return read_inception(sign_inception(inception, roots, network), network)
    except InvalidStatement as error:
        raise BadData(f"This section cannot be: {error}.", "Choose other terms.") from error


def found_federation(name: str, sections: Sequence[SignedInception], endorsements: int | None) -> Charter:
    """The charter of a federation with these founding sections.

    `endorsements`: how many sections must endorse a new one; None: 2, or 1 where only one section founds.

    Raises:
        BadData: the name breaks a rule, a section comes twice, or there are too many of them.
        BadRequest: more endorsements than there are founding sections, or none.
    """
    if len(sections) > limits.MAX_FOUNDING_SECTIONS:
        raise BadData(
            f"At most {limits.MAX_FOUNDING_SECTIONS} sections found a federation; these are {len(sections)}.",
            "Let the others join afterwards: aster section invite",
        )
    _check_names(sections)
    wanted = min(DEFAULT_ENDORSEMENTS, len(sections)) if endorsements is None else endorsements
    if not 1 <= wanted <= len(sections):
        raise BadRequest(
            f"A new section cannot need {wanted} endorsements, a threshold that cannot be met: with"
            f" {len(sections)} founding {'section' if len(sections) == 1 else 'sections'} it can be"
            f" {'1 and nothing else' if len(sections) == 1 else f'1 to {len(sections)}'}.",
            "Ask for another number, or found together with more sections: --with FILE",
        )
    inceptions = tuple(sorted(section.data for section in sections))
    salt = secrets.token_bytes(CHARTER_SALT_BYTES)
    return Charter(network_file.check_name(name), salt, wanted, inceptions)


def _check_names(sections: Sequence[SignedInception]) -> None:
    seen: set[str] = set()
    for name in (section.terms.name for section in sections):
        if name.casefold() in seen:
            raise BadData(f"Two founding sections are called {name!r}.", "Give one of them another name.")
        seen.add(name.casefold())


def create_home(
    paths: Paths,
    name: str | None,
    charter: Charter,
    passphrase: str | None,
    hardness: Hardness = MODERATE,
    *,
    root: SigningKey | None = None,
    device_name: str = "",
) -> Home:
    """Make a home with a new device, and return it open for writing.

    `name`: what others read; None publishes none, for a further device of a member who has one.
    `passphrase`: None leaves the home's key unprotected in a file of mode 0600. `root`: the key of the
    member to whom the device belongs; a federation needs it, an open circle has none. `device_name`: what
    the device is called among those of the member; empty: after its id.

    Raises:
        BadRequest: there is a home already, or the network is a federation and there is no root.
        BadData: a name or the passphrase breaks a rule.
        DamagedHome, DiskFull: it cannot be written.
    """
    chosen = None if name is None else network_file.check_name(name)
    _check_root(charter, root)
    home = begin_home(paths, charter, passphrase, hardness)
    try:
        finish_home(home, chosen, root, device_name)
    except BaseException:
        home.close()
        raise
    return home


def begin_home(paths: Paths, charter: Charter, passphrase: str | None, hardness: Hardness = MODERATE) -> Home:
    """The beginning of `create_home`: keys and an empty store, open for writing. No home yet.

    Raises: as `create_home`.
    """
    _make_folders(paths)
    lock = take_lock(paths)
    try:
        refuse_second(paths)
        keys = keyring.create(paths, passphrase, hardness)
        write_private(paths.config, first_text(secrets.choice(PORTS)))
        return open_with(paths, charter, keys, lock, create=True)
    except BaseException:
        os.close(lock)
        raise


def finish_home(home: Home, name: str | None, root: SigningKey | None, device_name: str = "") -> None:
    """The end of `create_home`: certificate, name, and the network file that makes it a home.

    Nobody lets a device into a federation that has no certificate.

    Raises:
        BadData: a name breaks a rule. DamagedHome, DiskFull: it cannot be written.
    """
    if root is not None:
        _certify(home, root, device_name)
    if name is not None:
        publish_name(home, name)
    write_private(home.paths.network, network_file.write(home.charter))


def _check_root(charter: Charter, root: SigningKey | None) -> None:
    if charter.inceptions and root is None:
        raise BadRequest(
            f"{charter.name!r} is a federation: nobody gets in with its network file alone.",
            "Ask one of its stewards for a code, then: aster join CODE --name NAME",
        )


def _certify(home: Home, root: SigningKey, device_name: str) -> None:
    """Write the first entry of the `id` log: to which member this device belongs."""
    name = device_name or f"device {to_text(home.device)[:4]}"
    signature = root.sign(bare.device_message(home.network, home.device))
    salt = secrets.token_bytes(SALT_BYTES)
    try:
        body = compose_certificate(salt, bare.root_of(root), name, signature)
    except InvalidStatement as error:
        raise BadData(f"This name cannot be: {error}.", "Choose another one.") from error
    write_own(home, LOG_ID, [body])


def give_new_device(paths: Paths, ask: AskPassphrase, name: str | None) -> Home:
    """Give a home a new device key, for example because it is a copy, and return it open for writing.

    The device before stays on the list of peers, so that its logs are carried on as another's.

    Raises: as `node.home.open_home`, and BadData: the name breaks a rule. BadRequest: the network is a
    federation, where devices are certified by the root of their member.
    """
    chosen = None if name is None else network_file.check_name(name)
    if paths.network.exists() and read_network_file(paths.network).inceptions:
        raise BadRequest(
            "In a federation a home keeps its device for good: a new device is linked with the 24 words.",
            "Let ASTERISM_HOME name an empty place, then: aster device link CODE",
        )
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
    write_own(home, LOG_PROFILE, [directory.compose(name, secrets.token_bytes(SALT_BYTES))])


def write_own(home: Home, log: LogNo, bodies: Sequence[bytes]) -> list[Entry]:
    """Write entries at the end of a log of this home's device, durably, where no daemon runs.

    Raises:
        DiskFull, DamagedHome: nothing of it was written.
    """
    writer = Writer(home.shelf, home.network)
    head = writer.state(LogId(home.device, log)).head
    place = BEGINNING if head is None else Place(head, home.entries.entry(head.id).time_ms)
    entries = []
    for body in bodies:
        entry, place = sign_next(home.key, home.network, log, place, Intent(body), now_ms())
        entries.append(entry)
    [outcome] = writer.apply([OwnEntries((tuple(entries),))]).outcomes
    if isinstance(outcome.error, StorageFull):
        raise DiskFull from outcome.error
    if outcome.error is not None:
        raise DamagedHome(f"An entry could not be written: {outcome.error}.", "") from outcome.error
    return entries


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


def refuse_second(paths: Paths) -> None:
    """Check that no home is there. Raises: BadRequest: one is, or the beginning of one."""
    if paths.network.exists():
        raise BadRequest(
            f"There is a home at {paths.home} already.", "Use it, or name another place with ASTERISM_HOME."
        )
    if paths.home_key.exists() or paths.log_db.exists():
        raise BadRequest(
            f"There is the beginning of a home at {paths.home}; making it was interrupted.",
            "Remove that directory and try again.",
        )
