"""A day of three sections that have a hub each, in real processes, by the command as people use it.

Alice is Lyon, Carol is Berlin, Eva is Porto; each hub is a second device of one of them.
"""

import filecmp
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.laptops import DemoFailed, Laptop

ASKED = "The kitchen opens at noon. Who brings #bread, @Carol?"
CORRECTED = "The kitchen opens at one. Who brings #bread, @Carol?"
TRANSLATED = "A cozinha abre à uma. Quem traz #bread, @Carol?"
SLIP = "The key is under the third flower pot."
PROGRAMME = "# Programme\n\nWe meet on Sunday.\n\nEverybody brings a chair.\n"


class Cast(NamedTuple):
    """Everybody's machines."""

    alice: Laptop
    carol: Laptop
    eva: Laptop
    lyon: Laptop
    berlin: Laptop
    porto: Laptop


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    cast = Cast(*(Laptop(name, tmp_path) for name in Cast._fields))
    yield cast
    for laptop in cast:
        laptop.kill()


# --- how it is done ---------------------------------------------------------------------------------------


def at_once(*actions: Callable[[], object]) -> None:
    """Do several things at once; the test fails with the first that failed."""
    failures: list[Exception] = []

    def act(action: Callable[[], object]) -> None:
        try:
            action()
        except (AssertionError, DemoFailed) as error:
            failures.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def say(laptop: Laptop, *arguments: str, stdin: str = "") -> Any:
    """What `aster … --json` answers, where that is one object."""
    return json.loads(laptop.aster(*arguments, "--json", stdin=stdin))


def lines(laptop: Laptop, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in laptop.aster(*arguments, "--json").splitlines()]


def make(laptop: Laptop, *arguments: str, words: str, stdin: str = "") -> None:
    laptop.aster(*arguments, "--words-file", f"{words}.words", "--unattended", "--quiet", stdin=stdin)


def start(*laptops: Laptop, options: tuple[str, ...] = ()) -> None:
    for laptop in laptops:
        laptop.start(*options)
    for laptop in laptops:
        laptop.ready()


def post(laptop: Laptop, *arguments: str) -> str:
    return str(say(laptop, "post", *arguments)["id"])


def thread_of(laptop: Laptop, entry: str, **options: object) -> list[dict[str, Any]]:
    return laptop.lines("thread", id=entry, **options)


def first_of(laptop: Laptop, entry: str, **options: object) -> dict[str, Any]:
    return thread_of(laptop, entry, **options)[0]


@contextmanager
def apart(*laptops: Laptop) -> Iterator[None]:
    """These machines stand still for a while: nobody hears of them, nor they of anybody."""
    processes = [laptop._daemon for laptop in laptops if laptop._daemon is not None]
    assert len(processes) == len(laptops)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


# --- what happens -----------------------------------------------------------------------------------------


def found(cast: Cast) -> None:
    """Three sections found a federation, and get a hub each."""
    alice, carol, eva, lyon, berlin, porto = cast

    def draft(laptop: Laptop, section: str, language: str, name: str) -> None:
        named = ("--name", section, "--language", language, "--as", name, "--out", f"{section}.section")
        laptop.aster("section", "draft", *named, "--words-file", f"{laptop.name}.words")

    at_once(lambda: draft(carol, "Berlin", "de", "Carol"), lambda: draft(eva, "Porto", "pt", "Eva"))
    together = ("--with", "Berlin.section", "--with", "Porto.section")
    named = ("--name", "Federation X", "--section", "Lyon", "--as", "Alice")
    make(alice, "federation", "found", *named, *together, words="alice")
    start(alice)
    code = alice.call("contact")["code"]
    at_once(
        lambda: make(carol, "device", "link", "-", "--as", "Carol", words="carol", stdin=code),
        lambda: make(eva, "device", "link", "-", "--as", "Eva", words="eva", stdin=code),
        lambda: make(lyon, "device", "link", "-", "--name", "hub", words="alice", stdin=code),
    )
    at_once(
        lambda: make(berlin, "device", "link", "-", "--name", "hub", words="carol", stdin=code),
        lambda: make(porto, "device", "link", "-", "--name", "hub", words="eva", stdin=code),
        lambda: start(carol, eva),
    )
    start(lyon, berlin, porto, options=("--hub",))


def talk(cast: Cast) -> str:
    """A question that is answered, corrected, reacted to and translated; gives its id."""
    alice, carol, eva, *hubs = cast
    alice.wait_until("the names are known", lambda: names(alice) == {"Alice", "Carol", "Eva"})
    asked = post(alice, ASKED, "--language", "en", "--public")
    for laptop in (carol, eva, *hubs):
        laptop.wait_for(asked)
    [inbox] = lines(carol, "inbox")
    assert (inbox["text"], inbox["why"], inbox["unread"]) == (ASKED, ["mention"], True)
    answer = post(carol, "Rye and wheat.", "--reply-to", asked[:10])
    carol.aster("react", asked, "✊", "--quiet")
    alice.wait_for(answer)
    assert [each["why"] for each in lines(alice, "inbox")] == [["answer"]]

    said = say(alice, "correct", asked, CORRECTED)["id"]
    for laptop in (carol, eva, *hubs):
        laptop.wait_for(said)
    with pytest.raises(DemoFailed, match="only its author"):
        eva.aster("correct", asked, "It never opens.")
    translated = say(eva, "translate", asked, TRANSLATED, "--lang", "pt", "--public")["id"]
    for laptop in (alice, carol, *hubs):
        laptop.wait_for(translated)
    question, reply = lines(carol, "thread", asked, "--lang", "pt,de")
    assert (question["text"], reply["text"], reply["depth"]) == (CORRECTED, "Rye and wheat.", 1)
    assert question["translation"]["text"] == TRANSLATED
    assert not question["translation"]["out_of_date"]
    alice.wait_until("the sign is there", lambda: first_of(alice, asked)["reactions"] != [])
    assert first_of(alice, asked)["reactions"][0]["names"] == ["Carol"]
    assert [each["text"] for each in say(carol, "history", asked)["versions"]] == [ASKED, CORRECTED]
    return asked


def names(laptop: Laptop) -> set[str]:
    return {each["name"] for each in laptop.call("member/list")["members"]}


def regret(cast: Cast) -> None:
    """Something that should not have been said goes everywhere, and all hubs say so."""
    alice, carol, eva, *hubs = cast
    slip = post(alice, SLIP)
    for laptop in (carol, eva, *hubs):
        laptop.wait_for(slip)
    with pytest.raises(DemoFailed, match="written by Alice"):
        carol.aster("delete", slip, "--yes")
    alice.aster("delete", slip, "--yes", "--quiet")
    alice.wait_until("all hubs answered", lambda: gone(alice, slip) == (3, 3))
    for laptop in cast:
        laptop.wait_until("it is gone", lambda laptop=laptop: first_of(laptop, slip)["gone"] == "deleted")
    assert not any(SLIP in each.aster("read") for each in (carol, eva))


def gone(laptop: Laptop, entry: str) -> tuple[int, int]:
    status = laptop.call("delete/status", id=entry)
    return status["gone"], status["of"]


def write_together(cast: Cast) -> None:
    """One text on two laptops that do not hear of each other; both changes stay."""
    alice, _, eva, *_ = cast
    first = say(alice, "doc", "put", "-", "--as", "programme.md", "--public", stdin=PROGRAMME)["id"]
    for laptop in cast:
        laptop.wait_for(first)
    others = [each for each in cast if each is not eva]
    with apart(*others):
        put(eva, first, PROGRAMME.replace("a chair", "a chair and a cup"))
    with apart(*(each for each in cast if each is not alice)):
        put(alice, first, PROGRAMME.replace("Sunday", "Sunday at ten"))
    eva.wait_until("both are current", lambda: len(currents(eva)) == 2)
    eva.aster("doc", "merge", "programme.md", "--yes", "--quiet")
    both = PROGRAMME.replace("Sunday", "Sunday at ten").replace("a chair", "a chair and a cup")
    for laptop in cast:
        laptop.wait_until("the merge is there", lambda laptop=laptop: text_of(laptop) == both)


def put(laptop: Laptop, follows: str, text: str) -> None:
    laptop.aster("doc", "put", "-", "--as", "programme.md", "--follows", follows, "--quiet", stdin=text)


def currents(laptop: Laptop) -> list[str]:
    return [
        each["id"] for each in laptop.call("doc/history", name="programme.md")["versions"] if each["head"]
    ]


def text_of(laptop: Laptop) -> str:
    return str(laptop.call("doc/show", name="programme.md")["text"])


def share_a_folder(cast: Cast, place: Path) -> None:
    """Berlin's folder is the same in Porto."""
    _, carol, eva, *_ = cast
    press = place / "press"
    (press / "photos").mkdir(parents=True)
    (press / "statement.txt").write_text("We go on strike on Friday.\n")
    (press / "photos" / "march.jpg").write_bytes(os.urandom(700_000))
    shared = say(carol, "file", "add", str(press), "--as", "strike 2026")["id"]
    eva.wait_for(shared)
    eva.aster("file", "get", "strike 2026", "--out", str(place / "got"), "--quiet")
    for part in ("statement.txt", "photos/march.jpg"):
        assert filecmp.cmp(press / part, place / "got" / part, shallow=False)


def show_the_world(cast: Cast, place: Path, asked: str) -> None:
    """Carol can be found, and what is public stands on a site that Porto's hub builds."""
    _, carol, eva, *_, porto = cast
    carol.aster(
        "profile", "set", "about:de=Ich backe Brot.", "page=https://example.org/", "--public", "--quiet"
    )
    carol.aster("profile", "set", "contact:telephone=+49 30 000000", "--quiet")
    for laptop in (eva, porto):
        laptop.wait_until(
            "she is found",
            lambda laptop=laptop: [each["name"] for each in search(laptop, "brot")] == ["Carol"],
        )
    site = place / "site"
    porto.aster("site", "build", str(site), "--language", "de", "--language", "pt", "--quiet")
    pages = "".join(page.read_text() for page in sorted(site.rglob("*.html")))
    for shown in ("Ich backe Brot.", "The kitchen opens at one.", "A cozinha abre", "a chair and a cup"):
        assert shown in pages
    for hidden in (SLIP, "Rye and wheat.", "opens at noon", "000000"):
        assert hidden not in pages
    assert first_of(porto, asked)["public"]


def search(laptop: Laptop, words: str) -> list[dict[str, Any]]:
    return lines(laptop, "directory", "search", words)


def test_a_day_of_three_sections(cast, tmp_path):
    found(cast)
    asked = talk(cast)
    regret(cast)
    write_together(cast)
    share_a_folder(cast, tmp_path)
    show_the_world(cast, tmp_path, asked)
    for laptop in cast:
        laptop.end()
