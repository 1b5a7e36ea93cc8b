"""One attempt to get in: a home made aside, a hub that is asked, and the move into place.

What an earlier attempt left, cut off after its entries had been sent, goes on with the same device: the hub
may count it already. Synchronous; `node.doors.newcomer` says who attempts what.
"""

import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from node.errors import NodeError, Unavailable
from node.federation.bare import root_of
from node.federation.guest_effects import MAX_OWN_ENTRIES
from node.federation.inception import SignedInception
from node.federation.names import RootId
from node.federation.statements import compose_inception
from node.founding import create_home, publish_name, published_name, write_own
from node.home import Home, open_home
from node.network_file import check_name
from node.newcomers import recovery
from node.newcomers.joining import Way, arrive, remember_hub, root_in
from node.newcomers.staging import Staging
from node.paths import Paths
from store.charter import Charter
from store.crypto import SigningKey
from store.entry import MAX_ID_SEQ, SALT_BYTES
from store.ids import LOG_ID, to_text
from store.log import LogId

Json = dict[str, Any]

Tell = Callable[[Json], None]
"""Hears what goes on: objects with an ``event``."""

_MAX_LOG_BYTES: Final = 65_536


class Place(NamedTuple):
    """Where the home is to be, and what protects it."""

    paths: Paths
    passphrase: str | None
    """None leaves the key unprotected."""

    def __repr__(self) -> str:
        return f"Place({self.paths.home})"

    def ask(self) -> str | None:
        """The passphrase, as `open_home` asks for it."""
        return self.passphrase


def make_aside(
    staging: Staging,
    place: Place,
    charter: Charter,
    root: SigningKey,
    person: str | None,
    device_name: str,
    begun: SignedInception | None = None,
) -> None:
    """Make the home aside, with the entries that do not depend on the hub's answer.

    Raises: as `create_home`.
    """
    made = create_home(staging.stage, person, charter, place.passphrase, root=root, device_name=device_name)
    with made as home:
        if begun is not None:
            write_own(home, LOG_ID, [compose_inception(os.urandom(SALT_BYTES), begun.data)])


def left_by_earlier(staging: Staging, place: Place, way: Way) -> RootId | None:
    """The root of the home that an earlier attempt left aside, if that attempt can be gone on with this way.

    Raises: NodeError: it cannot be opened, for example with another passphrase.
    """
    if not staging.is_begun:
        return None
    with open_home(staging.stage, place.ask, writing=False) as home:
        entries = home.entries.range(LogId(home.device, LOG_ID), 1, MAX_ID_SEQ, _MAX_LOG_BYTES)
        root = root_in(entries, home)
        fits = home.network.startswith(way.code.network) and len(entries) < MAX_OWN_ENTRIES
    return root if fits and (way.root is None or root == root_of(way.root)) else None


def bring_in(
    staging: Staging, place: Place, way: Way, tell: Tell, person: str | None, *, recovering: bool = False
) -> Json:
    """Ask the hub to let the home aside in, and move it into place; what was made, as `describe` has it.

    `recovering`: note in the home that lost devices are to be cut next.

    Raises: as `node.newcomers.joining.arrive`.
    """
    tell({"event": "asking", "address": way.code.place.text()})
    with open_home(staging.stage, place.ask, writing=True) as home:
        try:
            arrived = arrive(home, way, staging.keep)
        except Unavailable as error:
            if staging.is_kept:
                error.advice = "Do the same once more: it goes on where it was cut off."
            raise
        except NodeError:
            staging.discard()
            raise
        remember_hub(home, way.code)
        if recovering:
            recovery.note_begun(home.paths)
        if person is not None and published_name(home) != check_name(person):
            publish_name(home, person)
        answer = {**describe(home), "nameless": person is None and _is_alone(home)}
    staging.move()
    return {**answer, "pending": arrived.pending, "hub": to_text(way.code.hub)}


def _is_alone(home: Home) -> bool:
    """Is this the only known device of its member? Then nobody has told yet what the member is called."""
    roster = None if home.membership is None else home.membership.roster
    named = None if roster is None else roster.member_of(home.device)
    member = None if roster is None or named is None else roster.member(named)
    return member is not None and {device.id for device in member.devices} <= {home.device}


def describe(home: Home) -> Json:
    """`device`, `member`, `name`, `network` and `network_name` of a home that was just made."""
    entries = home.entries.range(LogId(home.device, LOG_ID), 1, 1, _MAX_LOG_BYTES)
    known = None if home.membership is None else home.membership.roster.member_of(home.device)
    return {
        "device": to_text(home.device),
        "member": to_text(known or root_in(entries, home)),
        "name": published_name(home) or "",
        "network": to_text(home.network),
        "network_name": home.charter.name,
    }
