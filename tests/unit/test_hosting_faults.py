"""A host and guests who do not keep the rules of the guest protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from node.federation import bare
from node.federation.guest_effects import (
    MAX_OWN_ENTRIES,
    End,
    Send,
    TakeIn,
)
from node.federation.guest_messages import (
    MAX_FROM_GUEST,
    UNKNOWN,
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
from node.federation.hosting import Hosting
from node.testing.citizens import Citizen, Device
from node.testing.meetings import (
    ALICE,
    INVITE,
    NETWORK,
    NONCE,
    NOW_MS,
    SECRET,
    STATE,
    Hub,
    join,
)
from store.crypto_vectors import REFUSED_KEYS
from store.ids import AuthorId, EntryId

BOB, CAROL, DAVE = map(Citizen, ("bob", "carol", "dave"))


def opened(hub: Hub, device: Device) -> Hosting:
    host = hub.host(device.id)
    host.handle(Knock(NETWORK[:16], INVITE), NOW_MS)
    return host


BOBS = BOB.device(NETWORK)
FOREIGN = {
    "no entries": [],
    "another device's log": list(CAROL.device(NETWORK).log),
    "two logs": [*BOBS.log, *CAROL.device(NETWORK).log],
    "a log without its beginning": [BOBS.claim(EntryId(bytes(32)), SECRET, BOBS.id)],
    "an entry twice": [BOBS.log[0], BOBS.log[0]],
    "a statement that is not a newcomer's": [BOBS.log[0], BOB.device(NETWORK).admit(STATE, BOB.root)],
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_newcomer_sends_its_own_log_and_nothing_else(what: str) -> None:
    hub = Hub()
    hub.grant()
    host = opened(hub, BOBS)
    host.handle(Entries(tuple(FOREIGN[what])), NOW_MS)
    with pytest.raises(RemoteFault):
        host.handle(Done(), NOW_MS)


@pytest.mark.parametrize("at", [0, 1])
def test_an_entry_that_is_not_signed_is_hostile(at: int) -> None:
    hub = Hub()
    grant = hub.grant()
    device = BOB.device(NETWORK)
    device.claim(grant, SECRET, hub.device.id, NONCE)
    host = opened(hub, device)
    log = list(device.log)
    log[at] = log[at]._replace(signature=bytes(64))
    host.handle(Entries(tuple(log)), NOW_MS)
    with pytest.raises(RemoteFault) as caught:
        host.handle(Done(), NOW_MS)
    assert caught.value.severity is Severity.HOSTILE


def test_a_certificate_that_the_root_did_not_sign_does_not_pass() -> None:
    hub = Hub()
    hub.grant()
    device = BOB.device(NETWORK)
    other = BOB.device(type(NETWORK)(bytes(32)))
    forged = Device(BOB, NETWORK, "bob/laptop", "laptop")
    forged.log.clear()
    assert other.certificate.body is not None
    forged.say(other.certificate.body)
    host = opened(hub, device)
    host.handle(Entries(tuple(forged.log)), NOW_MS)
    with pytest.raises(RemoteFault, match="certificate"):
        host.handle(Done(), NOW_MS)


@pytest.mark.parametrize(("name", "key"), REFUSED_KEYS)
def test_a_key_that_nobody_may_use_is_not_served(name: str, key: bytes) -> None:
    hub = Hub()
    hub.grant()
    with pytest.raises(RemoteFault, match="nobody may use"):
        hub.host(AuthorId(key)).handle(Knock(NETWORK[:16], INVITE), NOW_MS)


def test_a_newcomer_has_few_entries() -> None:
    hub = Hub()
    grant = hub.grant()
    device = BOB.device(NETWORK)
    for _ in range(MAX_OWN_ENTRIES):
        device.claim(grant, SECRET, hub.device.id, NONCE)
    host = opened(hub, device)
    host.handle(Entries(tuple(device.log[:MAX_OWN_ENTRIES])), NOW_MS)
    with pytest.raises(RemoteFault, match="at most 8 entries"):
        host.handle(Entries(tuple(device.log[MAX_OWN_ENTRIES:])), NOW_MS)


def test_a_guest_cannot_send_without_end() -> None:
    hub = Hub()
    host = hub.host(BOBS.id)
    strange = CAROL.device(NETWORK)
    assert host.handle(Present(Hub().passport(ALICE.device(NETWORK, "hub"))), NOW_MS)[-1] == End()
    host = hub.host(strange.id)
    other = Hub()
    other.grant()
    join(other, strange)
    host.handle(Present(other.passport(strange)), NOW_MS)
    for _ in range(MAX_FROM_GUEST - 1):
        host.handle(Entries(tuple(strange.log)), NOW_MS)
    with pytest.raises(RemoteFault, match="more messages"):
        host.handle(Done(), NOW_MS)


def test_a_guest_waits_while_its_entries_are_taken_in() -> None:
    hub = Hub()
    grant = hub.grant()
    device = BOB.device(NETWORK)
    device.claim(grant, SECRET, hub.device.id, NONCE)
    host = opened(hub, device)
    host.handle(Entries(tuple(device.log)), NOW_MS)
    host.handle(Done(), NOW_MS)
    with pytest.raises(RemoteFault, match="out of turn"):
        host.handle(Done(), NOW_MS)


def test_the_intake_is_answered_for_once_and_only_where_it_was_asked() -> None:
    hub = Hub()
    host = hub.host(BOBS.id)
    with pytest.raises(ValueError, match="nothing was given"):
        host.taken()
    with pytest.raises(ValueError, match="nothing was given"):
        host.not_taken("")


def test_statements_that_let_nobody_in_are_refused_after_all() -> None:
    """Between the check and the roster the grant was settled without this root."""
    hub = Hub()
    grant = hub.grant()
    device = BOB.device(NETWORK)
    device.claim(grant, SECRET, hub.device.id, NONCE)
    host = opened(hub, device)
    host.handle(Entries(tuple(device.log)), NOW_MS)
    host.handle(Done(), NOW_MS)
    hub.device.settle(STATE, grant, [])
    hub.know(hub.device, device)
    [sent, end] = host.taken()
    assert isinstance(sent, Send)
    assert isinstance(sent.message, Refused)
    assert sent.message.code == UNKNOWN
    assert end == End()


HOST = Hub()
HOST_GRANT = HOST.grant(uses=50)
CLAIMED = BOB.device(NETWORK)
CLAIMED.claim(HOST_GRANT, SECRET, HOST.device.id, NONCE)
MESSAGES: st.SearchStrategy[Message] = st.sampled_from(
    [
        Knock(NETWORK[:16], INVITE),
        Knock(bytes(16), INVITE),
        Knock(NETWORK[:16], bytes(32)),
        Return(ALICE.root),
        Return(BOB.root),
        Present(b""),
        Present(HOST.passport(HOST.device)),
        Proof(bytes(64)),
        Proof(ALICE.key.sign(bare.return_message(HOST.device.id, CLAIMED.id, NONCE))),
        Entries(tuple(CLAIMED.log)),
        Entries(tuple(HOST.device.log)),
        Done(),
        Challenge(NONCE),
        CharterSent(b""),
        Welcome(False),
        refusal(UNKNOWN),
    ]
)


@given(st.lists(MESSAGES, max_size=8))
def test_whatever_a_guest_says_is_answered_or_is_its_fault(said: list[Message]) -> None:
    host = HOST.host(CLAIMED.id)
    ended = False
    for message in said:
        try:
            effects = host.handle(message, NOW_MS)
        except RemoteFault:
            break
        assert not ended, "after the end everything is a fault"
        if any(isinstance(effect, TakeIn) for effect in effects):
            effects = host.not_taken("")
        ended = End() in effects
        assert Send(Welcome(False)) not in effects
    host.left()
    assert not HOST.uses.of(HOST_GRANT)
