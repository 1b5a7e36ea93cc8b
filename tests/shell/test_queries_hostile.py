"""Whatever parameters of the right type are given: an answer that JSON can hold, or an error with advice."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from node.api import Api
from node.doors.control.parameters import MAX_INT
from node.doors.control.protocol import (
    METHODS,
    check_parameters,
    find_method,
    function_of,
    function_parameters,
)
from node.errors import NodeError
from node.home import Home
from node.queries import Queries
from node.testing.homes import temporary_home
from node.testing.nodes import running
from node.testing.people import people
from store.ids import LOG_DOCS, LOG_NAMES, short, to_text

ALICE, BOB, CAROL = people(("alice", "bob", "carol"))
DEADLINE_S = 60


def fill(home: Home) -> list[str]:
    """Posts, answers, documents, profiles; ids and names that mean something here."""
    posts = [*ALICE.posts(3), *BOB.posts(2)]
    answer = CAROL.post("an answer", [posts[0].id])
    first = ALICE.write([33, "plan", "Plan", "text/plain", "one"], LOG_DOCS)
    rivals = [
        person.write([33, "plan", "", "text/plain", person.name], LOG_DOCS, [first.id])
        for person in (ALICE, BOB)
    ]
    profiles = [person.write([64, "twin"], log=6) for person in (ALICE, BOB)]  # type: ignore[arg-type]
    strange = CAROL.write([7, "?"], log=9).without_body()  # type: ignore[arg-type]
    entries = [*posts, answer, first, *rivals, *profiles, strange]
    for entry in entries:
        home.shelf.append([[entry]], checked=True, durable=False)
    ids = [entry.id for entry in entries] + [person.id for person in (ALICE, BOB, CAROL)]
    return [*map(to_text, ids), *map(short, ids), *(to_text(each)[:4] for each in ids)]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_home("alice", [ALICE, BOB, CAROL]) as fresh:
        MEANINGFUL.extend(fill(fresh))
        yield fresh


MEANINGFUL: list[str] = ["alice", "bob", "twin", "plan", "feed", "docs", "answer", "/ip4/1.2.3.4/tcp/5"]
texts = (
    st.deferred(lambda: st.sampled_from(MEANINGFUL))
    | st.text(max_size=60)
    | st.sampled_from(['"', "(", "a*", "NEAR(", "\0", "\ud800", " ", "x" * 40_000, "я " * 200, *LOG_NAMES])
)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "a text": texts,
    "true or false": st.booleans(),
    "a whole number from 0": st.integers(0, MAX_INT) | st.sampled_from([0, 1, 2, 50, MAX_INT]),
    "a number of seconds up to a day": st.sampled_from([0, 0.0, 0.01]),
}
LISTS = st.lists(texts, max_size=5)


def parameters(method: str) -> st.SearchStrategy[dict[str, Any]]:
    """Values of the right types for a method, required ones always."""
    known = METHODS[method].parameters
    return st.fixed_dictionaries(
        {name: VALUES.get(one.kind, LISTS) for name, one in known.items() if one.required},
        optional={name: VALUES.get(one.kind, LISTS) for name, one in known.items() if not one.required},
    )


def requests(wanted: Callable[[str], bool]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    names = sorted(name for name in METHODS if wanted(name))
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), parameters(name)))


WRITING_FILES = ("file/get", "site/build", "chat/save", "chat/export")
"""What is asked for stands in a path that these write to."""


def is_question(name: str) -> bool:
    changing = (
        *WRITING_FILES,
        "check",
        "interest/set",
        "network/export",
        "peer/add",
        "peer/remove",
        "petname/remove",
        "petname/set",
    )
    return METHODS[name].offline and name not in changing


def is_answered_by_the_api(name: str) -> bool:
    return name not in (
        "network/export",
        "stop",
        "sync",
        "check",
        "log/verify",
        "chat/follow",
        *WRITING_FILES,
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests(is_question))
@example(("read", {"limit": 0}))
@example(("read", {"since_ms": MAX_INT, "limit": MAX_INT, "search": "a", "author": "bob"}))
@example(("log/show", {"author": "alice", "log": "feed", "first": 0, "last": MAX_INT, "limit": 0}))
@example(("log/show", {"author": "alice", "log": "feed", "first": MAX_INT, "last": 0}))
@example(("doc/diff", {"name": "plan", "from": "aaaa"}))
def test_questions_to_a_home(home: Home, request_: tuple[str, dict[str, Any]]) -> None:
    name, given_ = request_
    try:
        params = function_parameters(check_parameters(name, given_))
        answer = function_of(Queries(home), name)(**params)
        if find_method(name).streaming:
            answer = list(answer)
    except NodeError as error:
        check_error(error)
    else:
        json.dumps(answer).encode("ascii")


def check_error(error: NodeError) -> None:
    assert error.code != "internal"
    assert error.message.strip()
    assert len(error.message) < 1_000


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests(is_answered_by_the_api), min_size=1, max_size=6))
def test_requests_to_a_node(home: Home, requests_: list[tuple[str, dict[str, Any]]]) -> None:
    async def main() -> None:
        with trio.fail_after(DEADLINE_S):
            async with running(home) as node:
                for name, given_ in requests_:
                    await ask(node.api, name, given_)

    trio.run(main)


async def ask(api: Api, name: str, given_: dict[str, Any]) -> None:
    try:
        params = function_parameters(check_parameters(name, {**given_, **NEVER_ENDING.get(name, {})}))
        answer: object = function_of(api, name)(**params)
        if find_method(name).streaming:
            shown = [each async for each in answer]  # type: ignore[attr-defined]
            json.dumps(shown)
        else:
            json.dumps(await answer)  # type: ignore[misc]
    except NodeError as error:
        check_error(error)


NEVER_ENDING: dict[str, dict[str, Any]] = {
    name: {"follow": False} for name, method in METHODS.items() if "follow" in method.parameters
}
"""What has to be left out so that a request ends."""
