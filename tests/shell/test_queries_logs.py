"""What can be asked about logs without a daemon: lists, parts of logs, and who is meant."""

from collections.abc import Iterator

import pytest

from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from node.queries import Queries
from node.testing.homes import temporary_home
from node.testing.people import NETWORK, Person, chain_after, people
from store.ids import LOG_DOCS, short, to_text
from store.log import fork_proof


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home("alice", people(("bob", "carol"))) as fresh:
        yield fresh


def shown(home: Home, **wanted: object) -> list[int]:
    return [entry["seq"] for entry in Queries(home).log_show("bob", "feed", **wanted)]  # type: ignore[arg-type]


def test_logs_are_listed_by_author_and_number_with_how_far_they_go(home: Home) -> None:
    bob, carol = people(("bob", "carol"))
    home.shelf.append([bob.posts(3)], checked=False, durable=False)
    home.shelf.append([[carol.write([33, "d", "", "text/plain", ""], LOG_DOCS)]], checked=True, durable=False)
    logs = Queries(home).log_list()["logs"]
    assert [(log["author"], log["log"]) for log in logs] == [
        (to_text(author), log)
        for author, log in sorted(((home.device, "profile"), (bob.id, "feed"), (carol.id, "docs")))
    ]
    [log] = Queries(home).log_list("bob")["logs"]
    [_, _, last] = home.entries.range(bob.log_id(), 1, 3, 10**6)
    assert log == {
        "author": to_text(bob.id),
        "member": None,
        "device_name": "",
        "name": "bob",
        "log": "feed",
        "entries": 3,
        "head": to_text(last.id),
        "checked": 0,
        "ended": None,
    }
    assert Queries(home).status()["unchecked"] == 3


def test_a_log_that_ended_says_where_and_why(home: Home) -> None:
    bob, carol = people(("bob", "carol"))
    posts = bob.posts(3)
    rival = chain_after(bob, posts[1], ["rival"])[0]
    home.shelf.append([posts], checked=True, durable=False)
    home.shelf.end_log(fork_proof(posts[2], rival, NETWORK))
    first, other = carol.post("x"), carol.sign_at(1, b"", [1, "y", ""])
    home.shelf.end_log(fork_proof(first, other, NETWORK))
    [log] = Queries(home).log_list("bob")["logs"]
    ids = [to_text(each) for each in sorted((posts[2].id, rival.id))]
    assert (log["entries"], log["ended"]) == (2, {"seq": 3, "kind": "fork", "ids": ids})
    [unknown] = Queries(home).log_list("carol")["logs"]
    assert (unknown["entries"], unknown["head"], unknown["ended"]["seq"]) == (0, None, 1)
    assert list(Queries(home).log_show("carol", "feed")) == []
    assert Queries(home).log_verify()["bad"] == []
    assert Queries(home).status()["entries"] == 3


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, range(71, 121)),
        ({"limit": 3}, range(118, 121)),
        ({"limit": 0}, []),
        ({"limit": 2**53 - 1}, range(1, 121)),
        ({"first": 1, "limit": 2}, range(1, 3)),
        ({"first": 0, "limit": 2}, range(1, 3)),
        ({"first": 119}, range(119, 121)),
        ({"first": 121}, []),
        ({"first": 2**53 - 1}, []),
        ({"first": 5, "last": 4}, []),
        ({"first": 100, "last": 110}, range(100, 111)),
        ({"first": 10, "last": 110, "limit": 5}, range(10, 15)),
        ({"last": 10}, range(1, 11)),
        ({"last": 100, "limit": 2}, range(99, 101)),
        ({"last": 0}, []),
        ({"last": 2**53 - 1, "limit": 1}, range(120, 121)),
    ],
)
def test_a_part_of_a_log_is_shown(home: Home, wanted: dict[str, int], expected: range) -> None:
    home.shelf.append([Person("bob").posts(120)], checked=True, durable=False)
    assert shown(home, **wanted) == list(expected)


def test_entries_are_shown_with_what_is_known_of_them(home: Home) -> None:
    bob = Person("bob")
    post = bob.post("text")
    absent = bob.post("absent", [post.id]).without_body()
    strange = bob.write([70, ["something", 1]])
    empty = bob.sign_at(4, strange.id, [1, " ", ""])
    home.shelf.append([[post, absent, strange, empty]], checked=True, durable=False)
    first, second, third, fourth = Queries(home).log_show("bob", "feed")
    assert first == {
        "id": to_text(post.id),
        "author": to_text(bob.id),
        "member": None,
        "log": "feed",
        "seq": 1,
        "time_ms": post.time_ms,
        "back": None,
        "links": [],
        "size": post.body_bytes,
        "kind": 1,
        "body": True,
        "text": "text",
    }
    assert (second["back"], second["links"]) == (to_text(post.id), [to_text(post.id)])
    assert (second["kind"], second["body"], "text" in second) == (None, False, False)
    assert (third["kind"], third["body"], "text" in third) == (70, True, False)
    assert (fourth["kind"], "text" in fourth) == (1, False)


def test_large_entries_are_shown_to_the_last(home: Home) -> None:
    bob = Person("bob")
    home.shelf.append([[bob.post("x" * 32_000) for _ in range(300)]], checked=True, durable=False)
    assert shown(home, limit=300) == list(range(1, 301))


def test_a_log_that_is_not_here_is_missing(home: Home) -> None:
    queries = Queries(home)
    with pytest.raises(Missing, match="No log 'mail' of alice"):
        list(queries.log_show("alice", "mail"))
    with pytest.raises(Missing, match="'feed' of bob"):
        queries.log_verify("bob", "feed")
    with pytest.raises(BadData, match="No log is called 'freed'"):
        list(queries.log_show("bob", "freed"))
    with pytest.raises(Missing, match="Nobody"):
        queries.log_list("nobody")
    assert queries.log_list("bob") == {"logs": []}


def test_authors_are_known_by_their_logs_even_if_nobody_named_them(home: Home) -> None:
    dave = Person("dave")
    home.shelf.append([dave.posts(2)], checked=True, durable=False)
    [log] = Queries(home).log_list(to_text(dave.id)[:7])["logs"]
    assert log["name"] == short(dave.id)
    home.shelf.append([[dave.write([64, "bob"], log=6)]], checked=True, durable=False)  # type: ignore[arg-type]
    assert Queries(home).log_list("bob")["logs"] == []
    assert len(Queries(home).log_list(f"bob~{to_text(dave.id)[:4]}")["logs"]) == 2
    home.shelf.append([[Person("carol").write([64, "dan"], log=6)]], checked=True, durable=False)  # type: ignore[arg-type]
    eve = Person("eve")
    home.shelf.append([[eve.write([64, "DAN"], log=6)]], checked=True, durable=False)  # type: ignore[arg-type]
    assert Queries(home).log_list("dan")["logs"] == Queries(home).log_list(to_text(eve.id))["logs"]


def test_two_who_call_themselves_alike_have_to_be_told_apart(home: Home) -> None:
    for name in ("dave", "eve"):
        person = Person(name)
        home.shelf.append([[person.write([64, "dan"], log=6)]], checked=True, durable=False)  # type: ignore[arg-type]
    with pytest.raises(Ambiguous, match="may be dan~"):
        Queries(home).log_list("dan")
