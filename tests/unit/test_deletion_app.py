"""Bodies of deletions and receipts, and the view of what they name."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.deletion import bodies, service
from node.apps.deletion.bodies import MAX_REASON_CHARS, Deletion, Receipt
from node.apps.deletion.fold import tie_of
from node.errors import BadData, TextTooLarge
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.people import Person, people
from store.entry import Entry
from store.ids import LOG_DELETIONS, EntryId

SALT = bytes(16)
X, Y = EntryId(b"x" * 32), EntryId(b"y" * 32)


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home("host") as made:
        yield made


def deletion(person: Person, *targets: EntryId, reason: str = "") -> Entry:
    return person.write([96, reason], LOG_DELETIONS, targets)


def receipt(person: Person, *deletions: EntryId) -> Entry:
    return person.write([97], LOG_DELETIONS, deletions)


def test_what_is_composed_is_read_again() -> None:
    (bob,) = people(["bob"])
    assert bodies.parse(deletion(bob, X, Y, reason="a slip")) == Deletion((X, Y), "a slip")
    assert bodies.parse(receipt(bob, X)) == Receipt((X,))
    body = bodies.compose_deletion("a slip", SALT)
    assert bodies.parse(deletion(bob, X)._replace(body=body)) == Deletion((X,), "a slip")
    assert bodies.parse(receipt(bob, X)._replace(body=bodies.compose_receipt(SALT))) == Receipt((X,))


@pytest.mark.parametrize(
    "content",
    [[95, ""], [96], [96, 7], [96, b"x"], [96, "x" * (MAX_REASON_CHARS + 1)], [98]],
    ids=str,
)
def test_what_breaks_a_rule_says_nothing(content: list[object]) -> None:
    (bob,) = people(["bob"])
    assert bodies.parse(bob.write(content, LOG_DELETIONS, [X])) is None


def test_who_names_nothing_or_has_no_body_says_nothing() -> None:
    (bob,) = people(["bob"])
    assert bodies.parse(deletion(bob)) is None
    assert bodies.parse(receipt(bob)) is None
    assert bodies.parse(deletion(bob, X).without_body()) is None


def test_what_a_later_version_adds_is_passed_over() -> None:
    (bob,) = people(["bob"])
    assert bodies.parse(bob.write([96, "why", 1, [2]], LOG_DELETIONS, [X])) == Deletion((X,), "why")
    assert bodies.parse(bob.write([97, "more"], LOG_DELETIONS, [X])) == Receipt((X,))


def test_a_reason_has_a_length_and_is_text() -> None:
    with pytest.raises(TextTooLarge):
        bodies.compose_deletion("x" * (MAX_REASON_CHARS + 1), SALT)
    with pytest.raises(BadData):
        bodies.compose_deletion("\ud800", SALT)


@given(noise=st.binary(min_size=17, max_size=80))
@settings(max_examples=50)
def test_noise_says_nothing_or_something(noise: bytes) -> None:
    (bob,) = people(["bob"])
    said = bodies.parse(deletion(bob, X)._replace(body=noise))
    assert said is None or isinstance(said, Deletion | Receipt)


def test_what_is_named_is_found_whoever_names_it(home: Home) -> None:
    bob, carol = people(["bob", "carol"])
    one, two, done = deletion(bob, X, Y), deletion(carol, X), receipt(carol, X)
    home.shelf.append([(one,), (two,), (done,)], checked=True, durable=False)
    assert [asked.entry.id for asked in service.naming(home.entries, X)] == [one.id, two.id]
    assert [asked.entry.id for asked in service.naming(home.entries, Y)] == [one.id]
    assert [given.entry.id for given in service.receipts(home.entries, X)] == [done.id]
    assert service.receipts(home.entries, Y) == []
    assert service.named_among(home.entries, [X, EntryId(b"z" * 32)]) == [X]


def test_an_id_with_the_same_first_bits_is_not_named(home: Home) -> None:
    (bob,) = people(["bob"])
    twin = EntryId(X[:7] + b"another" + bytes(18))
    home.shelf.append([(deletion(bob, X),)], checked=True, durable=False)
    assert tie_of(twin) == tie_of(X)
    assert service.naming(home.entries, twin) == []


def test_what_comes_after_a_key_is_listed_in_its_order(home: Home) -> None:
    (bob,) = people(["bob"])
    one, done, two = deletion(bob, X), receipt(bob, X), deletion(bob, Y)
    home.shelf.append([(one, done, two)], checked=True, durable=False)
    first, second = service.deletions_after(home.entries, 0, 9)
    assert [first.entry.id, second.entry.id] == [one.id, two.id]
    assert service.deletions_after(home.entries, first.key, 9) == [second]
    assert [given.entry.id for given in service.receipts_after(home.entries, 0, 9)] == [done.id]


def test_a_deletion_that_goes_leaves_nothing_in_the_view(home: Home) -> None:
    (bob,) = people(["bob"])
    home.shelf.append([(deletion(bob, X, Y), receipt(bob, X))], checked=True, durable=False)
    home.shelf.truncate(bob.log_id(LOG_DELETIONS), 0)
    with home.entries.views() as views:
        for table in ("deletions_listed", "deletions_named"):
            assert views.execute(f"SELECT * FROM {table}") == []
