"""A document of which somebody publishes a crowd of current versions."""

from collections.abc import Iterator

import pytest

from node.apps.documents.bodies import MAX_FOLLOWS
from node.drafting.merges import MAX_TRIED
from node.drafting.queries import DraftingQueries
from node.queries import Queries
from node.testing.homes import befriend, temporary_home
from node.testing.people import START_MS, Person
from store.entry import Entry
from store.ids import LOG_DOCS, to_text

CROWD = MAX_TRIED + 8
TEXT = "# Plan\n\nWe meet on Sunday.\n\nBring chairs.\n\nAnd bread.\n"


def version(person: Person, text: str, *links: Entry) -> Entry:
    content = [33, "plan", "", "text/plain", "", [], False, [[bytes(8), text]]]
    return person.write(content, LOG_DOCS, [link.id for link in links])


@pytest.fixture(scope="module")
def crowded() -> Iterator[tuple[DraftingQueries, Entry]]:
    bob = Person("bob")
    first = version(bob, TEXT)
    crowd = [version(bob, TEXT + f"\nEnd {number % 2}.\n", first) for number in range(CROWD)]
    with temporary_home() as home:
        befriend(home, [bob])
        home.shelf.append([[first, *crowd]], checked=True, durable=False)
        yield Queries(home, lambda: START_MS + 10**9).drafting, first


def test_a_merge_takes_what_one_version_can_follow_and_leaves_the_rest(
    crowded: tuple[DraftingQueries, Entry],
) -> None:
    plan = crowded[0].doc_merge("plan")
    assert plan["conflicts"] == 0
    assert len(plan["follows"]) == MAX_FOLLOWS
    assert len(plan["follows"]) + len(plan["left"]) == CROWD


def test_what_an_editor_wrote_follows_no_more_than_a_version_can(
    crowded: tuple[DraftingQueries, Entry],
) -> None:
    drafting, first = crowded
    rows = drafting.lookup.versions_of("plan")
    agreeing = [
        row
        for row in rows
        if row.id == first.id or drafting.doc_show("plan", to_text(row.id))["text"].endswith("End 0.\n")
    ]
    text = TEXT.replace("Sunday", "Monday")
    plan = drafting.merges.catch_up(agreeing, [row for row in agreeing if row.id == first.id], text)
    assert plan.conflicts == 0
    assert len(plan.follows) == MAX_FOLLOWS
    assert len(plan.follows) + len(plan.left) == CROWD // 2
    assert "Monday" in plan.text
