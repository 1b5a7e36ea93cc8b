"""What the feed answers, against a plain model of it."""

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.feed import service as feed
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.people import Person, people
from node.words import Words
from store.entry import Entry
from store.ids import LOG_DOCS, EntryId

START = 1_000_000_000
UNTIL = START + 86_400_000
WORDS = ("bread", "rain", "мост", "桥")


class Feed:
    """A home with posts of four people: some answer others, some claim the future, some lack their body."""

    def __init__(self, home: Home, posts: Sequence[Entry]) -> None:
        self.home = home
        self.posts = list(posts)
        for entry in posts:
            home.shelf.append([[entry]], checked=True, durable=False)

    def words(self, text: str) -> Words:
        return Words(self.home.search(), text)

    def read(self, **wanted: object) -> list[EntryId]:
        given = {"limit": 1_000, "until": UNTIL, **wanted}
        return [shown.entry.id for shown in feed.read(self.home.entries, feed.Wanted(**given))]  # type: ignore[arg-type]

    def orders(self) -> dict[EntryId, int]:
        """The order of every post whose body is here."""
        held = {entry.id: entry for entry in self.posts if entry.body is not None}
        found: dict[EntryId, int] = {}

        def order(entry: Entry) -> int:
            if entry.id not in found:
                before = [order(held[link]) for link in entry.links if link in held]
                found[entry.id] = max([entry.time_ms, *(at + 1 for at in before)])
            return found[entry.id]

        for entry in held.values():
            order(entry)
        return found

    def visible(self, until: int = UNTIL) -> list[Entry]:
        """What may be shown, in order."""
        orders = self.orders()
        shown = [entry for entry in self.posts if orders.get(entry.id, until + 1) <= until]
        return sorted(shown, key=lambda entry: (orders[entry.id], entry.id))


def write(chance: random.Random, count: int) -> list[Entry]:
    """Posts of people whose clocks agree; the last of them run over the edge of the future."""
    written: list[Entry] = []
    authors = people()
    time_ms = START
    for number in range(count):
        time_ms += chance.choice((1, 2, 500, 2_000))
        if number == count * 9 // 10:
            time_ms = UNTIL - 20_000
        linked = chance.sample(written, k=min(len(written), chance.choice((0, 0, 1, 1, 2))))
        text = " ".join(chance.sample(WORDS, k=chance.randrange(1, 3)))
        entry = chance.choice(authors).post(text, [each.id for each in linked], time_ms)
        written.append(entry if chance.random() > 0.1 else entry.without_body())
    return written


@pytest.fixture(scope="module")
def crowded() -> Iterator[Feed]:
    with temporary_home() as home:
        yield Feed(home, write(random.Random(7), 700))


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as fresh:
        yield fresh


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_question_is_answered_as_a_plain_search_would(crowded: Feed, data: st.DataObject) -> None:
    orders = crowded.orders()
    authors = data.draw(st.none() | st.frozensets(st.sampled_from([person.id for person in people()])))
    since = data.draw(st.sampled_from([0, START + 100_000, UNTIL - 500, UNTIL + 1, 2**53]))
    parent = data.draw(st.none() | st.sampled_from(crowded.posts).map(lambda entry: entry.id))
    word = data.draw(st.none() | st.sampled_from(WORDS))
    limit = data.draw(st.sampled_from([0, 1, 3, 50, 10_000]))
    expected = [
        entry.id
        for entry in crowded.visible()
        if orders[entry.id] >= since
        and (authors is None or entry.author in authors)
        and (parent is None or entry.links[:1] == (parent,))
        and (word is None or word.encode() in (entry.body or b""))
    ]
    answer = crowded.read(
        authors=authors,
        since_ms=since,
        replies_to=parent,
        words=None if word is None else crowded.words(word),
        limit=limit,
    )
    assert answer == expected[len(expected) - min(limit, len(expected)) :]


def test_the_newest_are_shown_oldest_first(crowded: Feed) -> None:
    newest = [entry.id for entry in crowded.visible()]
    assert crowded.read(limit=10) == newest[-10:]
    assert crowded.read(limit=10**6) == newest


def test_posts_without_a_body_are_not_shown_until_it_comes(home: Home) -> None:
    alice = Person("alice")
    first, second = alice.post("first"), alice.post("second")
    table = Feed(home, [first, second.without_body()])
    until = second.time_ms
    for question in ({}, {"authors": {alice.id}}):
        assert table.read(until=until, **question) == [first.id]
    assert second.body is not None
    home.shelf.restore_body(second.id, second.body)
    for question in ({}, {"authors": {alice.id}}, {"words": table.words("second")}):
        assert table.read(until=until, **question)[-1] == second.id


def test_what_claims_the_future_is_hidden_with_all_that_answers_it(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    early = alice.post("early", time_ms=START)
    future = bob.post("future", time_ms=UNTIL + 5)
    answer = alice.post("answer", [future.id], START + 1)
    further = alice.post("further", [answer.id, early.id], START + 2)
    table = Feed(home, [early, future, answer, further])
    for question in ({}, {"authors": {alice.id}}, {"words": table.words("early")}):
        assert table.read(**question) == [early.id]
    assert table.read(replies_to=future.id) == table.read(replies_to=answer.id) == []
    assert table.read(until=UNTIL + 5) == [early.id, future.id]
    assert table.read(until=UNTIL + 7) == [early.id, future.id, answer.id, further.id]
    with home.entries.views() as views:
        hidden = feed.hidden(views, UNTIL, 10)
    assert [at for at, _ in hidden] == [UNTIL + 5, UNTIL + 6, UNTIL + 7]


def test_an_answer_stands_after_its_question_whatever_its_clock_says(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    question = alice.post("question", time_ms=START + 10_000)
    answers = [bob.post(f"answer {number}", [question.id], START + number) for number in range(3)]
    table = Feed(home, [*answers, question])
    assert table.read()[0] == question.id
    assert table.read(replies_to=question.id) == sorted(answer.id for answer in answers)


def test_only_the_first_link_is_what_a_post_answers(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    first, second = alice.post("first"), alice.post("second")
    answer = bob.post("both", [second.id, first.id])
    table = Feed(home, [first, second, answer])
    assert table.read(replies_to=first.id, until=2**53) == []
    assert table.read(replies_to=second.id, until=2**53) == [answer.id]


def test_of_an_author_with_a_long_log_and_large_posts_the_last_are_found(home: Home) -> None:
    alice = Person("alice")
    posts = [alice.post(f"{number} " + "x" * 15_000 * (number % 3)) for number in range(650)]
    Feed(home, [])
    home.shelf.append([posts], checked=True, durable=False)
    table = Feed(home, [])
    ids = [entry.id for entry in posts]
    assert table.read(authors={alice.id}, limit=7, until=2**53) == ids[-7:]
    assert table.read(authors={alice.id}, limit=400, until=2**53) == ids[-400:]
    assert table.read(authors={alice.id}, until=2**53) == ids
    assert table.read(authors={alice.id}, since_ms=posts[300].time_ms, until=2**53) == ids[300:]


def test_a_rare_author_of_a_common_word_is_found_without_looking_at_all_who_use_it(home: Home) -> None:
    alice, bob = people(("alice", "bob"))
    mine = [bob.post("bread and wine"), bob.post("water"), bob.post("bread")]
    crowd = [alice.post(f"bread {number}") for number in range(3_000)]
    home.shelf.append([mine, crowd], checked=True, durable=False)
    table = Feed(home, [])
    asked: list[int] = []
    at_keys = home.entries.at_keys

    def counted(keys: Sequence[int]) -> list[Entry | None]:
        asked.extend(keys)
        return at_keys(keys)

    home.entries.at_keys = counted  # type: ignore[method-assign]
    assert table.read(authors={bob.id}, words=table.words("bread"), until=2**53) == [mine[0].id, mine[2].id]
    assert len(asked) < len(crowd) / 2


def test_other_logs_with_the_same_words_are_no_posts(home: Home) -> None:
    alice = Person("alice")
    document = alice.write([33, "name", "", "text/plain", "bread"], LOG_DOCS)
    post = alice.post("bread")
    table = Feed(home, [document, post])
    assert table.read(words=table.words("bread"), until=2**53) == [post.id]
    assert table.read(authors={alice.id}, until=2**53) == [post.id]
