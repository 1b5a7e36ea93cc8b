"""What stands in `id` logs: one value for each kind of statement, from bytes and back. Pure.

`read` is the only way from an entry to a statement; it checks the rules of form and every inner signature.
What it does not understand is carried like any entry and says nothing. The table of kinds is in
docs/protocol/federation.md, "Statements in id logs".
"""

# long because it is the one list of what can be said, and how each of it is written
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.federation import bare, limits
from node.federation.bare import act_id, check
from node.federation.cuts import Cut, read_cut
from node.federation.inception import SignedInception, Terms, check_terms, read_inception
from node.federation.names import (
    ActId,
    InvalidStatement,
    RootId,
    SectionId,
    StateId,
    are_ascending,
    is_id,
    is_plain,
)
from store.codec import decode
from store.crypto import SIGNATURE_BYTES
from store.entry import MAX_ID_BODY_BYTES, MAX_ID_SEQ, MAX_TIME_MS, SALT_BYTES, Entry, make_body
from store.errors import InvalidEntry
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

CERTIFICATE: Final = 16
CLAIM: Final = 17
GRANT: Final = 18
SETTLEMENT: Final = 19
ADMISSION: Final = 20
INCEPTION: Final = 21
CUT: Final = 22
CHANGE: Final = 23
ENDORSEMENT: Final = 24
END: Final = 25
REPLACEMENT: Final = 26
CONSENT: Final = 27

FOR_MEMBERS: Final = 0
FOR_SECTIONS: Final = 1


class Certificate(NamedTuple):
    """Entry 1 of every `id` log: the root to which the device belongs."""

    root: RootId
    device_name: str


class Claim(NamedTuple):
    """Somebody uses an invite."""

    grant: EntryId
    root: RootId
    hub: AuthorId
    nonce: bytes
    signature: bytes
    """64 bytes, by the invite key; `check_claim` needs the grant."""


class Grant(NamedTuple):
    """A steward lets whoever holds a key bring in so many."""

    state: StateId
    invite_key: bytes
    uses: int
    expires_ms: int
    purpose: int
    """FOR_MEMBERS or FOR_SECTIONS."""


class Settlement(NamedTuple):
    """Who of those that used a grant stands; closes it."""

    state: StateId
    grant: EntryId
    roots: tuple[RootId | SectionId, ...]


class Admission(NamedTuple):
    """A steward admits a member himself."""

    state: StateId
    root: RootId


class Begun(NamedTuple):
    """The inception of a section that is not in the charter."""

    inception: SignedInception


class RootCut(NamedTuple):
    """A member's root says where a device of his ends."""

    cut: Cut
    root: RootId
    """Who signed it: the root of the log's own device, or it is no statement."""
    signature: bytes


class Change(NamedTuple):
    """A section becomes something else. An act."""

    act: ActId
    parents: tuple[StateId, ...]
    terms: Terms
    ends: tuple[tuple[AuthorId, int], ...]


class Endorsement(NamedTuple):
    """A section endorses a new one. An act."""

    act: ActId
    state: StateId
    section: SectionId


class End(NamedTuple):
    """A section ends a membership. An act."""

    act: ActId
    state: StateId
    root: RootId
    cuts: tuple[Cut, ...]


class Replacement(NamedTuple):
    """A section gives a member a new root. An act."""

    act: ActId
    state: StateId
    old_root: RootId
    new_root: RootId
    cuts: tuple[Cut, ...]


class Consent(NamedTuple):
    """A steward consents to an act that somebody else wrote down."""

    act: ActId


Statement: TypeAlias = (
    Certificate
    | Claim
    | Grant
    | Settlement
    | Admission
    | Begun
    | RootCut
    | Change
    | Endorsement
    | End
    | Replacement
    | Consent
)

Act: TypeAlias = Change | Endorsement | End | Replacement


class Said(NamedTuple):
    """A statement with where it stands."""

    device: AuthorId
    seq: int
    entry: EntryId
    time_ms: int
    """What the entry claims; only ever shown."""
    statement: Statement


# --- from bytes -------------------------------------------------------------------------------------


def read(entry: Entry, network: NetworkId, root: RootId | None = None) -> Said | None:
    """The statement in an entry of an `id` log, or None where it is none. Never raises.

    The entry's own signature is the caller's to check. A cut is checked against `root`, that of the
    log's device, and is no statement where that is not known.
    """
    if entry.log != LOG_ID or entry.body is None:
        return None
    try:
        content = decode(entry.body[SALT_BYTES:], MAX_ID_BODY_BYTES, limits.MAX_STATEMENT_ITEMS)
        if type(content) is not tuple or not content or type(content[0]) is not int:
            return None
        reader = _READERS.get(content[0])
        if reader is None or (content[0] == CERTIFICATE) is not (entry.seq == 1):
            return None
        statement = reader(content[1:], entry, network, root)
    except (InvalidEntry, InvalidStatement):
        return None
    return Said(entry.author, entry.seq, entry.id, entry.time_ms, statement)


def check_claim(said: Said, grant: Grant, network: NetworkId) -> None:
    """Check that a claim was made with the invite of its grant. Raises: BadSignature."""
    claim = said.statement
    assert isinstance(claim, Claim)
    message = bare.claim_message(network, claim.grant, claim.root, said.device, claim.hub, claim.nonce)
    check(grant.invite_key, claim.signature, message)


_Values: TypeAlias = tuple[Any, ...]


def _require(holds: object, rule: str) -> None:
    if not holds:
        raise InvalidStatement(rule)


def _is_signature(value: object) -> bool:
    return type(value) is bytes and len(value) == SIGNATURE_BYTES


def _certificate(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Certificate:
    _require(len(values) == 3, "a certificate has three values")
    root, name, signature = values
    _require(is_id(root) and _is_signature(signature), "a root and its signature")
    _require(is_plain(name, 1, limits.MAX_DEVICE_NAME_CHARS), "a device's name has 1 to 64 characters")
    check(root, signature, bare.device_message(network, entry.author))
    return Certificate(root, name)


def _claim(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Claim:
    _require(len(values) == 5, "a claim has five values")
    grant, root, hub, nonce, signature = values
    _require(is_id(grant) and is_id(root) and is_id(hub), "ids have 32 bytes")
    _require(type(nonce) is bytes and len(nonce) == bare.NONCE_BYTES, "a nonce has 16 bytes")
    _require(_is_signature(signature), "a signature has 64 bytes")
    return Claim(grant, root, hub, nonce, signature)


def _grant(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Grant:
    _require(len(values) == 5, "a grant has five values")
    state, key, uses, expires_ms, purpose = values
    _require(is_id(state) and is_id(key), "ids have 32 bytes")
    _require(type(uses) is int and 1 <= uses <= limits.MAX_USES, "a grant has 1 to 50 uses")
    _require(type(expires_ms) is int and 0 <= expires_ms <= MAX_TIME_MS, "a time is a number of ms")
    _require(type(purpose) is int and purpose in (FOR_MEMBERS, FOR_SECTIONS), "a purpose is 0 or 1")
    return Grant(state, key, uses, expires_ms, purpose)


def _settlement(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Settlement:
    _require(len(values) == 3, "a settlement has three values")
    state, grant, roots = values
    _require(is_id(state) and is_id(grant), "ids have 32 bytes")
    _require(type(roots) is tuple and len(roots) <= limits.MAX_USES, "a settlement lists at most 50")
    _require(all(map(is_id, roots)) and are_ascending(roots), "ids, in order, each once")
    return Settlement(state, grant, roots)


def _admission(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Admission:
    _require(len(values) == 2 and is_id(values[0]) and is_id(values[1]), "a state and a root")
    return Admission(*values)


def _inception(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Begun:
    _require(len(values) == 1 and type(values[0]) is bytes, "an inception is one value")
    return Begun(read_inception(values[0], network))


def _cut(values: _Values, entry: Entry, network: NetworkId, root: RootId | None) -> RootCut:
    _require(len(values) == 2 and type(values[0]) is bytes, "a cut and its signature")
    _require(root is not None and _is_signature(values[1]), "a cut is signed by the root")
    assert root is not None
    check(root, values[1], bare.cut_message(network, values[0]))
    return RootCut(read_cut(values[0]), root, values[1])


def _change(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Change:
    _require(len(values) == 7, "a change has seven values")
    parents, name, territory, languages, stewards, threshold, ends = values
    _require(type(parents) is tuple and 1 <= len(parents) <= limits.MAX_PARENTS, "1 to 8 parents")
    _require(all(map(is_id, parents)) and len(set(parents)) == len(parents), "parents, each once")
    _require(are_ascending(parents[1:]), "the rivals in order")
    _require(type(ends) is tuple and len(ends) <= limits.MAX_ENDS, "at most 40 ends")
    _require(all(type(each) is tuple and len(each) == 2 and is_id(each[0]) for each in ends), "ends")
    _require(all(type(seq) is int and 1 <= seq <= MAX_ID_SEQ for _, seq in ends), "a seq of an id log")
    _require(are_ascending(tuple(device for device, _ in ends)), "ends in order, each device once")
    terms = Terms(name, territory, languages, stewards, threshold)
    check_terms(terms)
    assert entry.body is not None
    return Change(act_id(network, entry.body), parents, terms, ends)


def _endorsement(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Endorsement:
    _require(len(values) == 2 and is_id(values[0]) and is_id(values[1]), "a state and a section")
    assert entry.body is not None
    return Endorsement(act_id(network, entry.body), *values)


def _end(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> End:
    _require(len(values) == 3 and is_id(values[0]) and is_id(values[1]), "a state, a root, cuts")
    assert entry.body is not None
    return End(act_id(network, entry.body), values[0], values[1], _cuts(values[2]))


def _replacement(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Replacement:
    _require(len(values) == 4 and all(map(is_id, values[:3])), "a state, two roots, cuts")
    state, old_root, new_root, cuts = values
    _require(old_root != new_root, "a root is replaced by another one")
    assert entry.body is not None
    return Replacement(act_id(network, entry.body), state, old_root, new_root, _cuts(cuts))


def _cuts(value: object) -> tuple[Cut, ...]:
    _require(type(value) is tuple and len(value) <= limits.MAX_CUTS, "at most 16 cuts")
    assert type(value) is tuple
    _require(all(type(each) is bytes for each in value), "cuts are bytes")
    cuts = tuple(map(read_cut, value))
    _require(are_ascending(tuple(cut.device for cut in cuts)), "cuts in order, each device once")
    return cuts


def _consent(values: _Values, entry: Entry, network: NetworkId, _: RootId | None) -> Consent:
    _require(len(values) == 1 and is_id(values[0]), "a consent names an act")
    return Consent(values[0])


_READERS: Final[dict[int, Callable[[_Values, Entry, NetworkId, RootId | None], Statement]]] = {
    CERTIFICATE: _certificate,
    CLAIM: _claim,
    GRANT: _grant,
    SETTLEMENT: _settlement,
    ADMISSION: _admission,
    INCEPTION: _inception,
    CUT: _cut,
    CHANGE: _change,
    ENDORSEMENT: _endorsement,
    END: _end,
    REPLACEMENT: _replacement,
    CONSENT: _consent,
}


# --- to bytes ---------------------------------------------------------------------------------------
# Each gives the body of an entry: `salt` (16 random bytes) and content. Raises: InvalidStatement: a value
# breaks a rule; TooLarge: it does not fit an entry.


def compose_certificate(salt: bytes, root: RootId, device_name: str, signature: bytes) -> bytes:
    """Body of entry 1. `signature`: the root's, of `bare.device_message`."""
    _require(is_plain(device_name, 1, limits.MAX_DEVICE_NAME_CHARS), "a device's name has 1 to 64 characters")
    return make_body(salt, [CERTIFICATE, root, device_name, signature])


def compose_claim(salt: bytes, claim: Claim) -> bytes:
    """Body of a claim."""
    return make_body(salt, [CLAIM, *claim])


def compose_grant(salt: bytes, grant: Grant) -> bytes:
    """Body of a grant."""
    _require(1 <= grant.uses <= limits.MAX_USES, f"an invite has 1 to {limits.MAX_USES} uses")
    return make_body(salt, [GRANT, *grant])


def compose_settlement(
    salt: bytes, state: StateId, grant: EntryId, roots: Sequence[RootId | SectionId]
) -> bytes:
    """Body of a settlement; `roots` in any order."""
    _require(len(roots) <= limits.MAX_USES, f"a settlement lists at most {limits.MAX_USES}")
    return make_body(salt, [SETTLEMENT, state, grant, sorted(set(roots))])


def compose_admission(salt: bytes, state: StateId, root: RootId) -> bytes:
    """Body of an admission."""
    return make_body(salt, [ADMISSION, state, root])


def compose_inception(salt: bytes, signed: bytes) -> bytes:
    """Body that carries a signed inception."""
    return make_body(salt, [INCEPTION, signed])


def compose_cut(salt: bytes, cut: Cut, signature: bytes) -> bytes:
    """Body of a member's own cut. `signature`: the root's, of `bare.cut_message`."""
    return make_body(salt, [CUT, cut.encode(), signature])


def compose_change(
    salt: bytes, parents: Sequence[StateId], terms: Terms, ends: Sequence[tuple[AuthorId, int]] = ()
) -> bytes:
    """Body of a change: the state first, then rivals in any order."""
    check_terms(terms)
    first, *rivals = parents
    _require(len(ends) <= limits.MAX_ENDS, f"a change names at most {limits.MAX_ENDS} devices")
    return make_body(salt, [CHANGE, [first, *sorted(rivals)], *terms, sorted(map(list, ends))])


def compose_endorsement(salt: bytes, state: StateId, section: SectionId) -> bytes:
    """Body of an endorsement."""
    return make_body(salt, [ENDORSEMENT, state, section])


def compose_end(salt: bytes, state: StateId, root: RootId, cuts: Sequence[Cut]) -> bytes:
    """Body of the end of a membership; `cuts` in any order."""
    return make_body(salt, [END, state, root, _encoded(cuts)])


def compose_replacement(
    salt: bytes, state: StateId, old_root: RootId, new_root: RootId, cuts: Sequence[Cut]
) -> bytes:
    """Body of the replacement of a root; `cuts` in any order."""
    return make_body(salt, [REPLACEMENT, state, old_root, new_root, _encoded(cuts)])


def compose_consent(salt: bytes, act: ActId) -> bytes:
    """Body of a consent."""
    return make_body(salt, [CONSENT, act])


def _encoded(cuts: Sequence[Cut]) -> list[bytes]:
    _require(len(cuts) <= limits.MAX_CUTS, f"at most {limits.MAX_CUTS} devices are cut together")
    return [cut.encode() for cut in sorted(cuts, key=lambda cut: cut.device)]
