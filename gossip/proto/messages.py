"""The messages of the push stream: values and their bytes. `docs/protocol/gossip.md` has the tables.

`parse_push` is the only way from bytes; whatever breaks a rule is a `RemoteFault`. Pushed entries are
parsed into `Entry` values here; signatures and places in logs are the intake's matter.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from gossip.proto.fields import (
    HASH_BYTES,
    PROTOCOL_VERSION,
    is_bytes,
    require,
    require_addresses,
    require_version,
    values_of,
)
from gossip.proto.interest import Interest, parse_interest
from store.codec import encode, encode_trusted
from store.entry import MAX_BODY_BYTES, MIN_BODY_BYTES, Entry, parse
from store.errors import InvalidEntry
from store.ids import EntryId
from store.log import MAX_EVIDENCE_BYTES

HELD: Final = 0
DELETED: Final = 1
EXPIRED: Final = 2
NOT_HELD: Final = 3

_ANSWER_BYTES: Final = {
    HELD: (MIN_BODY_BYTES, MAX_BODY_BYTES),
    DELETED: (HASH_BYTES, HASH_BYTES),
    EXPIRED: (0, 0),
    NOT_HELD: (0, 0),
}
"""Shortest and longest third value of an answer, by its status."""

_VALUES_PER_ENTRY: Final = 3


class BodyAnswer(NamedTuple):
    """What a node says when it is asked for a body."""

    entry_id: EntryId
    status: int
    """HELD, DELETED, EXPIRED or NOT_HELD."""
    body: bytes
    """Salt and content where HELD; the id of the deleting entry where DELETED; else empty."""


# --- push -------------------------------------------------------------------------------------------


class Hello(NamedTuple):
    """First message of both sides of a push stream."""

    network: bytes
    """32 bytes."""
    interest: Interest
    hub: bool
    addresses: tuple[str, ...]
    """Where we listen: multiaddrs without /p2p/."""


class Entries(NamedTuple):
    """New entries, each whole or without its body."""

    entries: tuple[Entry, ...]


class WantBodies(NamedTuple):
    """Please send these bodies."""

    ids: tuple[EntryId, ...]


class Bodies(NamedTuple):
    """Answers to `WantBodies`."""

    answers: tuple[BodyAnswer, ...]


class EvidenceFound(NamedTuple):
    """Evidence against an author, encoded (`store.log.Evidence.encode`)."""

    evidence: bytes


class Nudge(NamedTuple):
    """Our frontier changed in bulk; `digest` (32 bytes) is what it is now."""

    digest: bytes


class Interested(NamedTuple):
    """From now on we carry something else than hello said."""

    interest: Interest


PushMessage: TypeAlias = Hello | Entries | WantBodies | Bodies | EvidenceFound | Nudge | Interested


def encode_push(message: PushMessage) -> bytes:
    """The bytes of a push message."""
    match message:
        case Hello(network, interest, hub, addresses):
            return encode([1, PROTOCOL_VERSION, network, interest.value(), hub, list(addresses)])
        case Entries(entries):
            flat: list[Any] = [2]
            for entry in entries:
                flat += (entry.header, entry.signature, entry.body)
            return encode_trusted(flat)
        case WantBodies(ids):
            return encode([3, *ids])
        case Bodies(answers):
            return encode([4, *(part for answer in answers for part in answer)])
        case EvidenceFound(evidence):
            return encode([5, evidence])
        case Nudge(known):
            return encode([6, known])
        case Interested(interest):
            return encode([7, interest.value()])


def parse_push(data: bytes) -> PushMessage:
    """The push message that `data` encodes. Raises: RemoteFault."""
    values = values_of(data)
    try:
        return _PUSH[values[0]](values)
    except (KeyError, TypeError) as error:
        raise RemoteFault("an unknown push message", Severity.SLIGHT) from error
    except InvalidEntry as error:
        raise RemoteFault(f"a push message with an invalid entry: {error}", Severity.HOSTILE) from error


def _parse_hello(values: tuple[Any, ...]) -> Hello:
    require(len(values) == 6, "hello has six values")
    _, version, network, interest, hub, addresses = values
    require_version(version)
    require(is_bytes(network, HASH_BYTES), "network")
    require(type(hub) is bool, "hub")
    require_addresses(addresses)
    return Hello(network, parse_interest(interest), hub, addresses)


def _parse_entries(values: tuple[Any, ...]) -> Entries:
    require(len(values) > 1 and len(values) % _VALUES_PER_ENTRY == 1, "entries come in threes")
    entries = []
    for at in range(1, len(values), _VALUES_PER_ENTRY):
        header, signature, body = values[at : at + _VALUES_PER_ENTRY]
        require(type(header) is bytes and (body is None or type(body) is bytes), "an entry")
        entries.append(parse(header, signature, body))
    return Entries(tuple(entries))


def _parse_want(values: tuple[Any, ...]) -> WantBodies:
    require(1 < len(values) <= limits.MAX_WANTED_BODIES + 1, "number of ids")
    require(all(is_bytes(value, HASH_BYTES) for value in values[1:]), "ids")
    return WantBodies(values[1:])


def _parse_bodies(values: tuple[Any, ...]) -> Bodies:
    require(1 < len(values) <= 3 * limits.MAX_WANTED_BODIES + 1 and len(values) % 3 == 1, "answers")
    answers = []
    for at in range(1, len(values), 3):
        entry_id, status, body = values[at : at + 3]
        require(is_bytes(entry_id, HASH_BYTES) and type(body) is bytes, "an answer")
        require(type(status) is int and status in _ANSWER_BYTES, "a status")
        shortest, longest = _ANSWER_BYTES[status]
        require(shortest <= len(body) <= longest, "an answer")
        answers.append(BodyAnswer(entry_id, status, body))
    return Bodies(tuple(answers))


def parse_evidence_values(values: tuple[Any, ...]) -> EvidenceFound:
    """Evidence as the one value of a message. Raises: RemoteFault."""
    require(len(values) == 2 and type(values[1]) is bytes, "evidence")
    require(len(values[1]) <= MAX_EVIDENCE_BYTES, "evidence")
    return EvidenceFound(values[1])


def _parse_nudge(values: tuple[Any, ...]) -> Nudge:
    require(len(values) == 2 and is_bytes(values[1], HASH_BYTES), "nudge")
    return Nudge(values[1])


def _parse_interested(values: tuple[Any, ...]) -> Interested:
    require(len(values) == 2, "interested")
    return Interested(parse_interest(values[1]))


_PUSH: Final[dict[int, Callable[[tuple[Any, ...]], PushMessage]]] = {
    1: _parse_hello,
    2: _parse_entries,
    3: _parse_want,
    4: _parse_bodies,
    5: parse_evidence_values,
    6: _parse_nudge,
    7: _parse_interested,
}
