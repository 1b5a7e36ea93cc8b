"""The intake and faults: bad signatures, evidence, a full disk. The node goes on after each."""

import pytest

from gossip.proto.events import Accepted, Committed, Failed, Rejected, Stopped
from node.testing.people import NETWORK, chain_after, spoiled
from node.testing.table import full_disk, laid_table, large_posts
from node.verification import Verification
from store.errors import StorageFull
from store.log import BAD, Head, bad_proof, fork_proof


@pytest.mark.parametrize("each", [False, True])
async def test_a_bad_last_signature_is_rejected(each: bool) -> None:
    async with laid_table() as table:
        chain = table.alice.posts(3)
        assert isinstance(await table.give(*chain[:2], spoiled(chain[2]), each=each), Rejected)
        assert table.held(table.alice) is None


async def test_a_piece_that_is_no_chain_is_rejected() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(3)
        assert isinstance(await table.give(chain[0], chain[2]), Rejected)


async def test_each_signature_is_checked_where_that_is_asked_and_the_bad_one_is_proven() -> None:
    async with laid_table() as table:
        first = table.alice.post("first")
        bad = spoiled(table.alice.sign_at(2, first.id, [1, "bad", ""]))
        after = chain_after(table.alice, bad, ["after"])
        verdict = await table.give(first, bad, *after, each=True)
        assert isinstance(verdict, Stopped)
        assert verdict.evidence == bad_proof((bad, *after), NETWORK)
        assert table.held(table.alice) == Head(1, first.id)
        assert table.told == [Committed(((first,),), table.bob.id, (verdict.evidence,))]


async def test_in_bulk_a_bad_signature_is_found_in_the_background() -> None:
    async with laid_table() as table:
        first = table.alice.post("first")
        bad = spoiled(table.alice.sign_at(2, first.id, [1, "bad", ""]))
        after = chain_after(table.alice, bad, ["a", "b"])
        assert isinstance(await table.give(first, bad, *after), Accepted)
        assert table.shown() == 4
        assert table.intake.unchecked_logs() == {table.alice.log_id()}
        table.told.clear()
        await Verification(table.intake).catch_up()
        [told] = table.told
        assert (told.pieces, told.source) == ((), None)
        assert [(proof.kind, proof.seq) for proof in told.evidence] == [(BAD, 2)]
        assert table.shown() == 1
        assert table.intake.unchecked_logs() == frozenset()


async def test_background_verification_notes_what_is_good() -> None:
    async with laid_table() as table:
        chain, other = table.alice.posts(700), table.bob.posts(3)
        await table.give(*chain)
        await table.give(*other)
        await Verification(table.intake).catch_up()
        for person, count in ((table.alice, 700), (table.bob, 3)):
            state = table.intake.state(person.log_id())
            assert state is not None
            assert state.checked_seq == count
        assert table.intake.unchecked_logs() == frozenset()


async def test_a_run_is_handed_on_only_with_a_good_signature_at_its_end() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(2)
        bad = spoiled(table.alice.sign_at(3, chain[1].id, [1, "bad", ""]))
        after = chain_after(table.alice, bad, ["a", "b"])
        await table.give(*chain, bad, *after)
        log_id = table.alice.log_id()
        assert await table.intake.read_run(log_id, 1, 5, 10**6) == (*chain, bad, *after)
        assert await table.intake.read_run(log_id, 2, 2, 10**6) == chain[1:2]
        assert await table.intake.read_run(log_id, 1, 3, 10**6) == ()
        state = table.intake.state(log_id)
        assert state is not None
        assert state.evidence is not None
        assert state.evidence.seq == 3
        assert await table.intake.read_run(log_id, 1, 3, 10**6) == chain
        assert await table.intake.read_run(table.stranger.log_id(), 1, 3, 10**6) == ()


async def test_evidence_from_a_peer_ends_the_log_once() -> None:
    async with laid_table() as table:
        chain = table.alice.posts(4)
        await table.give(*chain)
        table.told.clear()
        proof = fork_proof(chain[2], chain_after(table.alice, chain[1], ["x"])[0], NETWORK)
        assert await table.intake.ingest_evidence(proof.encode(), table.bob.id)
        assert await table.intake.ingest_evidence(proof.encode(), table.bob.id)
        assert table.told == [Committed((), table.bob.id, (proof,))]
        assert table.held(table.alice) == Head(2, chain[1].id)


async def test_evidence_about_a_log_that_is_not_held_is_kept() -> None:
    async with laid_table() as table:
        first = table.alice.post("x")
        proof = fork_proof(first, table.alice.sign_at(1, b"", [1, "y", ""]), NETWORK)
        assert await table.intake.ingest_evidence(proof.encode(), table.bob.id)
        state = table.intake.state(table.alice.log_id())
        assert state is not None
        assert state.evidence == proof
        assert isinstance(await table.give(first), Stopped)


@pytest.mark.parametrize("noise", [b"", b"\x00" * 40, b"\x92\x00\x90", b"\xc1"])
async def test_evidence_that_proves_nothing_is_the_senders_fault(noise: bytes) -> None:
    async with laid_table() as table:
        assert not await table.intake.ingest_evidence(noise, table.bob.id)


async def test_evidence_against_strangers_is_nobodys_fault_and_not_kept() -> None:
    async with laid_table() as table:
        chain = table.stranger.posts(1)
        proof = fork_proof(chain[0], table.stranger.sign_at(1, b"", [1, "y", ""]), NETWORK)
        assert await table.intake.ingest_evidence(proof.encode(), table.bob.id)
        assert table.intake.state(table.stranger.log_id()) is None


async def test_a_full_disk_fails_what_comes_and_the_node_goes_on() -> None:
    async with laid_table() as table:
        first, more = table.alice.posts(1), large_posts(table.alice)
        await table.give(*first)
        with full_disk(table.home):
            assert isinstance(await table.give(*more), Failed)
            with pytest.raises(StorageFull):
                await table.intake.publish((large_posts(table.bob),))
            assert table.held(table.alice) == Head(1, first[0].id)
            assert table.held(table.bob) is None
        assert isinstance(await table.give(*more), Accepted)
        assert len(table.told) == 2


async def test_a_full_disk_fails_everything_of_its_transaction_and_nothing_before() -> None:
    async with laid_table() as table:
        alices, bobs = large_posts(table.alice), large_posts(table.bob)
        with full_disk(table.home):
            pieces = [alices[:2], alices[2:], bobs]
            verdicts = await table.intake.ingest(pieces, table.bob.id, each_signature=False)
        assert [type(verdict) for verdict in verdicts] == [Failed] * 3
        assert table.told == []
        verdicts = await table.intake.ingest(pieces, table.bob.id, each_signature=False)
        assert [type(verdict) for verdict in verdicts] == [Accepted] * 3
