"""A federation asked without a daemon: the same answers from the store, and petnames and interest kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.affairs.api import FederationApi
from node.affairs.interest_queries import InterestQueries
from node.affairs.queries import FederationQueries
from node.budgets.api import BudgetApi
from node.budgets.queries import BudgetQueries
from node.contacts.api import ContactsApi
from node.contacts.queries import ContactsQueries
from node.deletion.api import DeletionApi
from node.deletion.queries import DeletionQueries
from node.doors.control.client import works_offline
from node.doors.control.protocol import METHODS, function_name
from node.doors.offline import OfflineDoor
from node.drafting.api import DraftingApi
from node.drafting.queries import DraftingQueries
from node.errors import BadRequest, HomeLocked, Missing
from node.founding import create_home
from node.home import open_home
from node.interest_api import InterestApi
from node.messaging.api import MessagingApi
from node.messaging.archive_api import ArchiveApi
from node.messaging.queries import MessagingQueries
from node.paths import Paths
from node.sharing.api import SharingApi
from node.sharing.queries import SharingQueries
from node.social.api import SocialApi
from node.social.queries import SocialQueries
from node.testing.citizens import Citizen, found, inception
from node.testing.people import CHARTER as CIRCLE
from store.ids import short, to_text

ALICE = Citizen("Alice")
CHARTER = found([inception("Lyon", [ALICE])])


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    paths = Paths(tmp_path / "home")
    create_home(paths, "Alice", CHARTER, None, root=ALICE.key, device_name="laptop").close()
    return paths


@pytest.fixture
def door(paths: Paths) -> OfflineDoor:
    return OfflineDoor(paths, lambda: None)


def test_every_method_has_its_function_in_the_part_that_answers_it() -> None:
    parts = {
        "federation": FederationApi,
        "interest": InterestApi,
        "social": SocialApi,
        "drafting": DraftingApi,
        "sharing": SharingApi,
        "contacts": ContactsApi,
        "deletion": DeletionApi,
        "budgets": BudgetApi,
        "messaging": MessagingApi,
        "archive": ArchiveApi,
    }
    queries = {
        "federation": FederationQueries,
        "interest": InterestQueries,
        "social": SocialQueries,
        "drafting": DraftingQueries,
        "sharing": SharingQueries,
        "contacts": ContactsQueries,
        "deletion": DeletionQueries,
        "budgets": BudgetQueries,
        "messaging": MessagingQueries,
    }
    changing = {"petname/set", "petname/remove"}
    named = [(name, method) for name, method in METHODS.items() if method.part]
    assert len(named) > 25
    for name, method in named:
        assert callable(getattr(parts[method.part], function_name(name)))
        if method.offline and name not in changing:
            assert callable(getattr(queries[method.part], function_name(name)))


@pytest.mark.parametrize(
    "method",
    [
        "section/list",
        "section/show",
        "steward/list",
        "steward/pending",
        "invite/list",
        "member/list",
        "whois",
        "petname/list",
        "device/list",
        "interest/show",
        "status",
    ],
)
def test_what_only_reads_is_answered_from_the_store(door: OfflineDoor, method: str) -> None:
    assert works_offline(method)
    assert door.call(method, {})


def test_the_roster_is_read_line_by_line(door: OfflineDoor) -> None:
    lines = list(door.stream("roster", {}))
    assert [(line["type"], line["name"]) for line in lines] == [("section", "Lyon"), ("member", "Alice")]
    before = list(door.stream("roster", {"at_ms": 1}))
    assert [(line["type"], line.get("devices")) for line in before] == [("section", None), ("member", 0)]


def test_a_petname_is_kept_without_a_daemon(door: OfflineDoor) -> None:
    given = door.call("petname/set", {"who": "alice", "name": "Me"})
    assert given == {"member": to_text(ALICE.root), "name": "Me", "petname": "Me"}
    assert door.call("whois", {"who": "Me"})["short"] == short(ALICE.root)
    assert door.call("status", {})["name"] == "Me"
    assert door.call("petname/remove", {"who": to_text(ALICE.root)})["name"] == "Alice"
    with pytest.raises(Missing):
        door.call("petname/remove", {"who": "Alice"})


def test_an_interest_is_kept_without_a_daemon(door: OfflineDoor) -> None:
    assert door.call("interest/set", {"purposes": ["feed"]})["purposes"] == [
        "id",
        "feed",
        "profile",
        "deletions",
    ]
    assert door.call("interest/show", {})["purposes"] == ["id", "feed", "profile", "deletions"]
    assert door.call("interest/set", {"everything": True})["everything"]


def test_a_device_can_be_looked_at_before_it_is_revoked(door: OfflineDoor) -> None:
    answer = door.call("device/cut", {"device": "laptop"})
    assert (answer["this"], answer["standing"]) == (True, "member")
    assert bytes.fromhex(answer["cut"])
    with pytest.raises(Missing, match="no device"):
        door.call("device/cut", {"device": "phone"})


def test_what_changes_something_needs_the_home_for_itself(door: OfflineDoor, paths: Paths) -> None:
    with open_home(paths, lambda: None, writing=True), pytest.raises(HomeLocked):
        door.call("petname/set", {"who": "alice", "name": "Me"})


def test_what_is_about_sections_is_refused_in_a_circle(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "circle")
    create_home(paths, "alice", CIRCLE, None).close()
    door = OfflineDoor(paths, lambda: None)
    for method, params in (
        ("section/list", {}),
        ("whois", {}),
        ("petname/set", {"who": "alice", "name": "x"}),
        ("device/list", {}),
    ):
        with pytest.raises(BadRequest, match="open circle"):
            door.call(method, params)
    with pytest.raises(BadRequest, match="open circle"):
        list(door.stream("roster", {}))
    assert door.call("interest/show", {})["everything"]
