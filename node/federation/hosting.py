"""The host's side of the guest protocol: one `Hosting` for each stream. Pure.

    waits for     after
    opening       the stream was opened: knock, return or present
    proof         return: the root's signature of our nonce
    entries       a challenge that a newcomer answers, or a refusal with `unknown`: entries, then done
    intake        done: `taken` or `not_taken`
    nothing       the end

Who breaks the protocol gets a `RemoteFault`; who keeps it and may not come in, a refusal. The shell counts
guests, joins and time. docs/protocol/federation.md, "The guest protocol".
"""

from enum import Enum, auto
from typing import Final, assert_never

from gossip.errors import RemoteFault, Severity
from node.federation import bare, limits
from node.federation.guest_effects import (
    MAX_OWN_ENTRIES,
    Effect,
    End,
    Ration,
    Send,
    SendLogs,
    TakeIn,
    runs_of,
)
from node.federation.guest_messages import (
    INVALID,
    MAX_FROM_GUEST,
    MAX_TEXT_CHARS,
    NETWORK_BYTES,
    NO_SUCH_MEMBER,
    REVOKED,
    TOO_MANY_DEVICES,
    UNKNOWN,
    WRONG_NETWORK,
    Challenge,
    CharterSent,
    Done,
    Entries,
    Knock,
    Message,
    Present,
    Proof,
    Refused,
    Return,
    Welcome,
    refusal,
)
from node.federation.names import RootId
from node.federation.offers import UsesUnderWay, why_no_use
from node.federation.passport import BadPassport, check, logs_behind
from node.federation.roster import Roster
from node.federation.statements import (
    FOR_SECTIONS,
    Begun,
    Certificate,
    Claim,
    Said,
    check_claim,
    read,
)
from node.federation.views import GrantState, Standing
from store.crypto import check_author
from store.entry import Entry
from store.errors import BadSignature
from store.ids import AuthorId, EntryId

_TAKEN_FOR_NOTHING: Final = "The statements were kept, but they do not let this device in."


class _Await(Enum):
    OPENING = auto()
    PROOF = auto()
    ENTRIES = auto()
    INTAKE = auto()
    NOTHING = auto()


class Hosting:
    """What a host says to one guest."""

    def __init__(
        self, roster: Roster, hub: AuthorId, guest: AuthorId, nonce: bytes, uses: UsesUnderWay
    ) -> None:
        """`hub`: our device; `guest`: as the secured connection proved it; `nonce`: 16 fresh random bytes."""
        self._roster = roster
        self._hub = hub
        self._guest = guest
        self._nonce = nonce
        self._uses = uses
        self._await = _Await.OPENING
        self._ration = Ration(MAX_FROM_GUEST)
        self._grant: EntryId | None = None
        self._root: RootId | None = None
        self._passport: bytes | None = None
        self._received: list[Entry] = []
        self._counted: tuple[EntryId, RootId] | None = None

    @property
    def is_presenting(self) -> bool:
        """Did the guest show a passport? It has then proven neither an invite nor a root."""
        return self._passport is not None

    def handle(self, message: Message, now_ms: int) -> list[Effect]:
        """What follows from a message of the guest. Raises: RemoteFault: reset the stream."""
        self._ration.take()
        match self._await:
            case _Await.OPENING:
                return self._opened(message, now_ms)
            case _Await.PROOF:
                return self._proved(message)
            case _Await.ENTRIES:
                return self._gathered(message, now_ms)
            case _Await.INTAKE | _Await.NOTHING:
                raise RemoteFault("a guest speaks out of turn")
            case _:
                assert_never(self._await)

    def taken(self) -> list[Effect]:
        """What was to be taken in is durable, and the roster has seen it."""
        self._expect_intake()
        self.left()
        if self._passport is not None:
            return self._presented(self._passport, again=True)
        standing = self._roster.standing(self._guest)
        if standing is Standing.FORMER:
            return self._refuse(refusal(REVOKED))
        if standing is Standing.UNKNOWN:
            return self._refuse(Refused(UNKNOWN, _TAKEN_FOR_NOTHING))
        logs = logs_behind(self._roster, self._hub)
        welcome = Welcome(standing is Standing.CANDIDATE)
        self._await = _Await.NOTHING
        return [Send(welcome), SendLogs(logs), Send(Done()), End()]

    def not_taken(self, text: str) -> list[Effect]:
        """The intake did not take it; `text` says why, for people."""
        self._expect_intake()
        self.left()
        return self._refuse(Refused(INVALID, text[:MAX_TEXT_CHARS]))

    def left(self) -> None:
        """The stream ended, in whatever way. May be called twice."""
        if self._counted is not None:
            self._uses.end(*self._counted)
            self._counted = None

    # --- the opening ------------------------------------------------------------------------------------

    def _opened(self, message: Message, now_ms: int) -> list[Effect]:
        try:
            check_author(self._guest)
        except BadSignature as error:
            raise RemoteFault("a device with a key that nobody may use", Severity.HOSTILE) from error
        if isinstance(message, Knock):
            return self._knocked(message, now_ms)
        if isinstance(message, Return):
            return self._returned(message)
        if isinstance(message, Present):
            self._passport = message.passport
            return self._presented(message.passport, again=False)
        raise RemoteFault("a guest begins with knock, return or present")

    def _knocked(self, knock: Knock, now_ms: int) -> list[Effect]:
        if knock.network != self._roster.network[:NETWORK_BYTES]:
            return self._refuse(refusal(WRONG_NETWORK))
        grant = self._roster.grant_of_key(knock.invite_key)
        if grant is None:
            return self._refuse(refusal(UNKNOWN))
        if self._roster.standing(self._guest) is Standing.FORMER:
            return self._refuse(refusal(REVOKED))
        code = self._why_no_use(grant, None, now_ms)
        if code is not None:
            return self._refuse(refusal(code))
        self._grant = grant.entry
        self._await = _Await.ENTRIES
        charter = self._roster.charter.encode()
        return [Send(Challenge(self._nonce, charter, grant.entry, grant.grant.purpose))]

    def _returned(self, message: Return) -> list[Effect]:
        code = self._why_no_return(message.root)
        if code is not None:
            return self._refuse(refusal(code))
        self._root = message.root
        self._await = _Await.PROOF
        return [Send(Challenge(self._nonce))]

    def _why_no_return(self, root: RootId) -> int | None:
        roster = self._roster
        if roster.standing(self._guest) is Standing.FORMER:
            return REVOKED
        member = roster.member(root)
        if member is None:
            return None if roster.stewarded(root) else NO_SUCH_MEMBER
        if member.root != root or not member.sections:
            return REVOKED
        others = [device for device in member.devices if device.root == root and device.id != self._guest]
        live = sum(device.standing is Standing.MEMBER for device in others)
        full = live >= limits.MAX_DEVICES or len(others) >= limits.MAX_DEVICES_EVER
        return TOO_MANY_DEVICES if full else None

    def _proved(self, message: Message) -> list[Effect]:
        if not isinstance(message, Proof):
            raise RemoteFault("a member who returns proves it first")
        assert self._root is not None
        try:
            bare.check(
                self._root, message.signature, bare.return_message(self._hub, self._guest, self._nonce)
            )
        except BadSignature as error:
            raise RemoteFault("the root did not sign our nonce", Severity.HOSTILE) from error
        self._await = _Await.ENTRIES
        return [Send(CharterSent(self._roster.charter.encode()))]

    def _presented(self, passport: bytes, *, again: bool) -> list[Effect]:
        """The passport is looked at, and what it stands for taken in: whom we let in, the roster knows."""
        if self._roster.standing(self._guest) is Standing.MEMBER:
            self._await = _Await.NOTHING
            return [Send(Welcome(False)), End()]
        try:
            check(passport, self._roster, self._guest)
        except BadPassport as error:
            if error.code != UNKNOWN or again:
                return self._refuse(Refused(error.code, str(error)))
        if again:
            return self._refuse(Refused(UNKNOWN, _TAKEN_FOR_NOTHING))
        self._await = _Await.ENTRIES
        return [Send(refusal(UNKNOWN))]

    # --- entries ----------------------------------------------------------------------------------------

    def _gathered(self, message: Message, now_ms: int) -> list[Effect]:
        match message:
            case Entries():
                self._received += message.entries
                if self._passport is None and len(self._received) > MAX_OWN_ENTRIES:
                    raise RemoteFault(f"a newcomer has at most {MAX_OWN_ENTRIES} entries")
                return []
            case Done():
                entries, self._received = tuple(self._received), []
                return self._complete(entries, now_ms)
            case _:
                raise RemoteFault("entries and done were expected")

    def _complete(self, entries: tuple[Entry, ...], now_ms: int) -> list[Effect]:
        if self._passport is not None:
            self._await = _Await.INTAKE
            return [TakeIn(runs_of(entries))]
        said = self._own_statements(entries)
        code = self._why_not_in(said, now_ms)
        if code is not None:
            return self._refuse(refusal(code))
        self._await = _Await.INTAKE
        return [TakeIn((entries,))]

    def _own_statements(self, entries: tuple[Entry, ...]) -> list[Said]:
        """What a newcomer's own log says; its form and its signatures are checked.

        Raises:
            RemoteFault: it is no `id` log of the guest that begins with its certificate and holds only what
                a newcomer has to say.
        """
        whole = (
            entries
            and entries[0].seq == 1
            and entries[0].author == self._guest
            and len(runs_of(entries)) == 1
        )
        if not whole:
            raise RemoteFault("a newcomer sends the id log of its own device, from entry 1")
        said: list[Said] = []
        try:
            for entry in entries:
                entry.check_signature(self._roster.network)
                found = read(entry, self._roster.network)
                if found is None or not isinstance(found.statement, Certificate | Begun | Claim):
                    raise RemoteFault("a newcomer has a certificate, an inception and claims, no more")
                said.append(found)
        except BadSignature as error:
            raise RemoteFault("an entry that its author did not sign", Severity.HOSTILE) from error
        return said

    def _why_not_in(self, said: list[Said], now_ms: int) -> int | None:
        """Why these statements do not let the guest in, if they do not."""
        certificate = said[0].statement
        assert isinstance(certificate, Certificate)
        if self._grant is None:
            return None if certificate.root == self._root else INVALID
        grant = self._roster.grant(self._grant)
        if grant is None:
            return UNKNOWN
        claim = said[-1]
        if not self._answers(claim, certificate.root, grant):
            return INVALID
        founding = (each.statement.inception for each in said if isinstance(each.statement, Begun))
        if grant.grant.purpose == FOR_SECTIONS and not any(
            certificate.root in inception.terms.stewards for inception in founding
        ):
            return INVALID
        code = self._why_no_use(grant, certificate.root, now_ms)
        if code is None:
            self._counted = (grant.entry, certificate.root)
            self._uses.begin(*self._counted)
        return code

    def _answers(self, said: Said, root: RootId, grant: GrantState) -> bool:
        """Is this a claim on that grant, made for this very meeting?"""
        claim = said.statement
        if not isinstance(claim, Claim):
            return False
        if (claim.grant, claim.root, claim.hub, claim.nonce) != (grant.entry, root, self._hub, self._nonce):
            return False
        try:
            check_claim(said, grant.grant, self._roster.network)
        except BadSignature:
            return False
        return True

    def _why_no_use(self, grant: GrantState, root: RootId | None, now_ms: int) -> int | None:
        under_way = self._uses.of(grant.entry)
        return why_no_use(grant, self._guest, root, under_way, now_ms)

    def _refuse(self, answer: Refused) -> list[Effect]:
        self._await = _Await.NOTHING
        return [Send(answer), End()]

    def _expect_intake(self) -> None:
        if self._await is not _Await.INTAKE:
            raise ValueError("nothing was given to the intake")
