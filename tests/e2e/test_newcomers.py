"""Joining, linking and recovering through a real hub: what comes of it, and every reason why not.

The hub runs in a thread, newcomers in the test's own; words go to a keeper that writes them down.
"""
# long because each way of failing is one test, and all share the hub

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from node.doors import newcomer
from node.doors.newcomer import Person, Place, SectionWish
from node.errors import (
    BadData,
    BadRequest,
    Missing,
    NodeError,
    Refused,
    Unavailable,
    WrongNetwork,
    WrongPassphrase,
)
from node.federation import code as codes
from node.federation.bare import NO_NETWORK, device_message, root_key, root_of
from node.federation.inception import Terms
from node.federation.phrase import new_phrase, read_phrase
from node.federation.statements import FOR_SECTIONS, Grant, compose_certificate, compose_grant
from node.federation.views import Standing
from node.founding import begin_section, create_home, found_federation, published_name
from node.home import Home, open_home
from node.newcomers import attempt
from node.newcomers.staging import FOLDER
from node.paths import Paths
from node.testing.hubs import Hub, running_hub
from store.crypto import SigningKey
from store.entry import SALT_BYTES, Entry, sign
from store.ids import LOG_ID, AuthorId, from_text, to_text

ALICE = root_key(bytes(32))
LYON = Terms("Lyon", "", ("fr",), (root_of(ALICE),), 1)
ERIKA_ENTROPY = bytes([7] * 32)
ERIKA = root_key(ERIKA_ENTROPY)
BERN = Terms("Bern", "", ("de",), (root_of(ERIKA),), 1)
"""Drafted by Erika, who has no device yet."""


class Paper:
    """Where words are written down."""

    def __init__(self) -> None:
        self.words = ""
        self.forgotten = False

    def check(self) -> None:
        pass

    def keep(self, phrase: str) -> None:
        self.words = phrase

    def earlier(self) -> str | None:
        return self.words or None

    def forget(self) -> None:
        self.forgotten = True


class Joined(NamedTuple):
    """Somebody who got in."""

    place: Place
    paper: Paper
    answer: dict


def place_at(folder: Path) -> Place:
    return Place(Paths(folder), None)


def quiet(event: dict) -> None:
    pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    sections = [begin_section(LYON, [ALICE], NO_NETWORK), begin_section(BERN, [ERIKA], NO_NETWORK)]
    charter = found_federation("Federation X", sections, None)
    paths = Paths(tmp_path_factory.mktemp("hub") / "home")
    create_home(paths, "Alice", charter, None, root=ALICE, device_name="hub").close()
    with open_home(paths, lambda: None, writing=True) as home, running_hub(home) as hub:
        yield hub


def join(hub: Hub, folder: Path, name: str = "Bob", code: str | None = None) -> Joined:
    paper = Paper()
    given = hub.grant()[1] if code is None else code
    answer = newcomer.join(place_at(folder), given, Person(name), paper, "english", quiet)
    return Joined(place_at(folder), paper, answer)


@contextmanager
def opened(place: Place) -> Iterator[Home]:
    with open_home(place.paths, place.ask, writing=True) as home:
        yield home


def standing(hub: Hub, device: str) -> Standing:
    assert hub.home.membership is not None
    return hub.home.membership.standing(AuthorId(from_text(device)))


def fails(error: type[NodeError], why: str, folder: Path, code: str, **options: object) -> NodeError:
    """Joining with this code fails so, and leaves nothing."""
    paper = Paper()
    with pytest.raises(error, match=why) as caught:
        newcomer.join(place_at(folder), code, Person("Bob"), paper, "english", quiet, **options)
    assert not folder.exists()
    assert paper.words == "" or paper.forgotten
    assert caught.value.advice
    return caught.value


# --- joining ----------------------------------------------------------------------------------------------


def test_a_newcomer_gets_in_and_knows_the_hub(hub, tmp_path):
    bob = join(hub, tmp_path / "bob")
    assert standing(hub, bob.answer["device"]) is Standing.MEMBER
    assert bob.answer["network_name"] == "Federation X"
    assert bob.answer["pending"] is False
    assert root_of(root_key(read_phrase(bob.paper.words))) == from_text(bob.answer["member"])
    assert not (tmp_path / "bob" / FOLDER).exists()
    with opened(bob.place) as home:
        assert home.membership is not None
        assert home.membership.standing(home.device) is Standing.MEMBER
        assert home.membership.standing(hub.home.device) is Standing.MEMBER
        assert [peer.device for peer in home.tables.peers()] == [hub.home.device]
        assert home.why_not == ""
        assert published_name(home) == "Bob"


def test_one_invite_lets_in_as_many_as_it_says(hub, tmp_path):
    code = hub.grant(uses=2)[1]
    join(hub, tmp_path / "bob", code=code)
    join(hub, tmp_path / "carol", code=code)
    fails(Refused, "used as often", tmp_path / "eve", code)


def test_an_expired_invite_is_told(hub, tmp_path):
    fails(Refused, "has expired", tmp_path / "bob", hub.grant(valid_ms=-1)[1])


def test_a_revoked_invite_is_told(hub, tmp_path):
    grant, code = hub.grant()
    hub.settle(grant)
    fails(Refused, "was revoked", tmp_path / "bob", code)


def test_an_invite_that_the_hub_never_heard_of_is_told(hub, tmp_path):
    code = codes.parse(hub.grant()[1])
    unknown = codes.encode(code._replace(secret=os.urandom(16)))
    error = fails(Missing, "does not know this invite", tmp_path / "bob", unknown)
    assert "later" in error.advice


def test_a_mistyped_invite_is_told_before_anything_is_asked(hub, tmp_path):
    code = hub.grant()[1]
    swapped = code[:50] + code[51] + code[50] + code[52:]
    if swapped == code:
        swapped = code[:50] + ("A" if code[50] != "A" else "B") + code[51:]
    fails(BadData, "mistyped", tmp_path / "bob", swapped)
    fails(BadData, "missing or doubled", tmp_path / "bob", code[:-8])


def test_a_foreign_invite_is_told(hub, tmp_path):
    code = codes.parse(hub.grant()[1])
    foreign = codes.encode(code._replace(network=bytes(16)))
    error = fails(WrongNetwork, "foreign", tmp_path / "bob", foreign)
    assert "another hub" in error.advice


def test_a_hub_that_is_off_is_told(hub, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    code = codes.parse(hub.grant()[1])
    off = codes.encode(code._replace(place=code.place._replace(port=port)))
    error = fails(Unavailable, "cannot be reached", tmp_path / "bob", off)
    assert "another hub" in error.advice


def test_another_node_at_the_place_of_the_hub_is_told(hub, tmp_path):
    code = codes.parse(hub.grant()[1])
    elsewhere = codes.encode(code._replace(hub=SigningKey(bytes(32)).author))
    fails(Unavailable, "cannot be reached", tmp_path / "bob", elsewhere)


def test_an_invite_for_a_section_is_none_for_a_member(hub, tmp_path):
    error = fails(BadData, "for a new section", tmp_path / "bob", hub.grant(purpose=FOR_SECTIONS)[1])
    assert "aster section join" in error.advice
    fails(BadData, "for members", tmp_path / "bob", hub.grant()[1], section=SectionWish("Berlin"))


def test_a_contact_code_is_no_invite(hub, tmp_path):
    error = fails(BadData, "no invite", tmp_path / "bob", hub.contact())
    assert "aster device link" in error.advice


def test_joining_where_there_is_a_home_leaves_it_as_it_was(hub, tmp_path):
    bob = join(hub, tmp_path / "bob")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "bob").rglob("*")}
    with pytest.raises(BadRequest, match="already; it stays as it is"):
        join(hub, tmp_path / "bob")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "bob").rglob("*")} == before
    assert bob.answer["device"]


def test_names_that_break_a_rule_are_told_before_anything_is_asked(hub, tmp_path):
    with pytest.raises(BadData, match="name"):
        join(hub, tmp_path / "bob", name="\n")
    assert not (tmp_path / "bob").exists()


# --- what was cut off -------------------------------------------------------------------------------------


class Unplugged(Exception):
    """The machine was switched off."""


def join_until_sent(place: Place, code: str, paper: Paper, monkeypatch: pytest.MonkeyPatch) -> str:
    """Join until the entries are with the hub, and be cut off before its answer came; the device."""
    real = attempt.arrive

    def arrive(home, way, on_sent):
        real(home, way, on_sent)
        raise Unplugged(to_text(home.device))

    with monkeypatch.context() as patched:
        patched.setattr(attempt, "arrive", arrive)
        with pytest.raises(Unplugged) as caught:
            newcomer.join(place, code, Person("Bob"), paper, "english", quiet)
    return str(caught.value)


def test_a_join_that_was_cut_off_goes_on_with_the_same_device(hub, tmp_path, monkeypatch):
    code, paper = hub.grant()[1], Paper()
    device = join_until_sent(place_at(tmp_path / "bob"), code, paper, monkeypatch)
    assert not Paths(tmp_path / "bob").network.exists()
    assert not paper.forgotten
    events: list[dict] = []
    answer = newcomer.join(place_at(tmp_path / "bob"), code, Person("Bobby"), paper, "english", events.append)
    assert answer["device"] == device
    assert answer["name"] == "Bobby"
    assert {"event": "going-on"} in events
    assert standing(hub, device) is Standing.MEMBER
    with opened(place_at(tmp_path / "bob")) as home:
        assert home.membership is not None
        assert home.membership.standing(home.device) is Standing.MEMBER
    fails(Refused, "used as often", tmp_path / "eve", code)


def test_a_join_that_was_cut_off_wants_the_words_of_then(hub, tmp_path, monkeypatch):
    code = hub.grant()[1]
    join_until_sent(place_at(tmp_path / "bob"), code, Paper(), monkeypatch)
    other = Paper()
    other.keep(new_phrase(os.urandom(32)))
    with pytest.raises(BadData, match="other words"):
        newcomer.join(place_at(tmp_path / "bob"), code, Person("Bob"), other, "english", quiet)


def test_a_join_that_was_cut_off_wants_the_passphrase_of_then(hub, tmp_path, monkeypatch):
    code, paper = hub.grant()[1], Paper()
    place = Place(Paths(tmp_path / "bob"), "first")
    join_until_sent(place, code, paper, monkeypatch)
    with pytest.raises(WrongPassphrase):
        newcomer.join(place._replace(passphrase="second"), code, Person("Bob"), paper, "english", quiet)
    answer = newcomer.join(place, code, Person("Bob"), paper, "english", quiet)
    assert standing(hub, answer["device"]) is Standing.MEMBER


def test_another_code_meanwhile_takes_nothing_away(hub, tmp_path, monkeypatch):
    code, paper = hub.grant()[1], Paper()
    device = join_until_sent(place_at(tmp_path / "bob"), code, paper, monkeypatch)
    foreign = codes.encode(codes.parse(code)._replace(network=bytes(16)))
    with pytest.raises(WrongNetwork):
        newcomer.join(place_at(tmp_path / "bob"), foreign, Person("Bob"), Paper(), "english", quiet)
    answer = newcomer.join(place_at(tmp_path / "bob"), code, Person("Bob"), paper, "english", quiet)
    assert answer["device"] == device


# --- new sections -----------------------------------------------------------------------------------------


def begin_berlin(hub: Hub, folder: Path) -> Joined:
    paper = Paper()
    code = hub.grant(purpose=FOR_SECTIONS)[1]
    wish = SectionWish("Berlin", "Berlin", ("de",))
    answer = newcomer.join(place_at(folder), code, Person("Carol"), paper, "french", quiet, wish)
    return Joined(place_at(folder), paper, answer)


def test_a_new_section_waits_for_endorsements(hub, tmp_path):
    carol = begin_berlin(hub, tmp_path / "carol")
    assert carol.answer["pending"] is True
    assert standing(hub, carol.answer["device"]) is Standing.CANDIDATE
    membership = hub.home.membership
    assert membership is not None
    names = {section.terms.name: section.valid for section in membership.roster.sections()}
    assert names["Lyon"]
    assert names["Berlin"] is False


def test_nobody_joins_a_section_that_waits(hub, tmp_path):
    carol = begin_berlin(hub, tmp_path / "carol")
    with opened(carol.place) as home, running_hub(home) as berlin:
        [state] = [
            section.state
            for section in home.membership.roster.sections()
            if root_of(root_key(read_phrase(carol.paper.words))) in section.terms.stewards
        ]
        secret = os.urandom(16)
        terms = Grant(state, codes_key(secret), 1, 2**50, 0)
        berlin.say(compose_grant(os.urandom(SALT_BYTES), terms))
        invite = codes.Invite(home.network[:16], secret, home.device, codes.place_of(berlin.address))
        error = fails(Missing, "does not know this invite", tmp_path / "dora", codes.encode(invite))
        assert "not endorsed yet" in error.advice


def codes_key(secret: bytes) -> bytes:
    from node.federation.bare import invite_key

    return invite_key(secret).author


# --- further devices --------------------------------------------------------------------------------------


def link(hub: Hub, folder: Path, phrase: str, code: str | None = None, **options: object) -> dict:
    return newcomer.link(place_at(folder), code or hub.contact(), phrase, "phone", None, quiet, **options)


def test_a_further_device_belongs_to_the_same_member(hub, tmp_path):
    bob = join(hub, tmp_path / "bob")
    answer = link(hub, tmp_path / "phone", bob.paper.words)
    assert answer["member"] == bob.answer["member"]
    assert answer["device"] != bob.answer["device"]
    assert answer["nameless"] is False
    assert standing(hub, answer["device"]) is Standing.MEMBER
    membership = hub.home.membership
    assert membership is not None
    found = membership.roster.device(AuthorId(from_text(answer["device"])))
    assert found is not None
    assert found.name == "phone"


def test_a_founder_gets_in_with_the_words_of_the_draft_and_a_name(hub, tmp_path):
    words, place = new_phrase(ERIKA_ENTROPY), place_at(tmp_path / "nameless")
    nameless = newcomer.link(place, hub.contact(), words, "laptop", None, quiet)
    assert (nameless["nameless"], nameless["name"]) == (True, "")
    assert from_text(nameless["member"]) == root_of(ERIKA)
    assert standing(hub, nameless["device"]) is Standing.MEMBER
    named = newcomer.link(place_at(tmp_path / "erika"), hub.contact(), words, "phone", "Erika", quiet)
    assert (named["nameless"], named["name"]) == (False, "Erika")


def test_an_invite_shows_the_way_as_well_and_is_not_used_up(hub, tmp_path):
    bob = join(hub, tmp_path / "bob")
    code = hub.grant()[1]
    link(hub, tmp_path / "phone", bob.paper.words, code)
    join(hub, tmp_path / "carol", code=code)


def test_words_of_nobody_are_told(hub, tmp_path):
    with pytest.raises(Missing, match="no member of this federation"):
        link(hub, tmp_path / "phone", new_phrase(os.urandom(32)))
    assert not (tmp_path / "phone").exists()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda words: words[:-1], "has 23"),
        (lambda words: ["qwertz", *words[1:]], "Word 1, 'qwertz'"),
        (lambda words: [words[1], words[0], *words[2:]], "do not fit"),
    ],
)
def test_wrong_words_are_told_before_anything_is_asked(tmp_path, hub, spoil, why):
    words = new_phrase(bytes(range(32))).split()
    with pytest.raises(BadData, match=why) as caught:
        link(hub, tmp_path / "phone", " ".join(spoil(words)))
    assert not (tmp_path / "phone").exists()
    assert words[5] not in str(caught.value)


def test_a_seventeenth_device_is_told(hub, tmp_path):
    bob = join(hub, tmp_path / "bob")
    root = root_key(read_phrase(bob.paper.words))
    for number in range(15):
        entry = certificate(hub, root, f"device {number}")
        hub.do(partial(hub.keeping.intake.ingest, each_signature=True), [(entry,)], entry.author)
    with pytest.raises(Refused, match="as many devices as one may have") as caught:
        link(hub, tmp_path / "phone", bob.paper.words)
    assert "aster device revoke" in caught.value.advice
    assert not (tmp_path / "phone").exists()


def certificate(hub: Hub, root: SigningKey, name: str) -> Entry:
    key = SigningKey(os.urandom(32))
    network = hub.home.network
    signature = root.sign(device_message(network, key.author))
    body = compose_certificate(os.urandom(SALT_BYTES), root_of(root), name, signature)
    return sign(key, network, LOG_ID, 1, b"", body, 1)


def test_a_section_that_cannot_be_is_told_before_anything_is_asked(hub, tmp_path):
    code = hub.grant(purpose=FOR_SECTIONS)[1]
    events: list[dict] = []
    wish = SectionWish("Berlin", "", ("no tag at all",))
    with pytest.raises(BadData, match="languages are tags"):
        newcomer.join(
            place_at(tmp_path / "carol"), code, Person("Carol"), Paper(), "english", events.append, wish
        )
    assert events == []
    assert not (tmp_path / "carol").exists()
