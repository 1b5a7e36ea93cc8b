"""Changing the list of peers: who is let in, under which name, at which addresses. Synchronous."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gossip.errors import BadAddress
from gossip.net.address import author_of_peer_id, parse_address
from node.errors import BadData, BadRequest, Missing, TextTooLarge
from node.home import Home
from node.network_file import check_name
from node.queries import Queries
from node.quoting import quoted
from node.store_faults import told_plainly
from store.crypto import check_author
from store.errors import BadSignature, NotFound, TooLarge
from store.ids import AuthorId, NotAnId, from_text, to_text
from store.sqlite.home import MAX_ADDRESSES_PER_DEVICE, Peer


class Added(NamedTuple):
    """A peer that was put on the list."""

    device: AuthorId
    addresses: tuple[str, ...]
    shown: dict[str, Any]
    """The answer of `peer/add`."""


class PeerList:
    """Puts devices on a home's list and takes them off. The home must be open for writing."""

    def __init__(self, home: Home, queries: Queries) -> None:
        self._home = home
        self._queries = queries

    @told_plainly()
    def add(
        self, device: str | None, address: str | None, addresses: Sequence[str] | None, name: str | None
    ) -> Added:
        """Let a device in; one that is let in already gets what is given in addition.

        In a federation nobody is let in by this: it says where a device is, so that it is dialled.

        Of more addresses than a peer may have, those that were given longest ago go.

        Raises:
            BadRequest: neither a device nor an address; a name in a federation.
            BadData: one is malformed, or they disagree.
            Ambiguous: the device is named by what fits several. TextTooLarge, DiskFull: as they say.
        """
        if name is not None and self._home.membership is not None:
            raise BadRequest(
                "In a federation members have names, and devices are shown by them.",
                "Leave --name out. A name of your own for a member: aster petname WHO NAME",
            )
        given = ([address] if address is not None else []) + list(addresses or ())
        if len(given) > MAX_ADDRESSES_PER_DEVICE:
            raise TextTooLarge(
                f"A peer has at most {MAX_ADDRESSES_PER_DEVICE} addresses; these are {len(given)}.",
                "Give those at which it is most likely to be found.",
            )
        places = [_place(text) for text in given]
        author = self._author(device, places)
        if author == self._home.device:
            raise BadData("That is this home's own device.", "Give the address of the other one.")
        before = self._home.tables.peer(author)
        known = before.addresses if before is not None else ()
        peer = Peer(
            author,
            check_name(name) if name is not None else before.name if before is not None else "",
            tuple(dict.fromkeys([*(text for text, _ in places), *known]))[:MAX_ADDRESSES_PER_DEVICE],
            before.note if before is not None else "",
            before.added_ms if before is not None else self._queries.now_ms(),
        )
        self._put(peer)
        shown = {
            "device": to_text(author),
            "name": self._queries.names.now().of(author),
            "addresses": list(peer.addresses),
            "federation": self._home.membership is not None,
        }
        return Added(author, peer.addresses, shown)

    def _author(self, device: str | None, places: Sequence[tuple[str, AuthorId | None]]) -> AuthorId:
        named = {author for _, author in places if author is not None}
        if device is not None:
            named.add(_device(device, self._queries))
        if not named:
            raise BadRequest(
                "A peer is named by its device id, or by an address that ends in /p2p/….",
                "The other person's `aster status` prints the line to type.",
            )
        if len(named) > 1:
            raise BadData("The addresses and the id name different devices.", "Give those of one device.")
        author = named.pop()
        try:
            check_author(author)
        except BadSignature as error:
            raise BadData("This id is no valid device key.", "Copy it again from the other side.") from error
        return author

    def _put(self, peer: Peer) -> None:
        try:
            self._home.tables.put_peer(peer)
        except TooLarge as error:
            raise TextTooLarge(f"The list of peers takes no more: {error}.", "Remove one first.") from error

    @told_plainly()
    def remove(self, device: str) -> dict[str, Any]:
        """Let a device in no longer; the answer of `peer/remove`. Raises: Missing, Ambiguous, DiskFull."""
        author = self._queries.peer(device)
        shown = {
            "device": to_text(author),
            "name": self._queries.names.now().of(author),
            "federation": self._home.membership is not None,
        }
        try:
            self._home.tables.remove_peer(author)
        except NotFound as error:
            raise Missing(f"{quoted(device)} is not on the list of peers.", "See: aster peer list") from error
        return shown


def _place(text: str) -> tuple[str, AuthorId | None]:
    """An address without its /p2p/ part, and the device that this part names."""
    try:
        place = parse_address(text)
    except BadAddress as error:
        raise BadData(
            f"This is no address that can be dialled: {error}.",
            "An address looks like /ip4/192.168.1.7/tcp/7400/p2p/12D3KooW…",
        ) from error
    return place.text, place.peer


def _device(text: str, queries: Queries) -> AuthorId:
    """A device by its whole id (our spelling or libp2p's), or by what names one that is known here."""
    wanted = text.strip()
    for read in (from_text, author_of_peer_id):
        try:
            return AuthorId(read(wanted))
        except (NotAnId, BadAddress):
            continue
    try:
        return queries.author(wanted)
    except Missing as error:
        raise BadData(
            f"{quoted(text)} is neither a device id (52 characters) nor an address.",
            "The other person's `aster status` prints the line to type.",
        ) from error
