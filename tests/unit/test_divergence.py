"""The search for the lowest place at which two nodes hold different entries of one log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.divergence import Bisection, Searches
from node.testing.people import NETWORK, chain_after, people
from store.ids import LOG_FEED, AuthorId
from store.log import Head, LogId, fork_proof

(ALICE,) = people(["alice"])
POSTS = ALICE.posts(6)


def test_a_search_sees_the_lowest_place_itself() -> None:
    branch = (POSTS[0], *chain_after(ALICE, POSTS[0], ["x"] * 5))
    searches = Searches()
    log_id = ALICE.log_id()
    assert searches.begin(log_id, 5) == [wire.Probe(log_id, 2)]
    searches.answered(log_id, 2)
    proof = fork_proof(branch[1], POSTS[1], NETWORK)
    assert searches.placed(branch[1], events.Stopped(log_id, proof)) == []
    assert not searches
    assert searches.begin(log_id, 5) == [], "once a session"


@given(st.integers(1, 200), st.data())
def test_bisection_ends_at_the_first_difference_wherever_it_is(length: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, length))
    searches, log_id = Searches(), ALICE.log_id()
    probes = searches.begin(log_id, data.draw(st.integers(first, length)))
    seen = []
    while probes:
        (probe,) = probes
        seen.append(probe.seq)
        searches.answered(log_id, probe.seq)
        shown = ALICE.sign_at(probe.seq, b"" if probe.seq == 1 else bytes(32), [1, "", ""])
        verdict: events.Verdict = events.Diverged(log_id, probe.seq - 1)
        if probe.seq < first:
            verdict = events.Accepted(log_id, Head(length, shown.id), 0)
        elif probe.seq == first:
            other = ALICE.sign_at(first, shown.back, [1, "other", ""])
            verdict = events.Stopped(log_id, fork_proof(shown, other, NETWORK))
        probes = searches.placed(shown, verdict)
    assert seen[-1] == first
    assert len(seen) <= length.bit_length() + 1
    assert not searches


def test_searches_wait_for_their_turn() -> None:
    searches = Searches()
    logs = [LogId(AuthorId(bytes([number]) * 32), LOG_FEED) for number in range(limits.MAX_PROBES + 2)]
    started = [probe for log_id in logs for probe in searches.begin(log_id, 1)]
    assert len(started) == limits.MAX_PROBES
    searches.answered(logs[0], 1)
    assert searches.end(logs[0]) == [wire.Probe(logs[-2], 1)]
    with pytest.raises(RemoteFault):
        searches.answered(logs[0], 1)


def test_news_about_a_search_that_is_over_changes_nothing() -> None:
    searches = Searches()
    verdict = events.Accepted(ALICE.log_id(), Head(6, POSTS[5].id), 0)
    assert searches.placed(POSTS[0], verdict) == []
    assert searches.end(ALICE.log_id()) == []
    assert searches.begin(ALICE.log_id(), 0) == [], "nothing differs at seq 0"


def test_a_search_that_learns_nothing_ends() -> None:
    search = Bisection(8)
    assert [search.next_probe(), search.next_probe()] == [4, 0]
    search = Bisection(2**40 - 1)
    steps = 0
    while seq := search.next_probe():
        search.same_at(seq)
        steps += 1
    assert steps <= limits.DIVERGENCE_STEPS


@pytest.mark.parametrize("verdict", [events.Unwanted(ALICE.log_id(), ""), events.Failed(ALICE.log_id(), "")])
def test_a_search_ends_where_the_intake_takes_nothing(verdict: events.Verdict) -> None:
    searches = Searches()
    searches.begin(ALICE.log_id(), 4)
    searches.answered(ALICE.log_id(), 2)
    assert searches.placed(POSTS[1], verdict) == []
    assert not searches


def test_what_is_learned_elsewhere_narrows_a_running_search() -> None:
    searches, log_id = Searches(), ALICE.log_id()
    assert searches.begin(log_id, 6) == [wire.Probe(log_id, 3)]
    assert searches.begin(log_id, 2) == []
    searches.answered(log_id, 3)
    assert searches.placed(POSTS[2], events.Diverged(log_id, 2)) == [wire.Probe(log_id, 1)]
