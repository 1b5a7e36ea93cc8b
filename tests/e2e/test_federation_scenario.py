"""A bad year of a federation, in real processes: founder gone, laptop stolen, a new section; all are equal.

Three sections, two hubs and five members: Alice, Bob and Dora are stewards of Lyon, two of whom act together;
Carol is Berlin, Eva is Porto. Each hub is a second device of a member.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.laptops import DemoFailed, Laptop
from node.errors import NodeError

DEADLINE_S = 100
"""For each thing that is waited for."""

LOOK_S = 0.1

GREETINGS = {
    "alice": "Bonjour de Lyon, says Alice.",
    "bob": "Bob was here.",
    "carol": "Guten Morgen aus Berlin.",
    "dora": "Добрый день!",
    "eva": "Olá do Porto!",
}
STOLEN = "This is Dora, please send money."
BACK = "Dora again, with another laptop."
DOCUMENT = "agenda.md"


class Cast(NamedTuple):
    """Everybody's machines."""

    alice: Laptop
    bob: Laptop
    carol: Laptop
    dora: Laptop
    lyon: Laptop
    """A hub, Bob's second device."""
    berlin: Laptop
    """A hub, Carol's second device."""
    new: Laptop
    """Dora's next laptop."""
    eva: Laptop


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    cast = Cast(*(Laptop(name, tmp_path) for name in Cast._fields))
    yield cast
    for laptop in cast:
        laptop.kill()


# --- how it is done ---------------------------------------------------------------------------------------


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        time.sleep(LOOK_S)


def at_once(*actions: Callable[[], object]) -> None:
    """Do several things at once; the test fails with the first that failed."""
    failures: list[Exception] = []

    def act(action: Callable[[], object]) -> None:
        try:
            action()
        except (AssertionError, DemoFailed, NodeError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def start(*laptops: Laptop) -> None:
    for laptop in laptops:
        laptop.start(*(("--hub",) if laptop.name in {"lyon", "berlin"} else ()))
    for laptop in laptops:
        laptop.ready()


def make_home(laptop: Laptop, *arguments: str, words: str, stdin: str = "") -> None:
    options = ("--words-file", f"{words}.words", "--unattended", "--json")
    laptop.device = json.loads(laptop.aster(*arguments, *options, stdin=stdin))["device"]


def stewards(laptop: Laptop, section: str) -> set[str]:
    found = laptop.call("section/list")["sections"]
    return {each["name"] for one in found if one["name"] == section for each in one["stewards"]}


def propose(by: Laptop, others: list[Laptop], method: str, **params: object) -> None:
    """Do something that stewards do together: one proposes, the others consent where it has arrived."""
    [act] = by.call(method, **params)["acts"]
    for other in others:
        wait_until(f"{other.name} hears of {act['what']}", partial(has_before_it, other, act["id"]))
        [act] = other.call("steward/consent", act=act["id"])["acts"]
    assert act["effective"], act


def has_before_it(laptop: Laptop, act: str) -> bool:
    return act in {each["id"] for each in laptop.call("steward/pending")["acts"]}


def knows_section(laptop: Laptop, name: str) -> bool:
    return name in {each["name"] for each in laptop.call("section/list")["sections"]}


def texts(laptop: Laptop) -> list[str]:
    return [each["text"] for each in laptop.lines("read")]


def heads(laptop: Laptop) -> dict[tuple[str, str], str]:
    """The frontier as people can see it."""
    return {(log["author"], log["log"]): log["head"] for log in laptop.call("log/list")["logs"]}


def roster(laptop: Laptop) -> list[dict[str, Any]]:
    """The roster, without what each says of its own part in it."""
    lines = json_lines(laptop.aster("roster", "--json"))
    return [{name: line[name] for name in line if name not in {"own", "steward"}} for line in lines]


def messages(laptop: Laptop) -> list[dict[str, Any]]:
    return json_lines(laptop.aster("read", "--json"))


def digests(laptop: Laptop) -> list[dict[str, Any]]:
    """What a drill computes from this home alone: of the logs, the roster, the views."""
    report = json.loads(laptop.aster("hub", "drill", "--json"))
    assert report["ok"], report
    found: list[dict[str, Any]] = report["digests"]
    return found


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- what happens -----------------------------------------------------------------------------------------


def found(cast: Cast) -> None:
    """Lyon and Berlin found the federation, and get a hub each."""
    draft = ("--name", "Berlin", "--language", "de", "--as", "Carol", "--out", "berlin.section")
    cast.carol.aster("section", "draft", *draft, "--words-file", "carol.words")
    named = ("--name", "Federation X", "--section", "Lyon", "--as", "Alice", "--with", "berlin.section")
    make_home(cast.alice, "federation", "found", *named, words="alice")
    start(cast.alice)
    contact = cast.alice.call("contact")["code"]
    invite = cast.alice.call("invite/create", uses=2)["code"]
    at_once(
        lambda: make_home(cast.bob, "join", "-", "--name", "Bob", words="bob", stdin=invite),
        lambda: make_home(cast.dora, "join", "-", "--name", "Dora", words="dora", stdin=invite),
        lambda: make_home(cast.carol, "device", "link", contact, "--as", "Carol", words="carol"),
    )
    at_once(
        lambda: make_home(cast.lyon, "device", "link", contact, "--name", "hub", words="bob"),
        lambda: make_home(cast.berlin, "device", "link", contact, "--name", "hub", words="carol"),
        lambda: start(cast.bob, cast.carol, cast.dora),
    )
    start(cast.lyon, cast.berlin)


def share(cast: Cast) -> None:
    """Lyon gets three stewards, of whom two act together; everybody publishes."""
    alice, bob, dora = cast.alice, cast.bob, cast.dora
    names = {"Bob", "Dora", "Carol"}
    wait_until(
        "Alice knows all names",
        lambda: names <= {each["name"] for each in alice.call("member/list")["members"]},
    )
    propose(alice, [], "steward/add", member="Bob")
    propose(alice, [bob], "steward/add", member="Dora")
    wait_until("Dora is a steward", lambda: len(stewards(dora, "Lyon")) == 3)
    publishers = (alice, bob, cast.carol, dora)
    entries = [each.post(GREETINGS[each.name]) for each in publishers]
    entries.append(cast.carol.put(DOCUMENT, "1. The kitchen\n"))
    for laptop in (*publishers, cast.lyon, cast.berlin):
        for entry in entries:
            laptop.wait_for(entry)


def lose_the_founder(cast: Cast) -> None:
    """Alice's machine burns with all that is on it; those who are left go on."""
    cast.alice.kill()
    shutil.rmtree(cast.alice.home)
    wait_until(
        "Bob is at a hub", lambda: connected(cast.bob) & {cast.lyon.device, cast.berlin.device} != set()
    )
    propose(cast.bob, [cast.dora], "steward/retire", member="Alice")
    wait_until("Berlin knows", lambda: stewards(cast.carol, "Lyon") == {"Bob", "Dora"})


def connected(laptop: Laptop) -> set[str]:
    return {peer["device"] for peer in laptop.call("status")["peers"] if peer["connected"]}


def steal_a_laptop(cast: Cast) -> None:
    """Dora recovers on another machine, while the thief goes on writing in her name, before and after."""
    contact = cast.bob.call("contact")["code"]  # of a hub that Bob is at: he may not have heard of the other
    cast.dora.kill()
    recover = ("--name", "next laptop", "--yes")
    make_home(cast.new, "recover", contact, *recover, words="dora")
    cast.dora.start()
    cast.dora.ready()
    cast.dora.post(STOLEN)
    start(cast.new)
    back = cast.new.post(BACK)
    for laptop in (cast.bob, cast.carol, cast.lyon, cast.berlin):
        laptop.wait_for(back)
    assert STOLEN in texts(cast.dora)
    wait_until("the thief is alone", lambda: connected(cast.dora) == set())


def let_porto_in(cast: Cast) -> None:
    """A new section, endorsed by Berlin and by two of Lyon: Bob, and Dora from her new laptop."""
    code = cast.carol.call("section/invite")["code"]
    wish = ("--name", "Porto", "--language", "pt", "--as", "Eva")
    make_home(cast.eva, "section", "join", "-", *wish, words="eva", stdin=code)
    start(cast.eva)
    for laptop in (cast.carol, cast.bob):
        wait_until(f"{laptop.name} sees Porto", partial(knows_section, laptop, "Porto"))
    propose(cast.carol, [], "section/endorse", name="Porto")
    propose(cast.bob, [cast.new], "section/endorse", name="Porto")
    wait_until("Porto is in", lambda: bool(connected(cast.eva)))
    cast.eva.post(GREETINGS["eva"])


def test_a_federation_outlives_its_founder_a_thief_and_its_own_growth(cast):
    found(cast)
    share(cast)
    lose_the_founder(cast)
    steal_a_laptop(cast)
    let_porto_in(cast)

    left = (cast.bob, cast.carol, cast.lyon, cast.berlin, cast.new, cast.eva)
    said = {*GREETINGS.values(), BACK}
    for laptop in left:
        wait_until(f"{laptop.name} has all messages", lambda laptop=laptop: set(texts(laptop)) == said)
    wait_until("all frontiers are equal", lambda: all(heads(each) == heads(left[0]) for each in left))
    for laptop in left:
        assert messages(laptop) == messages(left[0])
        assert roster(laptop) == roster(left[0])
        assert laptop.aster("doc", "show", DOCUMENT, "--quiet") == "1. The kitchen\n"
        assert json.loads(laptop.aster("log", "verify", "--json"))["bad"] == []
    sections = {line["name"]: line for line in roster(left[0]) if line["type"] == "section"}
    assert set(sections) == {"Lyon", "Berlin", "Porto"}
    assert all(each["valid"] for each in sections.values())
    members = {line["name"] for line in roster(left[0]) if line["type"] == "member"}
    assert members == {"Alice", "Bob", "Carol", "Dora", "Eva"}
    assert digests(cast.lyon) == digests(cast.berlin)
    assert all(STOLEN not in text for laptop in left for text in texts(laptop))
