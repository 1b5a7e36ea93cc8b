"""How far an own message has got: what is known, and nothing beyond that. Pure.

    queued     kept here; it went to no peer yet that takes it
    sent       to so many peers that take it
    hub        a hub has it: who is offline now gets it from there
    delivered  a device of each other person says that it has it
    read       each other person says that he has read it
    failed     nobody will get it any more; `why` says why

In a conversation of many devices nobody says that a message came (`is_told` is false): it ends with "hub".
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from store.ids import AuthorId

STATES: Final = ("queued", "sent", "hub", "delivered", "read")
"""In their order: who waits for one is content with a later one."""

FAILED: Final = "failed"

LOST_AFTER_MS: Final = 30 * 86_400_000
"""So long hubs keep what is sealed."""

MAX_NAMED: Final = 3
"""People whom a reason names."""

Json = dict[str, Any]


class Share(NamedTuple):
    """What is known of one device for which a message is."""

    device: AuthorId
    who: bytes
    is_written: bool
    """The key went out; else the device has published no keys to write to."""
    got_ms: int
    """When it said that the key came, Unix ms; 0: it did not."""
    delivered_ms: int
    read_ms: int

    @property
    def state(self) -> str:
        """The furthest that is known."""
        if self.read_ms:
            return "read"
        if self.delivered_ms:
            return "delivered"
        if self.got_ms:
            return "key-came"
        return "key-sent" if self.is_written else "no-keys"


class Progress(NamedTuple):
    """What is known of one message."""

    shares: tuple[Share, ...]
    peers: int
    """To how many it went that take it and what it needs, see `node.messaging.covering`."""
    hubs: int
    is_told: bool
    """Do devices say in this conversation that a message came?"""
    is_direct: bool
    is_to_self: bool
    """A note of the author's to himself."""
    age_ms: int


def reached(state: str, wanted: str) -> bool:
    """Is a message in that state as far as was wanted, or further? Both of `STATES`, or `FAILED`."""
    return state in STATES and STATES.index(state) >= STATES.index(wanted)


def show(progress: Progress, me: bytes, names: Mapping[bytes, str]) -> Json:
    """The state of a message and what it rests on. `me`: its author; `names`: of people, by 32 bytes."""
    people: dict[bytes, list[Share]] = {}
    for share in progress.shares:
        if share.who != me or progress.is_to_self:
            people.setdefault(share.who, []).append(share)
    came = sum(any(share.delivered_ms for share in of_him) for of_him in people.values())
    read = sum(any(share.read_ms for share in of_him) for of_him in people.values())
    state = _state(progress, len(people), came, read)
    lost = _loss(progress, len(people)) if not came else ""
    return {
        "state": FAILED if lost else state,
        "why": lost or _why(progress, state, people, names),
        "peers": progress.peers,
        "hubs": progress.hubs,
        "people": len(people),
        "delivered_to": came,
        "read_by": read,
        "told": progress.is_told,
    }


def _state(progress: Progress, people: int, came: int, read: int) -> str:
    if people and read == people:
        return "read"
    if people and came == people:
        return "delivered"
    if progress.hubs:
        return "hub"
    return "sent" if progress.peers or came or any(share.got_ms for share in progress.shares) else "queued"


def _loss(progress: Progress, people: int) -> str:
    """Why nobody will get it any more; empty: somebody may."""
    if not people and progress.is_direct and not progress.is_to_self:
        return "There is no device that could read it."
    if people and progress.is_told and progress.age_ms > LOST_AFTER_MS:
        return "It was not fetched within 30 days, and hubs keep it no longer."
    return ""


def _why(
    progress: Progress, state: str, people: Mapping[bytes, list[Share]], names: Mapping[bytes, str]
) -> str:
    """Why it has got no further, where that is known."""
    if state in ("delivered", "read"):
        return ""
    keyless = _keyless(people.values())
    if keyless:
        listed = ", ".join(names.get(who, "somebody") for who in keyless[:MAX_NAMED])
        more = f" and {len(keyless) - MAX_NAMED} more" if len(keyless) > MAX_NAMED else ""
        return f"No keys to write to are here yet: {listed}{more}."
    return "It went to no peer yet." if state == "queued" else ""


def _keyless(people: Iterable[list[Share]]) -> list[bytes]:
    return [
        shares[0].who
        for shares in people
        if not any(share.is_written or share.delivered_ms for share in shares)
    ]
