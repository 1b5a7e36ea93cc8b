"""Whom to dial and whom to keep."""

from collections.abc import Iterable
from random import Random

from gossip.errors import Severity
from gossip.proto import events, limits
from gossip.proto.context import Context, Tuning
from gossip.proto.peers import DIAL, Peers
from gossip.proto.reputation import Reputation
from node.testing.people import NETWORK
from store.entry import MAX_SEQ
from store.frontier import Frontier
from store.ids import AuthorId
from store.log import LogId

NOW = 1_800_000_000.0
WHERE = ("/ip4/192.0.2.1/tcp/4001",)


def device(number: int) -> AuthorId:
    return AuthorId(number.to_bytes(32, "big"))


ME, BOB, CAROL = device(0), device(1), device(2)


class Friends:
    """Admits who is on it; None: everyone."""

    def __init__(self, friends: set[AuthorId] | None = None) -> None:
        self.friends = friends

    def admits_peer(self, peer: AuthorId) -> bool:
        return self.friends is None or peer in self.friends

    def last_carried(self, log_id: LogId) -> int:
        return MAX_SEQ if self.admits_peer(log_id.author) else 0


class Desk:
    """A `Peers` with what it stands on."""

    def __init__(self, tuning: Tuning | None = None, friends: Friends | None = None) -> None:
        self.context = Context(
            ME, NETWORK, friends or Friends(), Frontier(NETWORK), Random(1), Random(2), tuning or Tuning()
        )
        self.reputation = Reputation()
        self.peers = Peers(self.context, self.reputation)

    def find(self, peer: AuthorId, *, configured: bool = False, now: float = NOW) -> list[AuthorId]:
        return dialled(self.peers.found(events.PeerFound(peer, WHERE, configured), now))

    def next_dial(self) -> float:
        at = self.context.schedule.next_at()
        assert at is not None
        assert self.context.schedule.is_set(DIAL)
        return at


def dialled(effects: Iterable[events.Effect]) -> list[AuthorId]:
    return [effect.peer for effect in effects if isinstance(effect, events.Dial)]


def test_a_peer_that_is_found_is_dialled_at_its_addresses() -> None:
    desk = Desk()
    assert desk.peers.found(events.PeerFound(BOB, WHERE, False), NOW) == [events.Dial(BOB, WHERE)]
    assert desk.find(BOB) == [], "a dial is under way"


def test_nobody_dials_himself_or_nowhere() -> None:
    desk = Desk()
    assert desk.find(ME) == []
    assert desk.peers.found(events.PeerFound(BOB, (), False), NOW) == []
    assert desk.peers.heard(ME, WHERE, hub=False, now=NOW) == []


def test_dials_at_a_time_and_neighbours_are_bounded() -> None:
    desk = Desk(Tuning(target_links=6))
    started = [peer for number in range(1, 20) for peer in desk.find(device(number))]
    assert len(started) == limits.MAX_DIALS
    for peer in started:
        started += dialled(desk.peers.link_up(peer, NOW))
        started += dialled(desk.peers.dial_some(NOW))
    assert len(started) == 6


def test_a_configured_peer_is_dialled_although_there_are_enough_neighbours() -> None:
    desk = Desk(Tuning(target_links=1))
    desk.find(BOB)
    desk.peers.link_up(BOB, NOW)
    assert desk.find(CAROL) == []
    assert desk.find(device(3), configured=True) == [device(3)]


def test_each_failure_doubles_the_wait_up_to_five_minutes() -> None:
    desk, now, waits = Desk(), NOW, []
    desk.find(BOB, configured=True)
    for _ in range(12):
        assert desk.peers.dial_failed(BOB, now) == []
        waits.append(desk.next_dial() - now)
        now = desk.next_dial()
        desk.context.schedule.pop_due(now)
        assert dialled(desk.peers.dial_some(now)) == [BOB]
    for number, wait in enumerate(waits):
        expected = min(limits.BACKOFF_FIRST_S * 2**number, limits.BACKOFF_LAST_S)
        assert 0.74 * expected <= wait <= 1.26 * expected


def test_a_link_that_stood_resets_the_wait_and_one_that_did_not_does_not() -> None:
    for stood_s, longest_s in ((limits.STABLE_LINK_S, 1.3), (1.0, 1e9)):
        desk = Desk()
        desk.find(BOB)
        for _ in range(5):
            desk.peers.dial_failed(BOB, NOW)
        desk.peers.link_up(BOB, NOW)
        down = NOW + stood_s
        desk.peers.link_down(BOB, down)
        desk.context.schedule.pop_due(down)
        desk.peers.dial_some(down)
        assert (desk.next_dial() - down < 20.0) == (longest_s < 20.0)


def test_a_neighbour_too_many_is_let_go_unless_it_is_configured() -> None:
    desk = Desk()
    for number in range(1, limits.MAX_LINKS_LAPTOP + 1):
        assert desk.peers.link_up(device(number), NOW) == []
    assert desk.peers.link_up(device(99), NOW) == [events.Disconnect(device(99), "too many neighbours")]
    desk.peers.link_down(device(99), NOW)
    desk.find(device(98), configured=True)
    assert desk.peers.link_up(device(98), NOW) == []


def test_a_banned_peer_is_dialled_when_its_ban_ends_and_not_before() -> None:
    desk = Desk()
    desk.reputation.blame(BOB, Severity.HOSTILE, NOW)
    assert desk.find(BOB, configured=True) == []
    assert desk.next_dial() == NOW + limits.BAN_S
    assert dialled(desk.peers.dial_some(NOW + limits.BAN_S)) == [BOB]


def test_who_is_not_admitted_is_not_dialled_and_who_is_not_any_more_is_let_go() -> None:
    friends = Friends({BOB})
    desk = Desk(friends=friends)
    assert desk.find(CAROL) == []
    desk.find(BOB)
    desk.peers.link_up(BOB, NOW)
    friends.friends = {CAROL}
    gone = events.Disconnect(BOB, "not admitted any more")
    assert desk.peers.admission_changed(NOW) == [gone, events.Dial(CAROL, WHERE)]


def test_hubs_come_before_laptops_and_reachable_before_failing() -> None:
    desk = Desk(Tuning(target_links=0))
    for number, is_hub in ((1, False), (2, True), (3, False)):
        desk.peers.heard(device(number), WHERE, hub=is_hub, now=NOW)
    desk.peers.dial_failed(device(3), NOW)
    desk.context.tuning = Tuning(target_links=3)
    assert dialled(desk.peers.dial_some(NOW + 10.0)) == [device(2), device(1), device(3)]


def test_a_new_address_is_tried_soon_but_announcing_does_not_make_all_dial_again_and_again() -> None:
    desk = Desk()
    desk.find(BOB)
    for _ in range(8):
        desk.peers.dial_failed(BOB, NOW)
    dials = 0
    for second in range(300):
        now = NOW + second
        addresses = (f"/ip4/203.0.113.9/tcp/{second + 1}",)
        started = dialled(desk.peers.heard(BOB, addresses, hub=False, now=now))
        started += dialled(desk.peers.dial_some(now))
        dials += len(started)
        if started:
            desk.peers.dial_failed(BOB, now)
    assert 1 <= dials <= 300 / limits.STABLE_LINK_S + 1


def test_the_latest_addresses_come_first_and_are_few() -> None:
    desk = Desk(Tuning(target_links=0))
    for number in range(40):
        desk.peers.heard(BOB, (f"/ip4/192.0.2.1/tcp/{number}",), hub=False, now=NOW)
    desk.context.tuning = Tuning(target_links=1)
    (dial,) = [e for e in desk.peers.dial_some(NOW + 60.0) if isinstance(e, events.Dial)]
    assert dial.addresses[0] == "/ip4/192.0.2.1/tcp/39"
    assert len(dial.addresses) == limits.MAX_ADDRESSES


def test_the_book_is_bounded_and_keeps_who_is_configured_or_linked() -> None:
    desk = Desk(Tuning(target_links=0))
    desk.find(BOB, configured=True)
    desk.peers.link_up(CAROL, NOW)
    for number in range(10, limits.ADDRESS_BOOK + 100):
        desk.peers.heard(device(number), WHERE, hub=False, now=NOW)
    assert len(desk.peers._peers) == limits.ADDRESS_BOOK
    assert {BOB, CAROL} <= desk.peers._peers.keys()


def test_news_about_unknown_peers_changes_nothing() -> None:
    desk = Desk()
    assert desk.peers.link_down(BOB, NOW) == []
    assert desk.peers.dial_failed(BOB, NOW) == []
