"""Who is let in and what is carried, as statements come in any order, wait, and are taken back."""

import random
from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.proto.events import Behind, Committed, Stopped, Unwanted, Verdict
from node.belonging.membership import Membership
from node.belonging.waiting_room import MAX_POOL_AUTHORS, Waiting
from node.federation.cuts import LogEnd, make_cut
from node.federation.inception import Terms
from node.federation.names import StateId
from node.federation.roster import Roster
from node.federation.views import Standing
from node.testing.citizens import Citizen, Device, act_of, found, inception, section_of
from store.entry import MAX_ID_SEQ, MAX_SEQ, Entry
from store.ids import LOG_FEED, LOG_ID, AuthorId
from store.interface import LogState
from store.log import Head, LogId, fork_proof

SECRET, OTHER_SECRET = b"1" * 16, b"2" * 16
PEER = AuthorId(b"p" * 32)

ALICE, BOB, CAROL, EVE = (Citizen(name) for name in ("alice", "bob", "carol", "eve"))
LYON = inception("Lyon", [ALICE])
CHARTER = found([LYON])
NETWORK = CHARTER.network_id()
STATE = StateId(section_of(LYON))


class Desk:
    """A membership over what a store would hold; what is ready is written at once."""

    def __init__(self, own: AuthorId = PEER) -> None:
        self.membership = Membership(Roster(CHARTER), own)
        self.held: dict[AuthorId, list[Entry]] = {}
        self.cuts: list[AuthorId] = []
        self.told = 0
        self.membership.listen(self._count)

    def _count(self) -> None:
        self.told += 1

    def commit(self, *pieces: Sequence[Entry]) -> None:
        """The store took these in."""
        for piece in pieces:
            self.held.setdefault(piece[0].author, []).extend(piece)
        self.membership.committed(Committed(tuple(map(tuple, pieces)), PEER))
        self.settle()

    def settle(self) -> None:
        changes = self.membership.settle()
        if changes.admission:
            self.membership.tell()
        self.cuts += changes.devices
        for waiting in changes.ready:
            self.write(waiting)

    def write(self, waiting: Waiting) -> None:
        self.commit(waiting.entries)
        author = waiting.entries[0].author
        self.membership.written(author, len(self.held[author]))
        self.settle()

    def bring(self, piece: Sequence[Entry]) -> Verdict | None:
        """A peer brings a piece; None: it was taken in."""
        author = piece[0].author
        if self.membership.carries(author):
            held = self.held.setdefault(author, [])
            fresh = [entry for entry in piece if entry.seq > len(held)]
            if fresh and fresh[0].seq == len(held) + 1:
                self.commit(fresh)
            return None
        found = self.membership.consider(tuple(piece), PEER, None)
        self.settle()
        if not isinstance(found, Waiting):
            return found
        self.write(found)
        return None

    def knows(self, *devices: Device) -> list[Standing]:
        return [self.membership.standing(device.id) for device in devices]


def feed_of(device: Device) -> LogId:
    return LogId(device.id, LOG_FEED)


def invited(grant: Entry, device: Device, secret: bytes = SECRET) -> Device:
    device.claim(grant.id, secret, PEER)
    return device


def test_a_stranger_is_neither_let_in_nor_carried_but_may_say_who_he_is() -> None:
    desk, bob = Desk(), BOB.device(NETWORK)
    members = desk.membership
    assert not members.admits_peer(bob.id)
    assert members.is_guest(bob.id)
    assert members.last_carried(feed_of(bob)) == 0
    assert members.last_carried(LogId(bob.id, LOG_ID)) == MAX_ID_SEQ
    assert members.last_good(LogId(bob.id, LOG_ID)) == 0


def test_a_founding_steward_is_known_by_his_certificate() -> None:
    desk, alice = Desk(), ALICE.device(NETWORK)
    assert desk.bring(alice.log) is None
    assert desk.held == {alice.id: alice.log}
    assert desk.membership.admits_peer(alice.id)
    assert not desk.membership.is_guest(alice.id)
    assert desk.membership.last_carried(feed_of(alice)) == MAX_SEQ
    assert desk.told == 1


def test_who_claims_an_invite_is_taken_in_with_all_that_waited() -> None:
    desk, alice = Desk(), ALICE.device(NETWORK)
    bob = invited(alice.grant(STATE, SECRET), BOB.device(NETWORK))
    desk.bring(alice.log)
    told = desk.told
    assert isinstance(desk.bring(bob.log[:1]), Unwanted)
    assert (desk.membership.waiting, desk.told) == (1, told)
    assert desk.bring(bob.log[1:]) is None
    assert desk.held[bob.id] == bob.log
    assert (desk.membership.waiting, desk.told) == (0, told + 1)
    assert desk.knows(bob) == [Standing.MEMBER]


def test_who_comes_before_those_who_let_him_in_waits_for_them() -> None:
    alice, bob, carol = (citizen.device(NETWORK) for citizen in (ALICE, BOB, CAROL))
    invited(alice.grant(STATE, SECRET), bob)
    both = tuple(sorted((ALICE.root, BOB.root)))
    change = alice.change([STATE], Terms("Lyon", "", (), both, 2))
    grant = bob.grant(StateId(act_of(change, NETWORK)), OTHER_SECRET)
    invited(grant, carol, OTHER_SECRET)
    desk = Desk()
    assert isinstance(desk.bring(carol.log), Unwanted)
    assert isinstance(desk.bring(bob.log), Unwanted)
    assert desk.membership.waiting == 2
    desk.bring(alice.log)
    assert desk.membership.waiting == 0
    assert desk.held == {device.id: device.log for device in (alice, bob, carol)}
    assert desk.knows(alice, bob, carol) == [Standing.MEMBER] * 3


def test_a_log_without_a_certificate_does_not_wait() -> None:
    desk = Desk()
    forger = CAROL.device(NETWORK, "forged", root=EVE)
    other = Device(EVE, CHARTER.network_id(), "other", "other")
    stolen = other.log[0]._replace(author=forger.id)
    verdict = desk.membership.consider((stolen,), PEER, None)
    assert isinstance(verdict, Unwanted)
    assert (desk.membership.waiting, desk.membership.roster.held(forger.id)) == (0, 0)


def test_entries_after_a_gap_are_asked_for_from_the_gap_on() -> None:
    desk, bob = Desk(), BOB.device(NETWORK)
    for _ in range(3):
        bob.consent(act_of(bob.certificate, NETWORK))
    log_id = LogId(bob.id, LOG_ID)
    assert desk.bring(bob.log[2:]) == Behind(log_id, 1)
    assert isinstance(desk.bring(bob.log[:2]), Unwanted)
    assert desk.bring(bob.log[3:]) == Behind(log_id, 3)


def test_a_stranger_who_contradicts_himself_is_stopped() -> None:
    desk, alice = Desk(), ALICE.device(NETWORK)
    grant = alice.grant(STATE, SECRET)
    bob, twin = BOB.device(NETWORK), BOB.device(NETWORK)
    twin.consent(act_of(grant, NETWORK))
    invited(grant, bob)
    desk.bring(twin.log)
    proof = fork_proof(bob.log[1], twin.log[1], NETWORK)
    assert desk.bring(bob.log) == Stopped(LogId(bob.id, LOG_ID), proof)
    desk.bring(alice.log)
    assert desk.bring(bob.log) == Stopped(LogId(bob.id, LOG_ID), proof)
    assert desk.knows(bob) == [Standing.UNKNOWN]


def test_what_the_store_knows_against_a_stranger_counts() -> None:
    desk, alice = Desk(), ALICE.device(NETWORK)
    grant = alice.grant(STATE, SECRET)
    bob, twin = BOB.device(NETWORK), BOB.device(NETWORK)
    twin.consent(act_of(grant, NETWORK))
    invited(grant, bob)
    desk.bring(alice.log)
    proof = fork_proof(bob.log[1], twin.log[1], NETWORK)
    assert desk.membership.consider(tuple(bob.log), PEER, proof) == Stopped(LogId(bob.id, LOG_ID), proof)


def revoked(desk: Desk, seq: int = 5) -> tuple[Device, Device]:
    """Bob's laptop, cut by his phone after some posts."""
    alice = ALICE.device(NETWORK)
    laptop, phone = BOB.device(NETWORK), BOB.device(NETWORK, "phone")
    invited(alice.grant(STATE, SECRET), laptop)
    ends = [LogEnd(LOG_ID, 2, laptop.log[1].id), LogEnd(LOG_FEED, seq, laptop.log[0].id)]
    phone.cut(make_cut(laptop.id, ends))
    for device in (alice, laptop):
        desk.bring(device.log)
    desk.cuts.clear()
    desk.bring(phone.log)
    return laptop, phone


def test_a_revoked_device_is_shut_out_and_its_logs_end_where_it_was_cut() -> None:
    desk = Desk()
    laptop, phone = revoked(desk)
    members = desk.membership
    assert desk.knows(laptop, phone) == [Standing.FORMER, Standing.MEMBER]
    assert not members.admits_peer(laptop.id)
    assert not members.is_guest(laptop.id)
    assert members.last_carried(feed_of(laptop)) == 5
    assert members.last_good(LogId(laptop.id, LOG_ID)) == MAX_ID_SEQ
    assert laptop.id in desk.cuts


def test_our_own_device_is_never_cut_at_home_but_signs_no_more() -> None:
    laptop = BOB.device(NETWORK)
    desk = Desk(laptop.id)
    assert desk.membership.admits_peer(laptop.id)
    assert desk.membership.last_carried(feed_of(laptop)) == MAX_SEQ
    assert desk.membership.carries(laptop.id)
    assert desk.membership.why_not_signing() == ""
    revoked(desk)
    assert desk.knows(laptop) == [Standing.FORMER]
    assert desk.membership.last_good(feed_of(laptop)) == MAX_SEQ
    assert desk.membership.why_not_signing() != ""


def test_a_candidate_is_carried_but_not_let_in() -> None:
    alice = ALICE.device(NETWORK)
    grant = alice.grant(STATE, SECRET, purpose=1)
    carol = CAROL.device(NETWORK)
    carol.begin(inception("Berlin", [CAROL], network=NETWORK))
    invited(grant, carol)
    desk = Desk()
    desk.bring(alice.log)
    assert desk.bring(carol.log) is None
    assert desk.knows(carol) == [Standing.CANDIDATE]
    assert not desk.membership.admits_peer(carol.id)
    assert desk.membership.is_guest(carol.id)
    assert desk.membership.last_carried(feed_of(carol)) == 0
    assert desk.held[carol.id] == carol.log


def settled_out(desk: Desk) -> tuple[Device, Device]:
    """Alice, who settles her invite without Bob."""
    alice = ALICE.device(NETWORK)
    grant = alice.grant(STATE, SECRET)
    bob = invited(grant, BOB.device(NETWORK))
    desk.bring(alice.log)
    desk.bring(bob.log)
    assert desk.knows(bob) == [Standing.MEMBER]
    alice.settle(STATE, grant.id, [CAROL.root])
    desk.cuts.clear()
    desk.bring(alice.log)
    return alice, bob


def forget(desk: Desk, device: Device) -> None:
    """The store lets go of an `id` log that is no longer carried."""
    held = tuple(desk.held.pop(device.id))
    log_id = LogId(device.id, LOG_ID)
    desk.membership.shelve(device.id, held, LogState(Head(len(held), held[-1].id), len(held), None))
    desk.settle()
    desk.membership.committed(Committed((), None, (), (log_id,)))
    desk.settle()


def test_a_claim_that_is_settled_out_is_no_longer_carried_and_waits() -> None:
    desk = Desk()
    _, bob = settled_out(desk)
    assert desk.knows(bob) == [Standing.UNKNOWN]
    assert desk.cuts == [bob.id]
    assert not desk.membership.carries(bob.id)
    forget(desk, bob)
    assert desk.membership.waiting == 1
    assert desk.membership.roster.held(bob.id) == 2
    assert isinstance(desk.bring(bob.log), Unwanted)


def test_evidence_takes_back_what_was_said_and_who_waits_for_that_comes_back() -> None:
    desk = Desk()
    alice, bob = settled_out(desk)
    forget(desk, bob)
    twin = ALICE.device(NETWORK)
    twin.log[:] = alice.log[:2]
    proof = fork_proof(alice.log[2], twin.consent(act_of(alice.certificate, NETWORK)), NETWORK)
    desk.held[alice.id] = alice.log[:2]
    desk.membership.committed(Committed((), PEER, (proof,)))
    desk.settle()
    assert desk.knows(bob) == [Standing.MEMBER]
    assert desk.held[bob.id] == bob.log


def test_a_damaged_body_ends_what_is_folded_until_it_is_back() -> None:
    alice = ALICE.device(NETWORK)
    bob = invited(alice.grant(STATE, SECRET), BOB.device(NETWORK))
    damaged = [alice.log[0], alice.log[1].without_body()]
    members = Membership(Roster(CHARTER), PEER)
    members.load([damaged, bob.log])
    assert members.torn == {alice.id}
    assert members.standing(bob.id) is Standing.UNKNOWN
    members.load([alice.log])
    assert members.torn == set()
    assert members.standing(bob.id) is Standing.MEMBER


def test_whoever_has_to_make_room_is_forgotten_by_the_roster_too() -> None:
    desk = Desk()
    crowd = [Citizen(f"number {number}").device(NETWORK) for number in range(MAX_POOL_AUTHORS + 3)]
    for device in crowd:
        desk.bring(device.log)
    assert desk.membership.waiting == MAX_POOL_AUTHORS
    held = [desk.membership.roster.held(device.id) for device in crowd]
    assert held == [0] * 3 + [1] * MAX_POOL_AUTHORS


def a_federation() -> list[Device]:
    """Devices of a small federation: some are let in by others, one is cut, one is settled out."""
    alice, bob, carol = (citizen.device(NETWORK) for citizen in (ALICE, BOB, CAROL))
    phone = BOB.device(NETWORK, "phone")
    grant = alice.grant(STATE, SECRET, uses=2)
    invited(grant, bob)
    eve = invited(grant, EVE.device(NETWORK))
    both = tuple(sorted((ALICE.root, BOB.root)))
    change = alice.change([STATE], Terms("Lyon", "", (), both, 2))
    later = StateId(act_of(change, NETWORK))
    carol_grant = bob.grant(later, OTHER_SECRET)
    invited(carol_grant, carol, OTHER_SECRET)
    dave = Citizen("dave")
    bob.admit(later, dave.root)
    alice.settle(later, grant.id, [BOB.root])
    phone.cut(make_cut(bob.id, [LogEnd(LOG_ID, 4, bob.log[3].id)]))
    return [alice, bob, carol, phone, eve, dave.device(NETWORK)]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_comes_first_the_same_are_known_in_the_end(chance: random.Random) -> None:
    devices = a_federation()
    desk = Desk()
    for _ in range(2 * len(devices)):
        log = chance.choice(devices).log
        desk.bring(log[chance.randrange(len(log)) :])
    for _ in range(3):
        for device in chance.sample(devices, k=len(devices)):
            desk.bring(device.log)
            let_go(desk)
    assert desk.knows(*devices) == [
        Standing.MEMBER,
        Standing.FORMER,
        Standing.MEMBER,
        Standing.MEMBER,
        Standing.UNKNOWN,
        Standing.MEMBER,
    ]
    assert desk.held == {device.id: device.log for device in devices if device.citizen is not EVE}
    assert desk.membership.roster.digest() == in_one_go(devices).digest()


def let_go(desk: Desk) -> None:
    for author in list(desk.held):
        if not desk.membership.carries(author):
            device = next(each for each in a_federation() if each.id == author)
            forget(desk, device)


def in_one_go(devices: Iterable[Device]) -> Roster:
    roster = Roster(CHARTER)
    for device in devices:
        roster.add(device.log)
    return roster
