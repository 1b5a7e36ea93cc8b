"""Packets: what one device says to another, an Olm message inside an HPKE envelope. Part of the steps.

docs/protocol/secrecy.md, "Packets". What goes wrong with a packet of somebody else's is told to nobody: a
packet that cannot be opened is no more than that.
"""

from collections.abc import Sequence
from typing import Final

from node.apps.messenger import bodies
from node.apps.messenger.bodies import Item, Items
from node.apps.messenger.desk import Desk
from node.secrecy import envelope, padding
from node.secrecy.bundles import Bundle
from node.secrecy.errors import BadBundle, SecrecyError, Unopenable
from node.secrecy.pairwise import Pair
from store.entry import Entry
from store.ids import AuthorId

PRE_KEY: Final = 0
"""Type of an Olm message that begins a session."""


class Lost(Exception):
    """The other device uses an Olm session that this one does not have (any more)."""


def write(desk: Desk, device: AuthorId, items: Sequence[Item]) -> bool:
    """Have a packet with these items written to a device; False: it has published no usable keys."""
    bundle = desk.world.bundle(device)
    account = desk.ratchets.account()
    if bundle is None or account is None:
        return False
    try:
        pair = _pair_for(desk, device, bundle)
        plain = padding.pad(bodies.write_items(desk.world.device, device, items), padding.PACKET_CLASSES)
        olm = bodies.write_olm(*pair.encrypt(plain))
        log = bodies.box_of(device)
        info = bodies.packet_info(desk.world.network, desk.world.device, log)
        sealed = envelope.seal(bundle.envelope, info, olm)
    except BadBundle:
        return False
    desk.ratchets.use(device, pair)
    desk.write(log, lambda salt: bodies.compose_packet(sealed, salt))
    return True


def _pair_for(desk: Desk, device: AuthorId, bundle: Bundle) -> Pair:
    """The session that is written with; a new one where there is none. Raises: BadBundle."""
    pairs = desk.ratchets.pairs(device)
    if pairs:
        return pairs[0]
    account = desk.ratchets.account()
    assert account is not None
    return Pair.outbound(account, bundle.identity, bundle.fallback)


def begin_anew(desk: Desk, device: AuthorId, items: Sequence[Item]) -> bool:
    """As `write`, in a session that begins with this packet: the other side may have lost its own."""
    bundle, account = desk.world.bundle(device), desk.ratchets.account()
    if bundle is None or account is None:
        return False
    try:
        desk.ratchets.use(device, Pair.outbound(account, bundle.identity, bundle.fallback))
    except BadBundle:
        return False
    return write(desk, device, items)


def open_(desk: Desk, entry: Entry, packet: bodies.Packet, bundle: Bundle) -> Items | None:
    """What a packet says to this device; None: it is not for us, or not what it should be.

    `bundle`: of its author.

    Raises:
        Lost: it is for us, and the session is not here.
    """
    info = bodies.packet_info(desk.world.network, entry.author, entry.log)
    olm = _open_envelope(desk, info, packet.envelope)
    if olm is None:
        return None
    found = _open_olm(desk, entry.author, bundle, *olm)
    if found is None:
        return None
    pair, plain = found
    try:
        items = bodies.read_items(padding.unpad(plain))
    except SecrecyError:
        return None
    if items is None or items.sender != entry.author or items.recipient != desk.world.device:
        return None  # its session is not kept: who gives out the keys of others as his own brings it here
    desk.ratchets.use(entry.author, pair)
    return items


def _open_envelope(desk: Desk, info: bytes, sealed: bytes) -> tuple[int, bytes] | None:
    for key in desk.ratchets.envelope_keys():
        try:
            return bodies.read_olm(key.open_(info, sealed))
        except Unopenable:
            continue
    return None


def _open_olm(
    desk: Desk, author: AuthorId, bundle: Bundle, kind: int, olm: bytes
) -> tuple[Pair, bytes] | None:
    """Raises: Lost: the session is not here."""
    account = desk.ratchets.account()
    if account is None:
        return None
    is_known = False
    for pair in list(desk.ratchets.pairs(author)):
        if kind == PRE_KEY and not pair.matches(olm):
            continue
        is_known = kind == PRE_KEY
        try:
            plain = pair.decrypt(kind, olm)
        except Unopenable:
            continue
        return pair, plain
    if is_known:
        return None  # a copy of what was opened before
    if kind != PRE_KEY:
        raise Lost
    try:
        return Pair.inbound(account, bundle.identity, olm)
    except (Unopenable, BadBundle):
        raise Lost from None
