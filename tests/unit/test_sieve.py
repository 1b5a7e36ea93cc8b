"""What the sieve for ids holds back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.deletion.fold import tie_of
from node.deletion import sieve
from node.deletion.sieve import Sieve
from node.testing.people import Person
from store.ids import LOG_DELETIONS, LOG_ID, EntryId


def test_what_was_put_in_is_caught_and_what_was_not_is_not() -> None:
    one, two, three = (Person("bob")).posts(3)
    made = Sieve()
    assert made.caught([(one, two, three)]) == []
    made.put([two.id])
    assert not made.is_empty
    assert made.caught([(one,), (two, three)]) == [two]


def test_the_first_bits_of_an_id_are_as_good() -> None:
    one, two = Person("bob").posts(2)
    made = Sieve()
    made.put_ties([tie_of(one.id)])
    assert made.caught([(one, two)]) == [one]


def test_logs_that_are_spared_are_never_caught() -> None:
    bob = Person("bob")
    spared = [bob.write([7], LOG_ID), bob.write([97], LOG_DELETIONS, [EntryId(bytes(32))])]
    made = Sieve()
    made.put([entry.id for entry in spared])
    assert made.caught([(entry,) for entry in spared]) == []


@given(named=st.sets(st.integers(0, 19), max_size=20), most=st.sampled_from([0, 3, 100]))
@settings(max_examples=40)
def test_nothing_that_was_put_in_slips_through_however_many_there_are(named: set[int], most: int) -> None:
    posts = Person("bob").posts(20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve, "MAX_PREFIXES", most)
        made = Sieve()
        made.put([posts[number].id for number in sorted(named)])
        caught = made.caught([posts])
    assert {posts[number].id for number in named} <= {entry.id for entry in caught}
