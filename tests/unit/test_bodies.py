"""Bodies that did not come with their header: who is asked, who waits, who gets an answer."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto.admission import Everyone
from gossip.proto.bodies import BODIES, BodyTrade
from gossip.proto.context import Context
from gossip.proto.events import Effect
from gossip.proto.holders import Holders
from gossip.proto.messages import DELETED, HELD, NOT_HELD, Bodies, BodyAnswer, WantBodies
from node.testing.people import NETWORK
from store.frontier import Frontier
from store.ids import AuthorId, EntryId

NOW = 1_800_000_000.0
BOB, CAROL, DAVE, EVE = (AuthorId(name.encode() * 32) for name in "bcde")
ALL = [BOB, CAROL, DAVE]
BODY = bytes(17)


def eid(number: int) -> EntryId:
    return EntryId(number.to_bytes(32, "big"))


X, Y = eid(1), eid(2)


def held(*ids: EntryId) -> list[BodyAnswer]:
    return [BodyAnswer(entry_id, HELD, BODY) for entry_id in ids]


def lacked(*ids: EntryId) -> list[BodyAnswer]:
    return [BodyAnswer(entry_id, NOT_HELD, b"") for entry_id in ids]


def wants(peer: AuthorId, *ids: EntryId) -> Effect:
    return events.SendPush(peer, WantBodies(ids))


def answer(peer: AuthorId, answers: Sequence[BodyAnswer]) -> Effect:
    return events.SendPush(peer, Bodies(tuple(answers)))


class Shop:
    """A `BodyTrade` among three neighbours."""

    def __init__(self) -> None:
        self.context = Context(EVE, NETWORK, Everyone(), Frontier(NETWORK), Random(1), Random(2))
        self.trade = BodyTrade(self.context)
        self.holders = Holders()
        self.neighbours = list(ALL)
        self.now = NOW

    def want(self, peer: AuthorId, *ids: EntryId) -> list[Effect]:
        return self.trade.want(peer, ids, self.now)

    def answered(self, peer: AuthorId, answers: Sequence[BodyAnswer]) -> list[Effect]:
        return self.trade.answered(peer, answers, self.holders, self.neighbours, self.now)

    def wait(self) -> list[Effect]:
        """Let the next moment come up."""
        at = self.context.schedule.next_at()
        assert at is not None
        assert self.context.schedule.pop_due(at) == [BODIES]
        self.now = at
        return self.trade.due(self.holders, self.neighbours, at)

    def leave(self, peer: AuthorId) -> list[Effect]:
        self.neighbours.remove(peer)
        return self.trade.peer_gone(peer, self.holders, self.neighbours, self.now)


def test_a_body_is_asked_of_whoever_showed_the_header_once() -> None:
    shop = Shop()
    assert shop.want(BOB, X) == [wants(BOB, X)]
    assert shop.want(CAROL, X) == [], "Bob owes it already"
    assert shop.answered(BOB, held(X)) == [events.DeliverBody(BOB, X, BODY)]
    assert shop.trade.kept(X) == []
    assert shop.want(CAROL, X) == [wants(CAROL, X)], "if it is lost again"


@pytest.mark.parametrize("status", [NOT_HELD, DELETED])
def test_one_that_lacks_it_is_followed_by_the_next_until_all_were_asked(status: int) -> None:
    shop = Shop()
    shop.want(BOB, X)
    sorry = [BodyAnswer(X, status, b"")]
    assert shop.answered(BOB, sorry) == [wants(CAROL, X)]
    assert shop.answered(CAROL, sorry) == [wants(DAVE, X)]
    assert shop.answered(DAVE, sorry) == [events.NoteAbsent((X,))], "it is not asked for again at once"
    assert shop.want(BOB, X) == [wants(BOB, X)], "from the beginning, when it is missed again"


def test_whoever_is_known_to_hold_the_entry_is_asked_first() -> None:
    shop = Shop()
    shop.want(BOB, X)
    shop.holders.note(X, DAVE)
    assert shop.answered(BOB, lacked(X)) == [wants(DAVE, X)]


def test_several_that_one_lacks_are_asked_of_the_next_in_one_message() -> None:
    shop = Shop()
    shop.want(BOB, X, Y)
    assert shop.answered(BOB, lacked(X, Y)) == [wants(CAROL, X, Y)]


def test_one_that_does_not_answer_in_time_is_followed_by_the_next() -> None:
    shop = Shop()
    shop.want(BOB, X)
    assert shop.wait() == [wants(CAROL, X)]
    assert shop.now == NOW + limits.BODY_WAIT_S
    assert shop.wait() == [wants(DAVE, X)]
    assert shop.wait() == []


def test_a_late_answer_is_no_fault_and_is_of_use() -> None:
    shop = Shop()
    shop.want(BOB, X)
    shop.wait()
    assert shop.answered(BOB, held(X)) == [events.DeliverBody(BOB, X, BODY)]
    shop.trade.kept(X)
    assert shop.answered(CAROL, held(X)) == [], "nobody needs it any more"
    with pytest.raises(RemoteFault):
        shop.answered(BOB, held(X))


def test_a_body_that_did_not_fit_is_asked_of_another_when_its_time_is_up() -> None:
    shop = Shop()
    shop.want(BOB, X)
    assert shop.answered(BOB, held(X)) == [events.DeliverBody(BOB, X, BODY)]
    assert shop.wait() == [wants(CAROL, X)]


def test_a_body_that_came_another_way_does_not_keep_a_place_for_ever() -> None:
    shop = Shop()
    ids = [eid(number) for number in range(limits.MAX_WANTED_BODIES)]
    shop.want(BOB, *ids)
    for entry_id in ids:
        shop.trade.kept(entry_id)
    assert shop.want(BOB, X) == [], "Bob may still answer"
    assert shop.wait() == [wants(BOB, X)]


def test_one_that_leaves_is_followed_by_the_next_for_all_that_it_owed() -> None:
    shop = Shop()
    shop.want(BOB, X, Y)
    assert shop.leave(BOB) == [wants(CAROL, X, Y)]


def test_what_was_not_asked_for_is_a_slight_fault() -> None:
    for peer, answers in ((BOB, held(X)), (CAROL, lacked(X))):
        shop = Shop()
        if peer == CAROL:
            shop.want(BOB, X)
        with pytest.raises(RemoteFault) as caught:
            shop.answered(peer, answers)
        assert caught.value.severity is Severity.SLIGHT


def test_no_more_is_awaited_from_one_neighbour_than_fits_into_its_queue() -> None:
    shop = Shop()
    ids = [eid(number) for number in range(limits.MAX_WANTED_BODIES + 10)]
    first, rest = ids[: limits.MAX_WANTED_BODIES], ids[limits.MAX_WANTED_BODIES :]
    assert shop.want(BOB, *ids) == [wants(BOB, *first)]
    assert shop.answered(BOB, held(*first[:4]))[-1] == wants(BOB, *rest[:4])


def test_what_we_wait_for_is_bounded_over_all_neighbours() -> None:
    shop = Shop()
    asked = [shop.want(peer, *(eid(n) for n in range(at, at + 900))) for at, peer in ((0, BOB), (900, CAROL))]
    assert all(asked)
    assert len(shop.trade._wants) == limits.WANTED_BODIES


def test_missing_bodies_are_asked_of_a_neighbour() -> None:
    shop = Shop()
    (effect,) = shop.trade.missing((X, Y), ALL, NOW)
    assert effect in [wants(peer, X, Y) for peer in ALL]
    assert shop.trade.missing((X, Y), ALL, NOW) == [], "somebody owes them"
    assert shop.trade.missing((eid(3),), [], NOW) == []


def test_where_more_are_missing_than_can_be_waited_for_the_next_are_looked_for_after_them() -> None:
    shop = Shop()
    ids = tuple(map(eid, range(limits.WANTED_BODIES)))
    shop.trade.missing(ids, ALL, NOW)
    found = [shop.trade.kept(entry_id) for entry_id in ids]
    assert found == [[]] * (len(ids) - 1) + [[events.FindMissingBodies()]]
    shop.trade.missing(ids[1:], ALL, NOW)
    assert not any(shop.trade.kept(entry_id) for entry_id in ids[1:])


# What others want.


def test_a_neighbour_is_answered_from_the_store_some_at_a_time() -> None:
    shop = Shop()
    ids = tuple(eid(number) for number in range(limits.BODIES_PER_ANSWER + 1))
    first, second = shop.trade.asked(BOB, ids)
    assert isinstance(first, events.ReadBodies)
    assert isinstance(second, events.ReadBodies)
    assert first.ids + second.ids == ids
    assert len(first.ids) == limits.BODIES_PER_ANSWER
    assert shop.trade.read(second.token, tuple(held(ids[-1]))) == [answer(BOB, held(ids[-1]))]
    assert shop.trade.read(second.token, tuple(held(ids[-1]))) == []


def test_who_asks_for_what_we_wait_for_waits_with_us() -> None:
    shop = Shop()
    shop.want(BOB, X)
    assert shop.trade.asked(CAROL, [X]) == []
    (read,) = shop.trade.kept(X)
    assert isinstance(read, events.ReadBodies)
    assert shop.trade.read(read.token, tuple(held(X))) == [answer(CAROL, held(X))]


def test_who_waits_in_vain_is_told_so() -> None:
    shop = Shop()
    shop.neighbours = [BOB, CAROL]
    shop.want(BOB, X)
    shop.trade.asked(DAVE, [X])
    shop.answered(BOB, lacked(X))
    assert shop.answered(CAROL, lacked(X)) == [answer(DAVE, lacked(X)), events.NoteAbsent((X,))]


def test_two_that_lack_the_same_do_not_wait_for_each_other() -> None:
    shop = Shop()
    shop.want(BOB, X)
    (read,) = shop.trade.asked(BOB, [X])
    assert isinstance(read, events.ReadBodies)


def test_who_left_while_waiting_gets_nothing() -> None:
    shop = Shop()
    shop.want(BOB, X)
    shop.trade.asked(CAROL, [X, Y])
    shop.leave(CAROL)
    assert shop.trade.kept(X) == []
    assert shop.trade._waiting == {}


def test_asking_for_the_same_again_and_again_costs_one_read() -> None:
    shop = Shop()
    (read,) = shop.trade.asked(BOB, [X, X])
    assert [shop.trade.asked(BOB, [X]) for _ in range(100)] == [[]] * 100
    assert isinstance(read, events.ReadBodies)
    shop.trade.read(read.token, tuple(held(X)))
    assert len(shop.trade.asked(BOB, [X])) == 1


def test_of_what_is_asked_beyond_the_bound_we_say_that_we_lack_it() -> None:
    shop = Shop()
    ids = [eid(number) for number in range(limits.MAX_OWED_BODIES + 5)]
    effects = shop.trade.asked(BOB, ids)
    assert effects[-1] == answer(BOB, lacked(*ids[-5:]))
    assert sum(len(e.ids) for e in effects if isinstance(e, events.ReadBodies)) == limits.MAX_OWED_BODIES


STEPS = st.tuples(
    st.sampled_from(["want", "answer", "ask", "kept", "leave", "wait", "read"]),
    st.sampled_from(ALL),
    st.lists(st.integers(1, 5).map(eid), min_size=1, max_size=3),
    st.booleans(),
)


@given(st.lists(STEPS, max_size=40))
@settings(deadline=None)
def test_whatever_happens_everyone_that_asked_is_answered_in_the_end(
    steps: list[tuple[str, AuthorId, list[EntryId], bool]],
) -> None:
    shop = Shop()
    owed: dict[AuthorId, set[EntryId]] = {}
    reads: list[events.ReadBodies] = []

    def perform(effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, events.ReadBodies):
                reads.append(effect)
            elif isinstance(effect, events.SendPush) and isinstance(effect.message, Bodies):
                owed.get(effect.peer, set()).difference_update(a.entry_id for a in effect.message.answers)

    for what, peer, ids, yes in steps:
        if peer not in shop.neighbours:
            continue
        match what:
            case "want":
                perform(shop.want(peer, *ids))
            case "ask":
                owed.setdefault(peer, set()).update(ids)
                perform(shop.trade.asked(peer, ids))
            case "kept":
                perform(shop.trade.kept(ids[0]))
            case "leave":
                owed.pop(peer, None)
                perform(shop.leave(peer))
            case "wait" if any(shop.trade._asked.values()):
                perform(shop.wait())
            case "answer":
                asked = sorted(shop.trade._asked.get(peer, {}))
                perform(shop.answered(peer, held(*asked) if yes else lacked(*asked)))
            case _:
                for read in reads[:]:
                    reads.remove(read)
                    perform(shop.trade.read(read.token, tuple(lacked(*read.ids))))
    while shop.trade._wants or any(shop.trade._asked.values()):
        perform(shop.wait())
    for read in reads:
        perform(shop.trade.read(read.token, tuple(lacked(*read.ids))))
    assert not any(owed.values())
    assert shop.trade._waiting == {}
