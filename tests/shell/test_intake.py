"""The intake over a real store: what is kept, what is not, in which order, and who is told."""

import pytest
import trio

from gossip.proto.events import Accepted, Behind, Committed, Diverged, Rejected, Stopped, Unwanted
from gossip.proto.interest import Interest, choose
from gossip.proto.messages import HELD, NOT_HELD
from node.bus import Bus
from node.intake import Intake
from node.jobs import Truncations
from node.limits import MAX_BATCH_ENTRIES
from node.testing.homes import befriend
from node.testing.people import NETWORK, Person, chain_after, spoiled
from node.testing.table import laid_table
from store.entry import MAX_SEQ, Entry, sign
from store.ids import LOG_BOX_0, LOG_DELETIONS, LOG_FEED, LOG_ID, AuthorId, LogNo
from store.log import BAD, FORK, Head, LogId, fork_proof


@pytest.mark.parametrize("each", [False, True])
async def test_a_piece_that_continues_its_log_is_kept_folded_and_told(each: bool) -> None:
    async with laid_table() as table:
        chain = table.alice.posts(5)
        verdict = await table.give(*chain, each=each)
        head = Head(5, chain[4].id)
        assert verdict == Accepted(table.alice.log_id(), head, 5)
        assert table.held(table.alice) == head
        assert table.told == [Committed((chain,), table.bob.id, ())]
        assert table.shown() == 5
        assert table.home.shelf.range(table.alice.log_id(), 1, 9, 10**6) == list(chain)


async def test_what_is_known_is_accepted_and_told_to_nobody() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(3)
        await table.give(*chain)
        table.told.clear()
        assert await table.give(*chain) == Accepted(table.alice.log_id(), Head(3, chain[2].id), 0)
        assert table.told == []


async def test_a_gap_is_behind() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(5)
        await table.give(*chain[:2])
        assert await table.give(*chain[3:]) == Behind(table.alice.log_id(), 3)


async def test_another_back_link_is_diverged() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(3)
        await table.give(*chain)
        other = chain_after(table.alice, chain[1], ["other", "more"])
        assert await table.give(other[1]) == Diverged(table.alice.log_id(), 3)


async def test_a_fork_ends_the_log_with_proof_and_takes_its_tail_out_of_the_views() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(4)
        await table.give(*chain)
        table.told.clear()
        other = chain_after(table.alice, chain[1], ["other"])
        verdict = await table.give(*other)
        proof = fork_proof(chain[2], other[0], NETWORK)
        assert verdict == Stopped(table.alice.log_id(), proof)
        assert table.told == [Committed((), table.bob.id, (proof,))]
        assert table.held(table.alice) == Head(2, chain[1].id)
        assert table.shown() == 2


async def test_an_ended_log_takes_no_more() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(4)
        await table.give(*chain)
        await table.give(*chain_after(table.alice, chain[1], ["other"]))
        table.told.clear()
        assert isinstance(await table.give(*chain[2:]), Stopped)
        assert table.told == []


async def test_entries_of_strangers_are_unwanted_until_they_are_let_in() -> None:
    async with laid_table() as table:
        chain = table.stranger.posts(2)
        assert isinstance(await table.give(*chain), Unwanted)
        assert table.intake.state(table.stranger.log_id()) is None
        befriend(table.home, (table.stranger,))
        assert isinstance(await table.give(*chain), Accepted)


async def test_a_missing_body_is_known_asked_for_and_folded_when_it_comes() -> None:
    async with laid_table() as table:
        entry = table.alice.post("late")
        await table.give(entry.without_body())
        assert table.shown() == 0
        assert await table.intake.missing_bodies(5) == [entry.id]
        [answer] = await table.intake.read_bodies([entry.id])
        assert answer.status == NOT_HELD
        assert entry.body is not None
        assert not await table.intake.ingest_body(entry.id, b"x" * len(entry.body), table.bob.id)
        assert await table.intake.ingest_body(entry.id, entry.body, table.bob.id)
        assert table.shown() == 1
        assert await table.intake.missing_bodies(5) == []
        [answer] = await table.intake.read_bodies([entry.id])
        assert (answer.status, answer.body) == (HELD, entry.body)


async def test_a_body_that_is_not_wanted_is_not_missed_until_it_is_and_not_held_meanwhile() -> None:
    async with laid_table() as table:
        mine, other = LogNo(LOG_BOX_0 + 3), LogNo(LOG_BOX_0 + 4)
        packets = [table.alice.write([114, b"packet"], box) for box in (mine, other)]
        old = table.alice.post("long ago", time_ms=999)
        identity = table.alice.write([96, ""], LOG_DELETIONS, [old.id], time_ms=1)
        for entry in (*packets, old, identity):
            assert isinstance(await table.give(entry.without_body()), Accepted)
        ids = [entry.id for entry in (*packets, old, identity)]
        interest = choose(bodies_since_ms=1_000, bodies=0xFFFF | 1 << mine)
        assert await table.intake.missing_bodies(9, interest) == [ids[0], ids[3]]
        assert await table.intake.missing_bodies(9, interest, again=True) == [ids[0], ids[3]]
        assert await table.intake.missing_bodies(1, interest, again=True) == [ids[0]]
        assert [answer.status for answer in await table.intake.read_bodies(ids)] == [NOT_HELD] * 4
        assert await table.intake.missing_bodies(9, Interest(1 << LOG_FEED)) == [old.id]
        assert await table.intake.missing_bodies(9, Interest(0)) == []
        await table.intake.note_absent(ids[:2])
        assert await table.intake.missing_bodies(9) == ids[2:]
        assert await table.intake.missing_bodies(9, again=True) == [*ids[2:], *ids[:2]]
        assert packets[1].body is not None
        assert await table.intake.ingest_body(ids[1], packets[1].body, table.bob.id)
        [answer] = await table.intake.read_bodies(ids[1:2])
        assert (answer.status, answer.body) == (HELD, packets[1].body)


async def test_a_body_that_nobody_asked_for_does_no_harm() -> None:
    async with laid_table() as table:
        entry = table.stranger.post("x")
        assert entry.body is not None
        assert await table.intake.ingest_body(entry.id, entry.body, table.bob.id)


async def test_pieces_of_one_log_that_come_together_are_judged_one_after_the_other() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(9)
        pieces = [chain[:3], chain[3:6], chain[2:7], chain[8:], chain[7:]]
        verdicts = await table.intake.ingest(pieces, table.bob.id, each_signature=True)
        log_id = table.alice.log_id()
        assert verdicts == [
            Accepted(log_id, Head(3, chain[2].id), 3),
            Accepted(log_id, Head(6, chain[5].id), 3),
            Accepted(log_id, Head(7, chain[6].id), 1),
            Behind(log_id, 8),
            Accepted(log_id, Head(9, chain[8].id), 2),
        ]
        assert [entry for told in table.told for piece in told.pieces for entry in piece] == list(chain)


async def test_verdicts_come_in_the_order_of_the_pieces() -> None:
    async with laid_table() as table:
        alices, bobs, others = table.alice.posts(2), table.bob.posts(3), table.stranger.posts(1)
        pieces = [others, bobs[1:], alices, (alices[0], alices[0]), bobs]
        verdicts = await table.intake.ingest(pieces, table.bob.id, each_signature=False)
        assert [type(verdict) for verdict in verdicts] == [Unwanted, Behind, Accepted, Rejected, Accepted]


async def test_calls_of_one_peer_are_kept_in_order_although_checking_them_takes_different_times() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(300)
        verdicts: dict[int, object] = {}

        async def give(number: int, piece: tuple[Entry, ...], each: bool) -> None:
            [verdicts[number]] = await table.intake.ingest([piece], table.bob.id, each_signature=each)

        async with trio.open_nursery() as nursery:
            for number, (first, last) in enumerate([(0, 200), (200, 201), (201, 299), (299, 300)]):
                nursery.start_soon(give, number, chain[first:last], number % 2 == 0)
                await trio.lowlevel.checkpoint()
        assert all(isinstance(verdict, Accepted) for verdict in verdicts.values()), verdicts
        assert table.held(table.alice) == Head(300, chain[299].id)


async def test_many_jobs_share_few_transactions() -> None:
    async with laid_table() as table:
        chains = [table.alice.posts(1) for _ in range(60)]

        async def give(piece: tuple[Entry, ...]) -> None:
            assert isinstance(await table.give(*piece), Accepted)

        async with trio.open_nursery() as nursery:
            for chain in chains:
                nursery.start_soon(give, chain)
                await trio.lowlevel.checkpoint()
        assert len(table.told) == 60
        assert table.intake.commits < 60


async def test_more_than_a_transaction_takes_goes_into_several() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(MAX_BATCH_ENTRIES + 1_500)
        pieces = [chain[at : at + 500] for at in range(0, len(chain), 500)]
        verdicts = await table.intake.ingest(pieces, table.bob.id, each_signature=False)
        assert all(isinstance(verdict, Accepted) for verdict in verdicts)
        assert table.intake.commits >= 2
        assert table.shown() == len(chain)


async def test_two_peers_that_bring_two_branches_leave_a_proven_fork() -> None:
    async with laid_table() as table:
        trunk = table.alice.posts(3)
        left = chain_after(table.alice, trunk[2], ["l1", "l2"])
        right = chain_after(table.alice, trunk[2], ["r1", "r2", "r3"])
        async with trio.open_nursery() as nursery:
            for branch in (left, right):
                pieces = [(*trunk, *branch)]
                nursery.start_soon(
                    lambda pieces=pieces, source=branch[0].id: table.intake.ingest(
                        pieces, source, each_signature=False
                    )
                )
        state = table.intake.state(table.alice.log_id())
        assert state is not None
        assert state.head == Head(3, trunk[2].id)
        assert state.evidence is not None
        assert (state.evidence.kind, state.evidence.seq) == (FORK, 4)


async def test_our_own_entries_take_the_same_path_and_have_no_source() -> None:
    async with laid_table() as table:
        me = table.home.device
        body = Person("alice").post("x").body
        assert body is not None
        entry = sign(table.home.key, NETWORK, LOG_FEED, 1, b"", body, 1)
        await table.intake.publish(((entry,),))
        assert table.told == [Committed(((entry,),), None, ())]
        assert any(log_id.author == me and log_id.log == LOG_FEED for log_id in table.intake.states())
        assert table.shown() == 1


async def test_what_was_kept_is_there_when_the_home_is_opened_again() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(3)
        await table.give(*chain)
        again = Intake(table.home.shelf, NETWORK, table.home.allowed, Bus())
        assert again.state(table.alice.log_id()) == table.intake.state(table.alice.log_id())
        assert again.unchecked_logs() == {table.alice.log_id()}


# Logs that are carried so far and no further


class UpTo:
    """Carries some logs up to an entry, and all others whole."""

    def __init__(self, **ends: int) -> None:
        self.ends = {Person(name).id: last_seq for name, last_seq in ends.items()}

    def admits_peer(self, device: AuthorId) -> bool:
        return True

    def last_carried(self, log_id: LogId) -> int:
        return self.ends.get(log_id.author, MAX_SEQ)


@pytest.mark.parametrize("each", [False, True])
async def test_of_a_piece_that_is_carried_in_part_the_part_before_is_kept(each: bool) -> None:
    async with laid_table(UpTo(alice=3)) as table:
        chain = table.alice.posts(6)
        assert await table.give(*chain, each=each) == Accepted(table.alice.log_id(), Head(3, chain[2].id), 3)
        assert isinstance(await table.give(*chain[3:], each=each), Unwanted)
        assert table.held(table.alice) == Head(3, chain[2].id)
        assert table.shown() == 3


async def test_a_cut_off_end_that_alone_vouched_for_a_piece_is_nobodys_fault() -> None:
    async with laid_table(UpTo(alice=3)) as table:
        chain = table.alice.posts(2)
        bad = spoiled(chain_after(table.alice, chain[1], ["bad"])[0])
        end = chain_after(table.alice, bad, ["end"])
        verdict = await table.give(*chain, bad, *end)
        assert verdict == Accepted(table.alice.log_id(), Head(2, chain[1].id), 2)
        assert isinstance(await table.give(bad, *end), Unwanted)


async def test_a_log_that_is_cut_leaves_views_and_gossip_and_may_go_on() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(5)
        await table.give(*chain)
        table.told.clear()
        ends = ((table.alice.log_id(), 2), (table.stranger.log_id(), 0))
        await table.intake.queue.submit(Truncations(ends), None)
        assert table.told == [Committed((), None, (), (table.alice.log_id(),))]
        assert (table.held(table.alice), table.shown()) == (Head(2, chain[1].id), 2)
        assert await table.give(*chain) == Accepted(table.alice.log_id(), Head(5, chain[4].id), 3)
        assert table.shown() == 5


async def test_nothing_is_known_of_a_log_that_was_cut_to_nothing() -> None:
    async with laid_table() as table:
        await table.give(*table.alice.posts(2))
        await table.intake.queue.submit(Truncations(((table.alice.log_id(), 0),)), None)
        assert table.alice.log_id() not in table.intake.states()
        assert table.intake.state(table.alice.log_id()) is None
        assert table.intake.unchecked_logs() == set()


async def test_evidence_about_what_is_not_carried_is_not_kept() -> None:
    async with laid_table(UpTo(alice=3)) as table:
        chain = table.alice.posts(6)
        await table.give(*chain)
        late = fork_proof(chain[4], chain_after(table.alice, chain[3], ["x"])[0], NETWORK)
        early = fork_proof(chain[2], chain_after(table.alice, chain[1], ["x"])[0], NETWORK)
        assert await table.intake.ingest_evidence(late.encode(), table.bob.id)
        assert table.held(table.alice) == Head(3, chain[2].id)
        assert await table.intake.ingest_evidence(early.encode(), table.bob.id)
        assert table.held(table.alice) == Head(2, chain[1].id)


async def test_each_signature_of_an_id_log_is_checked_before_it_is_kept() -> None:
    async with laid_table() as table:
        first, second = (table.alice.write([99, text], LOG_ID) for text in ("one", "two"))
        bad = spoiled(first)
        end = table.alice.sign_at(2, bad.id, [99, "end"], LOG_ID)
        verdict = await table.give(bad, end)
        assert isinstance(verdict, Stopped)
        assert verdict.evidence.kind == BAD
        await table.give(first, second)
        state = table.intake.state(table.alice.log_id(LOG_ID))
        assert state is not None
        assert state.head is None
