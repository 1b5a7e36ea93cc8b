"""What the two sides of the guest protocol want done, in order: the shell performs it and decides nothing.

Of `node.federation.hosting` and `node.federation.visiting`. Pure.
"""

from typing import Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault, Severity
from node.federation.guest_messages import Message
from store.charter import Charter
from store.entry import Entry
from store.ids import AuthorId, EntryId, NetworkId

MAX_OWN_ENTRIES: Final = 8
"""Entries of the `id` log of a device that is not in yet: certificate, inception, and a claim for each time
that it tried."""


class Send(NamedTuple):
    """Send a message."""

    message: Message


class SendLogs(NamedTuple):
    """Send the `id` logs of these devices whole, in this order, packed by `guest_messages.pack`.

    At most `MAX_ENTRY_MESSAGES_HOST` or `MAX_ENTRY_MESSAGES_GUEST` messages; what does not fit is left out.
    """

    devices: tuple[AuthorId, ...]


class TakeIn(NamedTuple):
    """Hand these to the intake, as entries that a peer sent.

    Each is a chain of entries of one `id` log with their bodies; it may begin anywhere in the log. A host
    waits until they are durable and the roster has them, then calls `taken` or `not_taken`.
    """

    runs: tuple[tuple[Entry, ...], ...]


class Chartered(NamedTuple):
    """The guest learned which network it is; it answers with its entries, or goes away."""

    charter: Charter
    network: NetworkId
    nonce: bytes
    grant: EntryId | None
    """For a claim; None for a member who returns."""
    purpose: int
    """FOR_MEMBERS or FOR_SECTIONS."""


class Welcomed(NamedTuple):
    """The host has let us in."""

    pending: bool
    """As a candidate: the section waits for endorsements."""


class TurnedAway(NamedTuple):
    """The host has not let us in."""

    code: int
    """See `guest_messages`; a newer host may use others."""
    text: str
    """By the host, for people: foreign text."""


class End(NamedTuple):
    """Nothing more is said or read: close the stream."""


Effect: TypeAlias = Send | SendLogs | TakeIn | Chartered | Welcomed | TurnedAway | End


def runs_of(entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], ...]:
    """The entries cut into chains, each of one log."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if runs and continues(runs[-1][-1], entry):
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return tuple(map(tuple, runs))


def continues(before: Entry, entry: Entry) -> bool:
    """Is `entry` the next one of the same log?"""
    return (entry.author, entry.log, entry.seq, entry.back) == (
        before.author,
        before.log,
        before.seq + 1,
        before.id,
    )


class Ration:
    """Counts the messages of the other side."""

    def __init__(self, messages: int) -> None:
        self._left = messages

    def take(self) -> None:
        """One more came. Raises: RemoteFault: it is one too many."""
        if not self._left:
            raise RemoteFault("more messages than the guest protocol allows", Severity.BAD)
        self._left -= 1
