"""The guest's side of the guest protocol: what it says, and what it does not take from a host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from node.federation import bare
from node.federation.guest_effects import Chartered, End, Send, SendLogs, TakeIn, TurnedAway, Welcomed
from node.federation.guest_messages import (
    EXPIRED,
    MAX_FROM_HOST,
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
from node.federation.statements import FOR_SECTIONS
from node.federation.visiting import Joining, Presenting, Returning, certify, make_claim
from node.testing.citizens import Citizen, found, inception
from store.charter import Charter
from store.crypto import verify
from store.ids import EntryId

ALICE, BOB = Citizen("alice"), Citizen("bob")
CHARTER = found([inception("Lyon", [ALICE])])
NETWORK = CHARTER.network_id()
HUB, LAPTOP = ALICE.device(NETWORK), BOB.device(NETWORK)
NONCE = bytes(range(16))
GRANT = EntryId(bytes([9] * 32))
INVITE = bare.invite_key(bytes(16)).author
CHALLENGE = Challenge(NONCE, CHARTER.encode(), GRANT, FOR_SECTIONS)
ENTRIES = Entries(tuple(HUB.log))
OWN = (Send(Entries(tuple(LAPTOP.log))), Send(Done()))


def joining() -> Joining:
    return Joining(NETWORK[:16], INVITE)


def returning() -> Returning:
    return Returning(NETWORK[:16], HUB.id, LAPTOP.id, BOB.key)


def answered() -> Joining:
    visit = joining()
    visit.begin()
    visit.handle(CHALLENGE)
    visit.answer(LAPTOP.log)
    return visit


def test_a_newcomer_knocks_learns_the_charter_and_sends_its_log() -> None:
    visit = joining()
    assert visit.begin() == [Send(Knock(NETWORK[:16], INVITE))]
    assert visit.handle(CHALLENGE) == [Chartered(CHARTER, NETWORK, NONCE, GRANT, FOR_SECTIONS)]
    assert tuple(visit.answer(LAPTOP.log)) == OWN
    assert visit.handle(Welcome(True)) == [Welcomed(True)]
    assert visit.handle(ENTRIES) == [TakeIn((tuple(HUB.log),))]
    assert visit.handle(Done()) == [End()]


def test_a_member_who_returns_proves_his_root_before_he_learns_the_charter() -> None:
    visit = returning()
    assert visit.begin() == [Send(Return(BOB.root))]
    [sent] = visit.handle(Challenge(NONCE))
    assert isinstance(sent, Send)
    assert isinstance(sent.message, Proof)
    verify(BOB.root, sent.message.signature, bare.return_message(HUB.id, LAPTOP.id, NONCE))
    assert visit.handle(CharterSent(CHARTER.encode())) == [Chartered(CHARTER, NETWORK, NONCE, None, 0)]
    assert tuple(visit.answer(LAPTOP.log)) == OWN
    assert visit.handle(Welcome(False)) == [Welcomed(False)]
    assert visit.handle(Done()) == [End()]


def test_one_with_a_passport_shows_it_and_is_let_in() -> None:
    visit = Presenting(b"passport", (LAPTOP.id,))
    assert visit.begin() == [Send(Present(b"passport"))]
    assert visit.handle(Welcome(False)) == [Welcomed(False), End()]


def test_a_host_that_lacks_something_gets_logs_once() -> None:
    visit = Presenting(b"passport", (LAPTOP.id, HUB.id))
    visit.begin()
    assert visit.handle(refusal(UNKNOWN)) == [SendLogs((LAPTOP.id, HUB.id)), Send(Done())]
    turned = TurnedAway(UNKNOWN, refusal(UNKNOWN).text)
    assert visit.handle(refusal(UNKNOWN)) == [turned, End()]


def begun(visit: Joining | Returning | Presenting) -> Joining | Returning | Presenting:
    visit.begin()
    return visit


WAITING = {
    "after a knock": lambda: begun(joining()),
    "after a return": lambda: begun(returning()),
    "after a passport": lambda: begun(Presenting(b"", ())),
    "after our entries": answered,
}


@pytest.mark.parametrize("when", WAITING)
def test_a_refusal_ends_the_visit(when: str) -> None:
    visit = WAITING[when]()
    assert visit.handle(Refused(EXPIRED, "late")) == [TurnedAway(EXPIRED, "late"), End()]
    with pytest.raises(RemoteFault):
        visit.handle(Refused(EXPIRED, "late"))


@pytest.mark.parametrize(
    ("charter", "severity"),
    [
        (found([inception("Berlin", [ALICE])]).encode(), Severity.HOSTILE),
        (Charter("a circle", bytes(16)).encode(), Severity.HOSTILE),
        (b"", Severity.BAD),
        (CHARTER.encode() + b"\0", Severity.BAD),
    ],
)
def test_the_charter_of_another_network_is_refused(charter: bytes, severity: Severity) -> None:
    visit = joining()
    visit.begin()
    with pytest.raises(RemoteFault) as caught:
        visit.handle(CHALLENGE._replace(charter=charter))
    assert caught.value.severity is severity
    back = returning()
    back.begin()
    back.handle(Challenge(NONCE))
    with pytest.raises(RemoteFault):
        back.handle(CharterSent(charter))


def test_a_circle_whose_network_is_the_right_one_is_refused() -> None:
    circle = Charter("a circle", bytes(16))
    visit = Joining(circle.network_id()[:16], INVITE)
    visit.begin()
    with pytest.raises(RemoteFault, match="another network"):
        visit.handle(Challenge(NONCE, circle.encode(), GRANT))


def test_a_challenge_without_a_grant_is_no_answer_to_a_knock() -> None:
    visit = joining()
    visit.begin()
    with pytest.raises(RemoteFault):
        visit.handle(CHALLENGE._replace(grant=b""))


def test_a_challenge_with_a_charter_is_no_answer_to_a_return() -> None:
    visit = returning()
    visit.begin()
    with pytest.raises(RemoteFault):
        visit.handle(CHALLENGE)


def test_a_host_waits_while_it_is_the_guests_turn() -> None:
    visit = joining()
    with pytest.raises(RemoteFault, match="out of turn"):
        visit.handle(CHALLENGE)
    visit = joining()
    visit.begin()
    visit.handle(CHALLENGE)
    with pytest.raises(RemoteFault, match="out of turn"):
        visit.handle(Welcome(False))


def test_entries_are_sent_when_the_charter_is_known_and_once() -> None:
    visit = joining()
    with pytest.raises(ValueError, match="after the charter"):
        visit.answer(LAPTOP.log)
    with pytest.raises(ValueError, match="once"):
        answered().answer(LAPTOP.log)


def test_a_host_cannot_send_without_end() -> None:
    visit = answered()
    visit.handle(Welcome(False))
    for _ in range(MAX_FROM_HOST - 2):
        visit.handle(ENTRIES)
    with pytest.raises(RemoteFault, match="more messages"):
        visit.handle(ENTRIES)


MESSAGES: st.SearchStrategy[Message] = st.sampled_from(
    [
        CHALLENGE,
        Challenge(NONCE),
        CharterSent(CHARTER.encode()),
        CharterSent(b""),
        Welcome(False),
        Welcome(True),
        refusal(UNKNOWN),
        refusal(EXPIRED),
        ENTRIES,
        Done(),
        Knock(NONCE, INVITE),
        Return(BOB.root),
        Present(b""),
        Proof(bytes(64)),
    ]
)


@given(st.integers(0, 2), st.booleans(), st.lists(MESSAGES, max_size=8))
def test_whatever_a_host_says_is_taken_or_is_its_fault(which: int, eager: bool, said: list[Message]) -> None:
    visit = (joining, returning, lambda: Presenting(b"", (LAPTOP.id,)))[which]()
    visit.begin()
    ended = False
    for message in said:
        try:
            effects = visit.handle(message)
        except RemoteFault:
            return
        assert not ended, "after the end everything is a fault"
        ended = End() in effects
        if eager and any(isinstance(effect, Chartered) for effect in effects):
            assert isinstance(visit, Joining | Returning)
            visit.answer(LAPTOP.log)


def test_what_the_root_and_the_invite_sign_fits() -> None:
    device_signature = certify(BOB.key, NETWORK, LAPTOP.id)
    verify(BOB.root, device_signature, bare.device_message(NETWORK, LAPTOP.id))
    chartered = Chartered(CHARTER, NETWORK, NONCE, GRANT, 0)
    claim = make_claim(bytes(16), chartered, BOB.root, LAPTOP.id, HUB.id)
    assert claim[:4] == (GRANT, BOB.root, HUB.id, NONCE)
    message = bare.claim_message(NETWORK, GRANT, BOB.root, LAPTOP.id, HUB.id, NONCE)
    verify(INVITE, claim.signature, message)
    with pytest.raises(ValueError, match="claims nothing"):
        make_claim(bytes(16), chartered._replace(grant=None), BOB.root, LAPTOP.id, HUB.id)
