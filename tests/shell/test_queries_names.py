"""Names while they change: each answer sees one state of them, whoever else asks at the same time."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from node.errors import Ambiguous, BadData
from node.naming import NameBook
from node.queries import Queries, now_ms
from node.testing.homes import temporary_home
from node.testing.people import Person, people
from store.ids import to_text
from store.sqlite.home import Peer

PROFILE = 6


def profile(person: Person, name: str) -> list[object]:
    return [person.write([64, name], log=PROFILE)]  # type: ignore[arg-type]


def test_names_are_kept_until_they_change() -> None:
    bob = Person("bob")
    with temporary_home("alice") as home:
        book = NameBook(home, now_ms)
        names = book.now()
        home.shelf.append([bob.posts(3)], checked=True, durable=False)
        assert book.now() is names
        home.shelf.append([profile(bob, "Robert")], checked=True, durable=False)  # type: ignore[list-item]
        assert book.now().of(bob.id) == "Robert"
        home.tables.put_peer(Peer(bob.id, "uncle", (), "", 0))
        assert book.now().of(bob.id) == "uncle"
        home.tables.put_peer(Peer(bob.id, "", (), "", 0))
        assert book.now().of(bob.id) == "Robert"


def test_a_name_that_goes_while_another_comes_is_noticed() -> None:
    bob, carol = people(("bob", "carol"))
    with temporary_home("alice") as home:
        book = NameBook(home, now_ms)
        home.shelf.append([profile(bob, "Robert")], checked=True, durable=False)  # type: ignore[list-item]
        assert book.now().of(bob.id) == "Robert"
        [entry] = home.entries.range(bob.log_id(PROFILE), 1, 1, 10**6)  # type: ignore[arg-type]
        home.shelf.drop_body(entry.id)
        home.shelf.append([profile(carol, "Carola")], checked=True, durable=False)  # type: ignore[list-item]
        assert book.now().of(carol.id) == "Carola"
        assert book.now().of(bob.id) == to_text(bob.id)[:10]


def test_own_names_are_trusted_and_those_of_others_are_not() -> None:
    eve = Person("eve")
    with temporary_home("alice") as home:
        home.shelf.append([profile(eve, "Alice")], checked=True, durable=False)  # type: ignore[list-item]
        queries = Queries(home)
        assert queries.author("alice") == home.device
        assert queries.status()["name"] == f"alice~{to_text(home.device)[:4]}"


def test_many_threads_see_names_change_and_end_with_the_last() -> None:
    bob = Person("bob")
    with temporary_home("alice") as home:
        book = NameBook(home, now_ms)
        seen: list[list[int]] = [[] for _ in range(4)]
        done = threading.Event()

        def look(told: list[int]) -> None:
            while not done.is_set():
                name = book.now().of(bob.id)
                told.append(int(name) if name.isdigit() else 0)

        threads = [threading.Thread(target=look, args=(told,)) for told in seen]
        for thread in threads:
            thread.start()
        for number in range(1, 101):
            home.shelf.append([profile(bob, str(number))], checked=True, durable=False)  # type: ignore[list-item]
        done.set()
        for thread in threads:
            thread.join(30)
        assert book.now().of(bob.id) == "100"
        assert all(told == sorted(told) for told in seen)


def test_names_are_looked_up_once_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bob = Person("bob")
    looks = 0
    now = NameBook.now

    def counted(self: NameBook) -> object:
        nonlocal looks
        looks += 1
        return now(self)

    monkeypatch.setattr(NameBook, "now", counted)
    with temporary_home("alice", [bob]) as home:
        home.shelf.append([bob.posts(60)], checked=True, durable=False)
        queries = Queries(home)
        answers: tuple[Callable[[], object], ...] = (
            lambda: list(queries.social.read(limit=60)),
            queries.log_list,
            queries.drafting.doc_list,
            queries.status,
            queries.peer_list,
        )
        for answer in answers:
            looks = 0
            answer()
            assert looks == 1


def test_an_entry_is_named_by_a_beginning_that_names_one() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = bob.posts(3_000)
        home.shelf.append([posts], checked=True, durable=False)
        queries = Queries(home)
        texts = sorted(to_text(post.id) for post in posts)
        near = [(a, b) for a, b in pairwise(texts) if a[:4] == b[:4]]
        assert near
        for first, second in near:
            with pytest.raises(Ambiguous, match=first[:10]):
                queries.entry_id(first[:4])
            same = next(n for n in range(52) if first[n] != second[n])
            assert to_text(queries.entry_id(first[: same + 1])) == first
        for wrong in ("abc", "a" * 53, "ab1d", "äbcd", ""):
            with pytest.raises(BadData):
                queries.entry_id(wrong)


def test_following_needs_a_daemon() -> None:
    with temporary_home("alice") as home, pytest.raises(BadData, match="daemon"):
        list(Queries(home).social.read(follow=True))
