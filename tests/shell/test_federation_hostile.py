"""Whatever is asked of a federation: an answer that JSON can hold, or an error with advice, and no fault."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

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
from node.testing.citizens import Citizen, Device
from node.testing.federations import Federation, cut_at, terms_of
from node.testing.homes import temporary_home
from node.testing.nodes import running
from store.ids import LOG_NAMES, short, to_text

DEADLINE_S = 60
CHANGING = frozenset({"petname/set", "petname/remove", "interest/set"})


def settled() -> Federation:
    """Two sections with several stewards; acts that wait and are done, invites of every kind, who left."""
    federation = Federation(sections=2, stewards=2)
    alice, dora = federation.stewards[0]
    other = federation.stewards[1][0]
    invite = federation.invite(alice, uses=2)
    bob, carol, _ = (federation.join(name, invite) for name in ("bob", "carol", "one too many"))
    federation.device(bob.citizen, "phone").cut(cut_at(bob))
    for steward in (alice, dora):
        steward.end(federation.state(), carol.citizen.root, [cut_at(carol)])
    berlin = federation.invite(alice, purpose=1)
    federation.begin("Berlin", [federation.newcomer("erna")], berlin)
    alice.endorse(federation.state(), federation.sections[1])
    alice.change([federation.state()], terms_of([alice, dora, bob], name="section 0"))
    other.change([federation.state(1)], terms_of(federation.stewards[1], name="other"))
    federation.join("late", federation.invite(dora, expires_ms=1))
    return federation


FEDERATION = settled()


def hold(home: Home) -> list[str]:
    """Everything that was said, in a home; ids and names that mean something here."""
    for device in FEDERATION.devices.values():
        home.shelf.append([tuple(device.log)], checked=True, durable=False)
    home.fold_members()
    queries = Queries(home).federation
    census = queries.census()
    ids: list[bytes] = [*census.members, *census.sections, *census.devices, *census.grants]
    ids += [act.act for act in census.acts]
    names = [line["name"] for line in queries.roster()]
    devices = [device.name for device in census.devices.values()]
    return [*names, *devices, *map(to_text, ids), *map(short, ids)]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    steward: Device = FEDERATION.stewards[0][0]
    with temporary_home("alice", charter=FEDERATION.charter, root=steward.citizen.key) as fresh:
        MEANINGFUL.extend(hold(fresh))
        yield fresh


MEANINGFUL: list[str] = ["laptop", "feed", "all", to_text(Citizen("nobody").root), "00" * 40]
texts = (
    st.deferred(lambda: st.sampled_from(MEANINGFUL))
    | st.text(max_size=60)
    | st.sampled_from(["\0", "\ud800", " ", "x" * 70, "я " * 200, *LOG_NAMES[:4]])
)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "a text": texts,
    "true or false": st.booleans(),
    "a whole number from 0": st.integers(0, MAX_INT) | st.sampled_from([0, 1, 2, 3, 50, MAX_INT]),
}
LISTS = st.lists(texts, max_size=5)


def requests(names: list[str]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    def parameters(name: str) -> st.SearchStrategy[dict[str, Any]]:
        known = METHODS[name].parameters
        return st.fixed_dictionaries(
            {key: VALUES.get(one.kind, LISTS) for key, one in known.items() if one.required},
            optional={key: VALUES.get(one.kind, LISTS) for key, one in known.items() if not one.required},
        )

    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), parameters(name)))


ABOUT_MEMBERS = sorted(name for name, method in METHODS.items() if method.part in ("federation", "interest"))
QUESTIONS = [name for name in ABOUT_MEMBERS if METHODS[name].offline and name not in CHANGING]
ALSO = ["status", "peer/list", "peer/add", "peer/remove", "read", "log/list", "log/show", "doc/list"]


def check_error(error: NodeError) -> None:
    assert error.code != "internal"
    assert error.message.strip()
    assert len(error.message) < 1_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests([*QUESTIONS, "status", "peer/list", "read", "log/list", "log/show"]))
@example(("roster", {"at_ms": 0}))
@example(("whois", {"safety": True}))
@example(("steward/pending", {"all": True}))
@example(("invite/list", {"all": True}))
def test_questions_to_a_home(home: Home, request_: tuple[str, dict[str, Any]]) -> None:
    name, given_ = request_
    try:
        params = function_parameters(check_parameters(name, {**given_, **NEVER_ENDING.get(name, {})}))
        answer = function_of(Queries(home), name)(**params)
        if find_method(name).streaming:
            answer = list(answer)
    except NodeError as error:
        check_error(error)
    else:
        json.dumps(answer).encode("ascii")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests([*ABOUT_MEMBERS, *ALSO]), min_size=1, max_size=6))
def test_requests_to_a_node(
    home: Home, monkeypatch: pytest.MonkeyPatch, requests_: list[tuple[str, dict[str, Any]]]
) -> None:
    monkeypatch.setattr("node.mesh.REACH_S", 0.01)

    async def main() -> None:
        with trio.fail_after(DEADLINE_S):
            async with running(home) as node:
                for name, given_ in requests_:
                    await ask(node.api, name, given_)

    trio.run(main)


async def ask(api: object, name: str, given_: dict[str, Any]) -> None:
    try:
        params = function_parameters(check_parameters(name, {**given_, **NEVER_ENDING.get(name, {})}))
        answer: Any = function_of(api, name)(**params)
        shown = [each async for each in answer] if find_method(name).streaming else await answer
        json.dumps(shown)
    except NodeError as error:
        check_error(error)


NEVER_ENDING: dict[str, dict[str, Any]] = {"read": {"follow": False}}
"""What has to be left out so that a request ends."""
