"""A lost device: the words on a new machine make another one, and cut the lost one where the hub holds it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from node.config import Config
from node.doors import newcomer
from node.doors.newcomer import Person, Place
from node.errors import Ambiguous, BadRequest, Missing, Unavailable
from node.federation.bare import NO_NETWORK, root_key, root_of
from node.federation.inception import Terms
from node.federation.phrase import read_phrase
from node.federation.views import Standing
from node.founding import begin_section, create_home, found_federation, write_own
from node.home import Home, open_home
from node.paths import Paths
from node.running import join as join_mesh
from node.running import keep, run_to_end, why_not_signing
from node.testing.hubs import Hub, running_hub
from store.entry import MAX_SEQ, make_body
from store.ids import LOG_FEED, LOG_ID, AuthorId, from_text, to_text
from store.log import LogId

ALICE = root_key(bytes(32))
LYON = Terms("Lyon", "", (), (root_of(ALICE),), 1)
DEADLINE_S = 60


class Paper:
    def __init__(self) -> None:
        self.words = ""

    def check(self) -> None:
        pass

    def keep(self, phrase: str) -> None:
        self.words = phrase

    def earlier(self) -> str | None:
        return self.words or None

    def forget(self) -> None:
        pass


def quiet(event: dict) -> None:
    pass


def yes(cuts: list[dict]) -> bool:
    return True


def place_at(folder: Path) -> Place:
    return Place(Paths(folder), None)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    charter = found_federation("Federation X", [begin_section(LYON, [ALICE], NO_NETWORK)], None)
    paths = Paths(tmp_path_factory.mktemp("hub") / "home")
    create_home(paths, "Alice", charter, None, root=ALICE, device_name="hub").close()
    with open_home(paths, lambda: None, writing=True) as home, running_hub(home) as hub:
        yield hub


class Bob:
    """A member with a laptop, of which the hub has two posts, and one that never left it."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        paper = Paper()
        self.place = place_at(folder / "laptop")
        code = hub.grant()[1]
        answer = newcomer.join(self.place, code, Person("Bob"), paper, "english", quiet)
        self.words = paper.words
        self.laptop = AuthorId(from_text(answer["device"]))
        self.post(2)
        self.sync(self.place)
        self.post(1)

    @contextmanager
    def opened(self, place: Place | None = None) -> Iterator[Home]:
        with open_home((place or self.place).paths, lambda: None, writing=True) as home:
            yield home

    def post(self, count: int) -> None:
        with self.opened() as home:
            bodies = [make_body(os.urandom(16), [1, f"post {number}", ""]) for number in range(count)]
            write_own(home, LOG_FEED, bodies)

    def sync(self, place: Place) -> None:
        """Be in step with the hub, if it lets us in."""

        async def work(home: Home) -> None:
            async with keep(home) as keeping, join_mesh(home, keeping, Config(listen=())) as meshed:
                peer = home.tables.peer(self.hub.home.device)
                assert peer is not None
                meshed.mesh.peer_added(peer.device, peer.addresses)
                with trio.fail_after(DEADLINE_S):
                    async for _ in meshed.mesh.sync([peer.device]):
                        pass

        with self.opened(place) as home:
            run_to_end(work, home)

    def recover(self, *chosen: str, agrees=yes, before_ms=None, name="new laptop") -> dict:
        self.new = place_at(self.folder / name)
        return newcomer.recover(
            self.new, self.hub.contact(), self.words, name, chosen, before_ms, agrees, quiet
        )

    def held(self, log: int = LOG_FEED) -> int:
        """How much of the laptop's log the hub has."""
        state = self.hub.keeping.intake.state(LogId(self.laptop, log))
        return 0 if state is None or state.head is None else state.head.seq

    def standing(self, device: AuthorId) -> Standing:
        assert self.hub.home.membership is not None
        return self.hub.home.membership.standing(device)


@pytest.fixture
def bob(hub: Hub, tmp_path: Path) -> Bob:
    return Bob(hub, tmp_path)


def test_a_lost_laptop_is_replaced_and_keeps_what_the_hub_had(bob):
    shown: list[dict] = []

    def agrees(cuts):
        shown.extend(cuts)
        return True

    answer = bob.recover(agrees=agrees)
    assert (answer["held"], answer["declined"], answer["name"]) == (True, False, "Bob")
    [laptop] = answer["cut"]
    assert shown == [laptop]
    assert AuthorId(from_text(laptop["device"])) == bob.laptop
    ends = {log["log"]: (log["entries"], log["held"]) for log in laptop["logs"]}
    assert ends["feed"] == (2, 2)
    assert ends["id"] == (2, 2)
    assert bob.standing(bob.laptop) is Standing.FORMER
    assert bob.standing(AuthorId(from_text(answer["device"]))) is Standing.MEMBER
    assert bob.held() == 2
    assert answer["member"] == to_text(root_of(root_key(read_phrase(bob.words))))
    with bob.opened(bob.new) as home:
        assert home.entries.state(LogId(bob.laptop, LOG_FEED)).head.seq == 2


def test_what_the_thief_signs_afterwards_is_refused(bob):
    bob.recover()
    bob.post(3)
    bob.sync(bob.place)
    assert bob.held() == 2
    assert bob.standing(bob.laptop) is Standing.FORMER


def test_a_member_who_does_not_agree_has_a_new_device_and_nothing_cut(bob):
    answer = bob.recover(agrees=lambda cuts: False)
    assert (answer["cut"], answer["declined"]) == ([], True)
    assert bob.standing(bob.laptop) is Standing.MEMBER
    assert bob.standing(AuthorId(from_text(answer["device"]))) is Standing.MEMBER


def test_a_recovery_that_was_cut_off_before_the_cut_goes_on_in_its_home(bob):
    def power_fails(cuts):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bob.recover(agrees=power_fails)
    assert bob.standing(bob.laptop) is Standing.MEMBER
    assert newcomer.may_recover(bob.new.paths)
    with bob.opened(bob.new) as home:
        device = home.device
    answer = bob.recover()
    assert AuthorId(from_text(answer["device"])) == device
    assert (answer["held"], [each["device"] for each in answer["cut"]]) == (True, [to_text(bob.laptop)])
    assert bob.standing(bob.laptop) is Standing.FORMER
    assert not newcomer.may_recover(bob.new.paths)
    with pytest.raises(BadRequest):
        bob.recover()


def test_only_the_chosen_device_is_cut(bob):
    phone = newcomer.link(place_at(bob.folder / "phone"), bob.hub.contact(), bob.words, "phone", None, quiet)
    answer = bob.recover("PHONE")
    assert [each["name"] for each in answer["cut"]] == ["phone"]
    assert bob.standing(bob.laptop) is Standing.MEMBER
    assert bob.standing(AuthorId(from_text(phone["device"]))) is Standing.FORMER


def test_a_device_that_nobody_has_is_told_with_those_there_are(bob):
    with pytest.raises(Missing, match="No other device of yours is called 'tablet'") as caught:
        bob.recover("tablet")
    assert "device " in str(caught.value)
    assert "linked all the same" in caught.value.advice
    assert bob.standing(bob.laptop) is Standing.MEMBER


def test_two_devices_of_one_name_are_told_apart_by_their_ids(bob):
    for number in range(2):
        newcomer.link(
            place_at(bob.folder / f"phone{number}"), bob.hub.contact(), bob.words, "phone", None, quiet
        )
    with pytest.raises(Ambiguous, match="Several devices are called 'phone'"):
        bob.recover("phone")


def test_what_the_thief_wrote_before_can_be_cut_too(bob):
    with bob.opened() as home:
        first, *_ = home.entries.range(LogId(bob.laptop, LOG_FEED), 1, 1, 10_000)
    answer = bob.recover(before_ms=first.time_ms)
    [laptop] = answer["cut"]
    kept = {log["log"]: log["entries"] for log in laptop["logs"]}
    assert kept["feed"] < 2
    assert kept["id"] >= 1
    assert bob.held() == kept["feed"]
    assert bob.standing(AuthorId(from_text(answer["device"]))) is Standing.MEMBER


def test_recovering_where_there_is_a_home_leaves_it_as_it_was(bob):
    before = {path: path.stat().st_mtime_ns for path in bob.place.paths.home.rglob("*")}
    with pytest.raises(BadRequest, match="already; it stays as it is"):
        newcomer.recover(bob.place, bob.hub.contact(), bob.words, "", (), None, yes, quiet)
    assert {path: path.stat().st_mtime_ns for path in bob.place.paths.home.rglob("*")} == before
    assert bob.standing(bob.laptop) is Standing.MEMBER


def test_a_hub_that_goes_away_meanwhile_is_told_with_what_to_do(bob, monkeypatch):
    def unreachable(home, hub, tell):
        raise Unavailable("The hub could not be synced with: gone.", "See: aster device revoke NAME")

    monkeypatch.setattr("node.newcomers.recovery._catch_up", unreachable)
    with pytest.raises(Unavailable, match="gone") as caught:
        bob.recover()
    assert "aster device revoke" in caught.value.advice
    with bob.opened(bob.new) as home:
        assert why_not_signing(home) == ""


def test_nothing_forks_when_a_member_goes_on_with_a_new_device(bob):
    answer = bob.recover()
    device = AuthorId(from_text(answer["device"]))
    with bob.opened(bob.new) as home:
        write_own(home, LOG_FEED, [make_body(os.urandom(16), [1, "I am back", ""])])
    bob.sync(bob.new)
    states = bob.hub.keeping.intake.states()
    assert states[LogId(device, LOG_FEED)].head.seq == 1
    assert [log_id for log_id, state in states.items() if state.evidence is not None] == []
    assert bob.hub.home.membership.last_good(LogId(device, LOG_FEED)) == MAX_SEQ
    assert states[LogId(bob.laptop, LOG_ID)].head.seq == 2
