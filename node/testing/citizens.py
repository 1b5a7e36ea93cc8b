"""Members of a federation for tests: roots, devices that say things in `id` logs, and founding sections.

Nothing here is random: the same calls give the same bytes. Whether what they say counts, the roster decides.
"""

from collections.abc import Sequence
from typing import Final

from node.federation import bare, statements
from node.federation.bare import NO_NETWORK, invite_key, root_key, root_of
from node.federation.cuts import Cut
from node.federation.inception import Terms, encode_inception, read_inception, sign_inception
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.statements import FOR_MEMBERS, Claim, Grant
from store.charter import Charter
from store.crypto import SigningKey, digest
from store.entry import SALT_BYTES, Entry, sign
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId

START_MS: Final = 1_763_000_000_000
"""Claimed time of a device's first statement; each further one is a second later."""

NEVER_MS: Final = 2**53 - 1
"""An expiry that does not come."""

_SEED: Final = b"asterism/testing/"


class Citizen:
    """A member with a root key made of the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entropy = digest(_SEED + b"root/" + name.encode())
        """32 bytes: what the member's words carry."""
        self.key = root_key(self.entropy)
        self.root: RootId = root_of(self.key)

    def device(self, network: NetworkId, name: str = "laptop", root: "Citizen | None" = None) -> "Device":
        """A device of this member, with its certificate; `root` signs it where that is somebody else's."""
        return Device(root or self, network, f"{self.name}/{name}", name)


class Device:
    """A device and its `id` log."""

    def __init__(self, citizen: Citizen, network: NetworkId, seed: str, name: str) -> None:
        self.citizen = citizen
        self.network = network
        self.seed = digest(_SEED + b"device/" + seed.encode())
        self.key = SigningKey(self.seed)
        self.id: AuthorId = self.key.author
        self.log: list[Entry] = []
        signature = citizen.key.sign(bare.device_message(network, self.id))
        self.say(statements.compose_certificate(self._salt(), citizen.root, name, signature))

    @property
    def certificate(self) -> Entry:
        """Entry 1."""
        return self.log[0]

    def say(self, body: bytes, time_ms: int | None = None) -> Entry:
        """Sign the next entry of the log, with a body of `statements.compose_…`."""
        seq, back = len(self.log) + 1, self.log[-1].id if self.log else b""
        when = START_MS + 1_000 * seq if time_ms is None else time_ms
        entry = sign(self.key, self.network, LOG_ID, seq, back, body, when)
        self.log.append(entry)
        return entry

    def _salt(self) -> bytes:
        return digest(self.seed + len(self.log).to_bytes(8, "big"))[:SALT_BYTES]

    def grant(
        self,
        state: StateId,
        secret: bytes,
        uses: int = 1,
        expires_ms: int = NEVER_MS,
        purpose: int = FOR_MEMBERS,
    ) -> Entry:
        """Make an invite with this secret (16 bytes)."""
        grant = Grant(state, invite_key(secret).author, uses, expires_ms, purpose)
        return self.say(statements.compose_grant(self._salt(), grant))

    def claim(self, grant: EntryId, secret: bytes, hub: AuthorId, nonce: bytes = bytes(16)) -> Entry:
        """Use an invite at a hub."""
        root = self.citizen.root
        message = bare.claim_message(self.network, grant, root, self.id, hub, nonce)
        claim = Claim(grant, root, hub, nonce, invite_key(secret).sign(message))
        return self.say(statements.compose_claim(self._salt(), claim))

    def settle(self, state: StateId, grant: EntryId, roots: Sequence[RootId | SectionId]) -> Entry:
        """Say who of those that used a grant stands."""
        return self.say(statements.compose_settlement(self._salt(), state, grant, roots))

    def admit(self, state: StateId, root: RootId) -> Entry:
        """Admit a member."""
        return self.say(statements.compose_admission(self._salt(), state, root))

    def begin(self, signed: bytes) -> Entry:
        """Carry the signed inception of a section."""
        return self.say(statements.compose_inception(self._salt(), signed))

    def cut(self, cut: Cut) -> Entry:
        """Say where a device of the same root ends."""
        signature = self.citizen.key.sign(bare.cut_message(self.network, cut.encode()))
        return self.say(statements.compose_cut(self._salt(), cut, signature))

    def change(
        self, parents: Sequence[StateId], terms: Terms, ends: Sequence[tuple[AuthorId, int]] = ()
    ) -> Entry:
        """Propose a change of a section."""
        return self.say(statements.compose_change(self._salt(), parents, terms, ends))

    def endorse(self, state: StateId, section: SectionId) -> Entry:
        """Propose the endorsement of a section."""
        return self.say(statements.compose_endorsement(self._salt(), state, section))

    def end(self, state: StateId, root: RootId, cuts: Sequence[Cut] = ()) -> Entry:
        """Propose the end of a membership."""
        return self.say(statements.compose_end(self._salt(), state, root, cuts))

    def replace(self, state: StateId, old: RootId, new: RootId, cuts: Sequence[Cut] = ()) -> Entry:
        """Propose the replacement of a root."""
        return self.say(statements.compose_replacement(self._salt(), state, old, new, cuts))

    def consent(self, act: ActId) -> Entry:
        """Consent to an act."""
        return self.say(statements.compose_consent(self._salt(), act))


def inception(
    name: str, stewards: Sequence[Citizen], threshold: int | None = None, network: NetworkId = NO_NETWORK
) -> bytes:
    """The signed inception of a section; the threshold is the smallest one if none is given."""
    roots = tuple(sorted(citizen.root for citizen in stewards))
    terms = Terms(name, "", (), roots, threshold or len(roots) // 2 + 1)
    salt = digest(_SEED + b"section/" + name.encode())[:SALT_BYTES]
    return sign_inception(encode_inception(terms, salt), [citizen.key for citizen in stewards], network)


def section_of(signed: bytes, network: NetworkId = NO_NETWORK) -> SectionId:
    """The id of the section that a signed inception begins."""
    return read_inception(signed, network).section


def found(
    inceptions: Sequence[bytes], endorsements: int = 1, name: str = "a federation for tests"
) -> Charter:
    """The charter of a federation with these founding sections."""
    return Charter(name, bytes(range(16)), endorsements, tuple(sorted(inceptions)))


def act_of(entry: Entry, network: NetworkId) -> ActId:
    """The id of the act that an entry holds."""
    if entry.body is None:
        raise ValueError("an act has a body")
    return bare.act_id(network, entry.body)
