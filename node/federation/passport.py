"""A passport: what a device shows to a peer whose roster does not know it yet. Pure.

Canonical msgpack ``[1, network id, [entry, …], signature]``, an entry being ``[header, signature, body]``:
the device's certificate and, where its member was admitted by an invite, a claim of his that stands. Where
that claim is of another device of the member, `signature` is his root's signature of that device; else it is
empty. docs/protocol/federation.md, "Passports".
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, NoReturn

from node.federation import bare, limits
from node.federation.guest_messages import (
    INVALID,
    NOT_ENDORSED,
    REVOKED,
    TOO_MANY_DEVICES,
    UNKNOWN,
    WRONG_NETWORK,
    refusal,
)
from node.federation.names import RootId
from node.federation.offers import why_no_member
from node.federation.roster import Roster
from node.federation.statements import Certificate, Claim, Said, check_claim, read
from node.federation.views import ClaimState, Member, Standing
from store import entry as entries
from store.codec import decode, encode
from store.crypto import SIGNATURE_BYTES
from store.entry import Entry, content_of
from store.errors import BadSignature, InvalidEntry, NotCanonical, StoreError
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

VERSION: Final = 1
_ITEMS: Final = 4
_MAX_ENTRIES: Final = 2


class BadPassport(StoreError):
    """A passport that lets nobody in. The message can be shown to the one who presented it."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or refusal(code).text)
        self.code = code
        """As in `guest_messages.Refused`."""


class Passport(NamedTuple):
    """A passport whose form is right; no signature was checked."""

    certificate: Entry
    claim: Entry | None
    voucher: bytes
    """The root's signature of the device that made the claim, or empty where it is the device itself."""


def make(
    roster: Roster,
    device: AuthorId,
    certificate_of: Callable[[AuthorId], Entry],
    entry_of: Callable[[EntryId], Entry],
) -> bytes:
    """The passport of a device of ours, at most `MAX_PASSPORT_BYTES` long.

    `certificate_of` gives entry 1 of a device's `id` log, `entry_of` an entry by its id; with bodies.
    """
    certificate = certificate_of(device)
    found = [certificate]
    voucher = b""
    claim = _claim_for(roster, device, _content(certificate)[1])
    if claim is not None:
        found.append(entry_of(claim.entry))
        if claim.device != device:
            voucher = _content(certificate_of(claim.device))[3]
    shown = [[entry.header, entry.signature, entry.body] for entry in found]
    return encode([VERSION, roster.network, shown, voucher])


def _content(certificate: Entry) -> tuple[Any, ...]:
    if certificate.body is None:
        raise ValueError("a certificate has a body")
    return content_of(certificate.body)


def _claim_for(roster: Roster, device: AuthorId, root: RootId) -> ClaimState | None:
    """A claim of that root that stands: of this device if there is one."""
    claims = (claim for claim in _claims(roster) if claim.root == root)
    return min(claims, key=lambda claim: (claim.device != device, claim.entry), default=None)


def _claims(roster: Roster) -> Iterator[ClaimState]:
    for grant in roster.grants():
        for claim in grant.claims:
            if claim.stands and grant.counts:
                yield claim


def logs_behind(roster: Roster, device: AuthorId) -> tuple[AuthorId, ...]:
    """The `id` logs from which anybody who has the charter sees that a device belongs.

    Its own first, then those of its member's other devices, of who granted the invite, and of all who ever
    acted for a section.
    """
    name = roster.member_of(device)
    member = None if name is None else roster.member(name)
    found = [device]
    if member is not None:
        found += (each.id for each in member.devices)
        found += (
            grant.granted_by
            for grant in roster.grants()
            if any(claim.root in member.roots for claim in grant.claims)
        )
    found += roster.supporters()
    return tuple(dict.fromkeys(found))


def parse(data: bytes, network: NetworkId) -> Passport:
    """The passport that these bytes are, signatures not checked.

    Raises:
        BadPassport: they are none, or one of another network.
    """
    try:
        value: Any = decode(data, limits.MAX_PASSPORT_BYTES, _ITEMS)
    except NotCanonical as error:
        raise BadPassport(INVALID, "This is no passport: it is cut, doubled or damaged.") from error
    if type(value) is not tuple or len(value) != _ITEMS or type(value[0]) is not int or value[0] != VERSION:
        raise BadPassport(INVALID, "This is no passport, or one of a newer version.")
    _, name, shown, voucher = value
    if name != network:
        raise BadPassport(WRONG_NETWORK, "This passport is of another network.")
    if type(shown) is not tuple or not 1 <= len(shown) <= _MAX_ENTRIES:
        raise BadPassport(INVALID, "A passport holds a certificate and at most one claim.")
    if type(voucher) is not bytes or len(voucher) not in (0, SIGNATURE_BYTES):
        raise BadPassport(INVALID, "A signature has 64 bytes.")
    certificate, *claims = map(_entry, shown)
    return Passport(certificate, claims[0] if claims else None, voucher)


def _entry(value: object) -> Entry:
    if type(value) is not tuple or len(value) != 3 or type(value[2]) is not bytes:
        raise BadPassport(INVALID, "An entry in a passport is header, signature and body.")
    try:
        entry = entries.parse(*value)
    except InvalidEntry as error:
        raise BadPassport(INVALID, f"An entry in this passport breaks a rule: {error}.") from error
    if entry.log != LOG_ID:
        raise BadPassport(INVALID, "A passport holds entries of id logs.")
    return entry


def check(data: bytes, roster: Roster, device: AuthorId) -> RootId:
    """The member to whom a device belongs, as its passport shows. About four signature checks.

    `device`: as the secured connection proved it.

    Raises:
        BadPassport: it does not let this device in; its code says why. `UNKNOWN`: this roster lacks what it
            would need.
    """
    passport = parse(data, roster.network)
    if passport.certificate.author != device:
        raise BadPassport(INVALID, "This passport is of another device.")
    standing = roster.standing(device)
    if standing is Standing.FORMER:
        raise BadPassport(REVOKED)
    try:
        root, claim = _check_signatures(passport, roster.network)
    except BadSignature as error:
        raise BadPassport(INVALID, "A signature in this passport does not fit.") from error
    if standing is Standing.CANDIDATE:
        raise BadPassport(NOT_ENDORSED)
    member = roster.member(root)
    if member is not None:
        _check_known(member, root, device)
        return member.id
    _check_claim(roster, root, claim)
    return root


def _check_signatures(passport: Passport, network: NetworkId) -> tuple[RootId, Said | None]:
    """The root and the claim, of which only the invite's signature is left to check. Raises: BadSignature."""
    certificate = read(passport.certificate, network)
    if certificate is None or not isinstance(certificate.statement, Certificate):
        _refuse_form()
    passport.certificate.check_signature(network)
    root = certificate.statement.root
    if passport.claim is None:
        if passport.voucher:
            _refuse_form()
        return root, None
    claim = read(passport.claim, network)
    if claim is None or not isinstance(claim.statement, Claim) or claim.statement.root != root:
        _refuse_form()
    if (claim.device == certificate.device) is not (passport.voucher == b""):
        _refuse_form()
    passport.claim.check_signature(network)
    if passport.voucher:
        bare.check(root, passport.voucher, bare.device_message(network, claim.device))
    return root, claim


def _refuse_form() -> NoReturn:
    raise BadPassport(INVALID, "This passport does not hold a certificate and a claim that fit each other.")


def _check_known(member: Member, root: RootId, device: AuthorId) -> None:
    """Check that a member whom the roster has admitted may bring this device."""
    if member.root != root or not member.sections:
        raise BadPassport(REVOKED)
    others = sum(each.standing is Standing.MEMBER and each.id != device for each in member.devices)
    if others >= limits.MAX_DEVICES:
        raise BadPassport(TOO_MANY_DEVICES)


def _check_claim(roster: Roster, root: RootId, said: Said | None) -> None:
    """Check that a claim makes a member of a root that the roster has not admitted."""
    if roster.stewarded(root):
        raise BadPassport(NOT_ENDORSED)
    if said is None:
        raise BadPassport(UNKNOWN)
    assert isinstance(said.statement, Claim)
    grant = roster.grant(said.statement.grant)
    if grant is None:
        raise BadPassport(UNKNOWN)
    try:
        check_claim(said, grant.grant, roster.network)
    except BadSignature as error:
        raise BadPassport(INVALID, "This claim was made without the invite.") from error
    code = why_no_member(grant, root, said.entry)
    if code is not None:
        raise BadPassport(code)
