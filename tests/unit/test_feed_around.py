"""What the feed answers about entries of all its kinds, against a plain model of them: threads, the inbox,
topics, what was said about posts, and pages. Entries come in any order; some bodies come late, some go.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.feed import fold, inbox, ordering, service, surroundings
from node.apps.feed.bodies import Correction, Post, Reaction, Translation, parse
from node.apps.feed.inbox import ANSWER, MENTION, Asked
from node.apps.feed.service import Wanted
from node.apps.feed.surroundings import MAX_CORRECTIONS, around, translations_at
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_DOCS, LOG_FEED, AuthorId, EntryId

START = 1_000_000_000
UNTIL = START + 86_400_000
TOPICS = ("bread", "rent", "rent-strike", "мост")
SYMBOLS = ("👍", "✊", "?")
WHOS = tuple(bytes([number]) * 32 for number in (1, 2, 3))
OWNERS = {"alice": 1, "alice's phone": 1, "bob": 2, "carol": 3}
"""Devices, and whose they are."""
KINDS = ("post",) * 4 + ("answer",) * 5 + ("reaction",) * 3 + ("correction", "translation")
BROKEN: Sequence[Sequence[object]] = ((1, 7), (2,), (3,), (4, "x"), (99,), (1, " ", ""))


class Model:
    """The entries of a feed as plain lists."""

    def __init__(self, entries: Sequence[Entry], people: Sequence[Person]) -> None:
        self.owners = {person.id: OWNERS[person.name] for person in people}
        self.held = {entry.id: entry for entry in entries}
        self.said = {
            entry.id: said
            for entry in entries
            if entry.body is not None and (said := parse(entry.body)) is not None and entry.log != LOG_DOCS
        }
        self.posts = {id_: said for id_, said in self.said.items() if isinstance(said, Post)}
        self.orders: dict[EntryId, int] = {}
        for each in self.posts:
            self._order(each)

    def _order(self, id_: EntryId) -> int:
        if id_ not in self.orders:
            entry = self.held[id_]
            before = [self._order(link) for link in entry.links if link in self.posts]
            self.orders[id_] = max([entry.time_ms, *(at + 1 for at in before)])
        return self.orders[id_]

    def same(self, one: AuthorId, other: AuthorId) -> bool:
        return self.owners[one] == self.owners[other]

    def visible(self) -> list[EntryId]:
        return sorted(
            (id_ for id_, at in self.orders.items() if at <= UNTIL), key=lambda id_: (self.orders[id_], id_)
        )

    def thread(self, root: EntryId) -> list[EntryId]:
        return [id_ for id_ in self.visible() if id_ == root or root in self.held[id_].links]

    def answers(self, id_: EntryId) -> list[EntryId]:
        return [each for each in self.orders if self.held[each].links[:1] == (id_,)]

    def addressed(self, who: bytes, devices: frozenset[AuthorId]) -> dict[EntryId, tuple[str, ...]]:
        found = {}
        for id_ in self.visible():
            parent = self.held[id_].links[:1]
            is_answer = any(link in self.posts and self.held[link].author in devices for link in parent)
            is_mention = any(each == who for _, each in self.posts[id_].mentions)
            if is_answer or is_mention:
                found[id_] = (MENTION,) * is_mention + (ANSWER,) * is_answer
        return found

    def about(self, kind: type, target: EntryId) -> list[Entry]:
        return [
            self.held[id_]
            for id_, said in self.said.items()
            if isinstance(said, kind) and self.held[id_].links[:1] == (target,)
        ]

    def corrections(self, target: EntryId) -> list[EntryId]:
        author, first = self.held[target].author, self.orders[target] + 1
        own = [entry for entry in self.about(Correction, target) if self.same(entry.author, author)]
        own.sort(key=lambda entry: (max(entry.time_ms, first), entry.id))
        return [entry.id for entry in own]

    def translations(self, target: EntryId) -> list[EntryId]:
        first, last = self.orders[target] + 1, {}
        found = self.about(Translation, target)
        found.sort(key=lambda entry: (max(entry.time_ms, first), entry.id))
        for entry in found:
            said = self.said[entry.id]
            assert isinstance(said, Translation)
            last[entry.author, said.language] = entry.id
        return [entry.id for entry in found if entry.id in last.values()]

    def reactions(self, target: EntryId) -> Counter[tuple[AuthorId, str]]:
        last: dict[tuple[AuthorId, str], bool] = {}
        for entry in sorted(self.about(Reaction, target), key=lambda entry: entry.seq):
            said = self.said[entry.id]
            assert isinstance(said, Reaction)
            last[entry.author, said.symbol] = said.on
        return Counter(each for each, is_on in last.items() if is_on)


class Feed:
    """A home, and what a plain model says about the entries in it."""

    def __init__(self, home: Home, model: Model) -> None:
        self.home = home
        self.store = home.entries
        self.model = model

    def read(self, wanted: Wanted) -> list[EntryId]:
        return [shown.entry.id for shown in service.read(self.store, wanted)]


def write(chance: random.Random, people: Sequence[Person], count: int) -> list[Entry]:
    """Entries of all kinds; clocks agree more or less, and the last claim the future."""
    written = [people[0].post("the first", time_ms=START)]
    posts = list(written)
    time_ms = START
    for number in range(1, count):
        time_ms = UNTIL - 20_000 if number == count * 9 // 10 else time_ms + chance.choice((0, 1, 500, 2_000))
        kind = chance.choice(KINDS)
        target = chance.choice(posts[-20:])
        links = {"post": (), "answer": answering(chance, target, written)}.get(kind, (target.id,))
        content = speak(chance, kind, f"text {number}", target.id)
        log = LOG_DOCS if chance.random() < 0.03 else LOG_FEED
        entry = chance.choice(people).write(content, log, links, time_ms)
        posts += [entry] if kind in ("post", "answer") and log == LOG_FEED else []
        written.append(entry)
    return written


def answering(chance: random.Random, target: Entry, written: Sequence[Entry]) -> tuple[EntryId, ...]:
    """Links of an answer; some name another root than they should, some answer what nobody has."""
    if chance.random() < 0.05:
        return (EntryId(chance.randbytes(32)),)
    root = target.links[-1] if target.links else target.id
    claimed = chance.choice(written).id if chance.random() < 0.1 else root
    return tuple(dict.fromkeys((target.id, claimed)))


def speak(chance: random.Random, kind: str, text: str, target: EntryId) -> Sequence[object]:
    """What an entry says; now and then what nobody understands."""
    if chance.random() < 0.05:
        return chance.choice(BROKEN)
    if kind == "reaction":
        return (2, chance.choice(SYMBOLS), chance.random() < 0.7)
    if kind == "translation":
        return (4, text, chance.choice(("de", "fr")), target)
    topics = chance.sample(TOPICS, k=chance.choice((0, 0, 1, 2)))
    mentions = [["name", chance.choice(WHOS)] for _ in range(chance.choice((0, 0, 1, 2)))]
    return (3 if kind == "correction" else 1, text, "en", topics, mentions)


def arrive(home: Home, entries: Sequence[Entry], chance: random.Random) -> list[Entry]:
    """Bring each log in its order, the logs in any; some bodies come late, some go. Gives what is there."""
    logs: dict[tuple[bytes, int], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.seq):
        logs.setdefault((entry.author, entry.log), []).append(entry)
    late: list[Entry] = []
    while logs:
        name = chance.choice(sorted(logs))
        run = [logs[name].pop(0) for _ in range(min(len(logs[name]), chance.randint(1, 9)))]
        logs = {name: left for name, left in logs.items() if left}
        bare = {entry.id for entry in run if chance.random() < 0.1}
        late += [entry for entry in run if entry.id in bare]
        home.shelf.append(
            [[entry.without_body() if entry.id in bare else entry for entry in run]],
            checked=True,
            durable=False,
        )
    for entry in late[::2]:
        assert entry.body is not None
        home.shelf.restore_body(entry.id, entry.body)
    gone = {entry.id for entry in late[1::2]} | {
        entry.id for entry in chance.sample(list(entries), k=len(entries) // 20)
    }
    for each in gone:
        home.shelf.drop_body(each)
    return [entry.without_body() if entry.id in gone else entry for entry in entries]


@contextmanager
def filled(seed: int, count: int) -> Iterator[Feed]:
    chance = random.Random(seed)
    people = [Person(name) for name in OWNERS]
    with temporary_home() as home:
        held = arrive(home, write(chance, people, count), chance)
        yield Feed(home, Model(held, people))


def low_bits(entry_id: bytes) -> int:
    """Ties of three bits: nearly everything collides."""
    return entry_id[0] >> 5


@pytest.fixture(scope="module", params=["ties as they are", "ties that collide"])
def feed(request: pytest.FixtureRequest) -> Iterator[Feed]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "ties as they are":
            for room in (fold, ordering, service, inbox, surroundings):
                patch.setattr(room, "tie_of", low_bits)
        with filled(11, 900) as full:
            yield full


def test_a_thread_is_all_that_links_to_its_root(feed: Feed) -> None:
    for root in [*feed.model.held, EntryId(bytes(32))]:
        found = service.thread(feed.store, root, UNTIL, 10_000)
        assert [post.entry.id for post in found] == feed.model.thread(root)
        assert [post.at for post in found] == [feed.model.orders[post.entry.id] for post in found]


def test_the_newest_of_a_thread_come_with_its_root(feed: Feed) -> None:
    roots = sorted(feed.model.posts, key=lambda each: len(feed.model.thread(each)))[-20:]
    for root in roots:
        whole = feed.model.thread(root)
        for limit in (1, 2, len(whole)):
            found = [post.entry.id for post in service.thread(feed.store, root, UNTIL, limit)]
            first = [root] if root in whole[:-limit] else []
            newest = [each for each in whole if each != root][-limit:]
            assert set(found) == {*first, *newest, *({root} & set(whole))}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_inbox_has_what_mentions_somebody_or_answers_him(feed: Feed, data: st.DataObject) -> None:
    who = data.draw(st.sampled_from(WHOS))
    owner = data.draw(st.sampled_from(sorted(set(OWNERS.values()))))
    devices = frozenset(device for device, whose in feed.model.owners.items() if whose == owner)
    expected = feed.model.addressed(who, devices)
    since = data.draw(st.sampled_from([0, START + 100_000, UNTIL - 500]))
    found = inbox.addressed(feed.store, Asked(who, devices, 10_000, UNTIL, since))
    ids = [each.shown.entry.id for each in found]
    assert ids == [each for each in expected if feed.model.orders[each] >= since]
    assert [each.why for each in found] == [expected[each] for each in ids]
    assert [feed.store.key_of(each) for each in ids] == [each.key for each in found]
    keys = [feed.store.key_of(each) for each in feed.model.held]
    by_key = inbox.addressed_at(feed.store, keys, who, devices)
    assert {
        each.shown.entry.id: each.why for each in by_key if each is not None and each.shown.at <= UNTIL
    } == (expected)


def test_what_was_said_about_posts_is_found_for_all_at_once(feed: Feed) -> None:
    model = feed.model
    posts = [post for post in service.at_keys(feed.store, list(range(1, 3_000))) if post is not None]
    assert {post.entry.id for post in posts} == set(model.posts)
    found = around(feed.store, posts, model.same)
    assert found.keys() == model.posts.keys()
    for target, said in found.items():
        assert [each.entry.id for each in said.corrections] == model.corrections(target)
        assert Counter((each.author, each.symbol) for each in said.reactions) == model.reactions(target)
        assert said.answers == len(model.answers(target))
        asked = [(target, each.key) for each in said.translations]
        translated = [each[0].id for each in translations_at(feed.store, asked) if each is not None]
        assert translated == model.translations(target)


def test_the_post_behind_each_remark_is_known(feed: Feed) -> None:
    for id_, entry in feed.model.held.items():
        said = feed.model.said.get(id_)
        is_remark = said is not None and not isinstance(said, Post) and entry.links
        assert service.target_of(feed.store, id_) == (entry.links[0] if is_remark else None)


def test_topics_are_counted(feed: Feed) -> None:
    for begins, since in (("", 0), ("rent", 0), ("rent-", 0), ("", START + 300_000), ("x", 0)):
        counts: Counter[str] = Counter()
        last: dict[str, int] = {}
        for id_ in feed.model.visible():
            at = feed.model.orders[id_]
            for topic in set(feed.model.posts[id_].topics):
                if at >= since and topic.startswith(begins):
                    counts[topic] += 1
                    last[topic] = max(at, last.get(topic, 0))
        expected = sorted(
            ((topic, count, last[topic]) for topic, count in counts.items()),
            key=lambda each: (-each[1], -each[2], each[0]),
        )
        assert [tuple(each) for each in service.topics(feed.store, begins, since, UNTIL, 10)] == expected


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_pages_that_follow_each_other_leave_out_nothing_and_repeat_nothing(
    feed: Feed, data: st.DataObject
) -> None:
    model = feed.model
    limit = data.draw(st.sampled_from([7, 20, 60]))
    authors = data.draw(st.none() | st.frozensets(st.sampled_from(sorted(model.owners)), min_size=1))
    topics = data.draw(st.none() | st.frozensets(st.sampled_from(TOPICS), min_size=1))
    parent = data.draw(st.none() | st.sampled_from(sorted(model.posts)))
    wanted = Wanted(limit, UNTIL, 0, authors, None, parent, topics)
    pages: list[EntryId] = []
    while page := service.read(feed.store, wanted):
        assert len(page) <= limit
        pages[:0] = [shown.entry.id for shown in page]
        wanted = wanted._replace(before=(page[0].at, page[0].entry.id))
    assert pages == [
        id_
        for id_ in model.visible()
        if (authors is None or model.held[id_].author in authors)
        and (topics is None or not topics.isdisjoint(model.posts[id_].topics))
        and (parent is None or model.held[id_].links[:1] == (parent,))
    ]


@pytest.mark.parametrize("limit", [1, 4])
def test_pages_of_an_inbox_leave_out_nothing(feed: Feed, limit: int) -> None:
    devices = frozenset(device for device, whose in feed.model.owners.items() if whose == 1)
    asked = Asked(WHOS[0], devices, limit, UNTIL)
    pages: list[EntryId] = []
    while page := inbox.addressed(feed.store, asked):
        pages[:0] = [each.shown.entry.id for each in page]
        asked = asked._replace(before=(page[0].shown.at, page[0].shown.entry.id))
    assert pages == list(feed.model.addressed(WHOS[0], devices))


def test_of_very_many_corrections_the_newest_are_known() -> None:
    alice = Person("alice")
    post = alice.post("first")
    many = [alice.write([3, f"text {number}", ""], links=[post.id]) for number in range(MAX_CORRECTIONS + 5)]
    with temporary_home() as home:
        home.shelf.append([[post, *many]], checked=True, durable=False)
        shown = service.find(home.entries, post.id)
        assert shown is not None
        said = around(home.entries, [shown], lambda one, other: one == other)[post.id]
        assert [each.entry.id for each in said.corrections] == [entry.id for entry in many[5:]]
