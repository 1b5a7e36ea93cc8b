"""`aster demo`: a federation of two sections that a third joins, in processes of their own, and what happens.

The demo does what people would: it runs this same command in other processes, each with a home in a
temporary folder, and looks at each node whether it came about. Everything is on 127.0.0.1.
"""

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from cli.laptops import DemoFailed, Laptop
from cli.options import AsJson, Quiet
from cli.render import Screen, Styled
from cli.session import Json
from node.errors import NodeError

EXIT_FAILED: Final = 1

FEDERATION: Final = "Kitchens"
GREETING: Final = "Bonjour de Lyon. The assembly is on Sunday at ten."
ANSWER: Final = "Wir kommen aus Berlin, zu zwölft. Who brings bread?"
MISSED: Final = "Alice, are you there?"
NEWCOMER: Final = "Olá do Porto!"
SECRET: Final = "Only for you: the landlord knows about the roof."
REPLY: Final = "I see him tomorrow."
DOCUMENT: Final = "agenda.md"
FIRST_AGENDA: Final = "# Agenda\n\n1. The kitchen\n"
NEXT_AGENDA: Final = "# Agenda\n\n1. The kitchen\n2. The roof\n"


class Cast(NamedTuple):
    """Who takes part: four people, of whom two have a hub beside their laptop."""

    alice: Laptop
    lyon: Laptop
    """Alice's second device, a hub."""
    bob: Laptop
    carol: Laptop
    berlin: Laptop
    """Carol's second device, a hub."""
    eva: Laptop


class Story:
    """Says what happens, with the time since the beginning."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._begun = time.monotonic()

    def tell(self, text: str, **facts: object) -> None:
        """One thing that happened."""
        at_s = time.monotonic() - self._begun
        if self._screen.as_json:
            self._screen.emit({"at_s": round(at_s, 3), "text": text, **facts}, flush=True)
        else:
            self._screen.say(Styled(f"{at_s:6.1f} s", "dim"), f"  {text}", flush=True)

    def more(self, text: str) -> None:
        """A detail, for people alone."""
        if not self._screen.as_json:
            self._screen.say(f"          {text}", flush=True)


class Watch:
    """How long something takes."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def s(self) -> float:
        """Seconds since it was made, in thousandths."""
        return round(time.monotonic() - self._begun, 3)


def demo(as_json: AsJson = False, quiet: Quiet = False) -> int:
    """See it work: a federation of two sections on this machine, which a third one joins.

    Four people, two hubs, one laptop killed in the middle. Takes about a quarter of a minute, needs no home
    and no network, and leaves nothing behind. Ends with exit code 0 only if everything that it tells came
    about.

    Examples:
    aster demo
    """
    screen = Screen(as_json, quiet)
    story = Story(screen)
    try:
        with _cast() as cast:
            _found(story, cast)
            _gather(story, cast)
            _publish_without(story, cast)
            _return(story, cast)
            _talk(story, cast)
            _let_in(story, cast)
            _compare(story, cast)
    except (DemoFailed, NodeError, subprocess.TimeoutExpired, OSError) as error:
        screen.complain(f"aster: the demo failed: {error}")
        screen.complain("Please report it with the lines above.")
        return EXIT_FAILED
    return 0


@contextmanager
def _cast() -> Iterator[Cast]:
    """Six homes in a folder that is gone afterwards, with their processes."""
    folder = Path(tempfile.mkdtemp(prefix="aster-demo-"))
    names = ("alice", "hub-lyon", "bob", "carol", "hub-berlin", "eva")
    cast = Cast(*(Laptop(name, folder) for name in names))
    try:
        yield cast
    finally:
        for node in cast:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)


# --- what happens -----------------------------------------------------------------------------------------


def _found(story: Story, cast: Cast) -> None:
    """Two sections found a federation; the first hub runs."""
    alice, lyon = cast.alice, cast.lyon
    section = ("--name", "Berlin", "--language", "de", "--as", "Carol", "--out", "berlin.section")
    cast.carol.aster("section", "draft", *section, "--words-file", "carol.words")
    story.tell("Carol drafts a section, Berlin: 24 words that only she has, and a file for Alice.")
    with_lyon = ("--name", FEDERATION, "--section", "Lyon", "--language", "fr", "--as", "Alice")
    made = _made(alice, "federation", "found", *with_lyon, "--with", "berlin.section")
    story.tell("Alice founds a federation of two sections, Lyon and Berlin. No server is told.", **made)
    _start(alice)
    _link(lyon, "alice", alice.call("contact")["code"])
    _start(lyon)
    story.tell("Lyon has a hub: a second device of Alice, linked with her words, that is always on.")


def _gather(story: Story, cast: Cast) -> None:
    """Berlin gets in, and a member by an invite of somebody who is off."""
    alice, lyon, bob, carol, berlin = cast.alice, cast.lyon, cast.bob, cast.carol, cast.berlin
    alice.wait_until("the hub is connected", lambda: _is_connected(alice, lyon))
    contact = alice.call("contact", hub=lyon.device)["code"]
    invite = alice.call("invite/create", hub=lyon.device)["code"]
    story.tell(f"Alice makes an invite for Bob, a code of {len(invite)} characters. The hub holds it.")
    _tell_arrival(story, f"Alice (Lyon): {GREETING}", alice, lambda: alice.post(GREETING), lyon)
    watch = Watch()
    _together(
        lambda: _link(berlin, "carol", contact),
        lambda: _link(carol, "carol", contact, "--as", "Carol"),
    )
    text = "Carol gets in with her words, on a laptop and on a hub for Berlin"
    story.tell(f"{text}: {watch.s:.1f} s.", took_s=watch.s)
    alice.kill()
    story.tell("Alice's laptop is switched off without warning (kill -9).")
    watch = Watch()
    _together(lambda: _made(bob, "join", "-", "--name", "Bob", stdin=invite), lambda: _start(carol, berlin))
    _start(bob)
    for node in (bob, carol, berlin):
        node.wait_until("Alice's greeting is here", partial(_reads, node, [GREETING]))
    text = "Bob joins all the same, and reads what she wrote"
    story.tell(f"{text}: {watch.s:.1f} s.", took_s=watch.s)


def _publish_without(story: Story, cast: Cast) -> None:
    """Across sections, while one laptop is off."""
    lyon, bob, carol, berlin = cast.lyon, cast.bob, cast.carol, cast.berlin
    others = (lyon, bob, berlin)
    _tell_arrival(story, f"Carol (Berlin): {ANSWER}", carol, lambda: carol.post(ANSWER), *others)
    what = f"Carol publishes the document {DOCUMENT}."
    _tell_arrival(story, what, carol, lambda: carol.put(DOCUMENT, FIRST_AGENDA), *others)
    others = (lyon, carol, berlin)
    what = "Bob (Lyon) publishes its next version."
    _tell_arrival(story, what, bob, lambda: bob.put(DOCUMENT, NEXT_AGENDA), *others)
    _tell_arrival(story, f"Bob: {MISSED}", bob, lambda: bob.post(MISSED), *others)


def _return(story: Story, cast: Cast) -> None:
    """The laptop that was killed catches up."""
    alice, watch = cast.alice, Watch()
    missed = [message["id"] for message in _messages(cast.bob)]
    _start(alice)
    ready_s = watch.s
    for entry in missed:
        alice.wait_for(entry)
    alice.wait_until("the document is here", lambda: _document(alice) == NEXT_AGENDA)
    story.tell(
        f"Alice starts again: ready after {ready_s:.2f} s, and after {watch.s:.2f} s she has all she missed.",
        ready_s=ready_s,
        caught_up_s=watch.s,
    )
    for message in _messages(alice):
        story.more(f"{message['name']}: {message['text']}")
    if not _reads(alice, [GREETING, ANSWER, MISSED]):
        raise DemoFailed("alice does not read what the others wrote")


def _talk(story: Story, cast: Cast) -> None:
    """Two talk in private. Hubs carry what they write, and others cannot read it."""
    alice, lyon, bob, carol = cast.alice, cast.lyon, cast.bob, cast.carol
    watch = Watch()
    sent = str(carol.call("chat/send", chat="Bob", text=SECRET)["id"])
    bob.wait_until("a request is here", lambda: bob.call("chat/list", requests=True)["conversations"])
    bob.wait_until("Carol's message is here", partial(_talks, bob, "Carol", [SECRET]))
    bob.call("chat/send", chat="Carol", text=REPLY)
    carol.wait_until(
        "Bob has it", lambda: carol.call("chat/show", id=sent)["delivery"]["state"] == "delivered"
    )
    carol.wait_until("Bob's answer is here", partial(_talks, carol, "Bob", [SECRET, REPLY]))
    took_s = watch.s
    lyon.wait_for(sent)
    for other in (alice, lyon):
        if other.call("chat/list")["conversations"]:
            raise DemoFailed(f"{other.name} can read what Carol and Bob write to each other")
    story.tell(
        f"Carol and Bob talk end-to-end encrypted: sent, read and answered in {took_s:.2f} s.", took_s=took_s
    )
    story.more("hub-lyon carries the messages. Neither it nor Alice can read them.")


def _let_in(story: Story, cast: Cast) -> None:
    """A third section waits, is endorsed by both, and is in."""
    alice, carol, eva = cast.alice, cast.carol, cast.eva
    carol.wait_until("the hub is connected", lambda: _is_connected(carol, cast.berlin))
    code = carol.call("section/invite", hub=cast.berlin.device)["code"]
    watch = Watch()
    wish = ("--name", "Porto", "--language", "pt", "--as", "Eva")
    _made(eva, "section", "join", "-", *wish, stdin=code)
    story.tell(f"Eva begins a section, Porto, with an invite of Carol's: {watch.s:.1f} s. It waits.")
    for node in (alice, carol):
        node.wait_until("Porto waits here", partial(_knows, node, "Porto"))
        node.call("section/endorse", name="Porto")
        shown = _section(node, "Porto")
        assert shown is not None
        story.more(f"endorsed on the laptop of {node.name}: {len(shown['endorsed_by'])} of {shown['needed']}")
    for node in cast[:-1]:
        node.wait_until("Porto is in", partial(_is_in, node, "Porto"))
    watch = Watch()
    _start(eva)
    eva.wait_until("Porto is in", partial(_is_in, eva, "Porto"))
    story.tell(f"Both sections have endorsed it, so it is in. Eva starts, and is connected: {watch.s:.1f} s.")
    _tell_arrival(story, f"Eva (Porto): {NEWCOMER}", eva, lambda: eva.post(NEWCOMER), *cast[:-1])


def _compare(story: Story, cast: Cast) -> None:
    """Everybody holds and sees the same."""
    for node in cast:
        node.wait_until("all messages are here", partial(_reads, node, [GREETING, ANSWER, MISSED, NEWCOMER]))
    for node in cast[1:]:
        node.wait_until("the same is here as everywhere", partial(_agree, cast.alice, node))
    for node in cast:
        if _document(node) != NEXT_AGENDA:
            raise DemoFailed(f"the document at {node.name} is not the newest version")
        if node.call("log/verify")["bad"]:
            raise DemoFailed(f"a log at {node.name} is damaged")
    roster = _picture(cast.alice)["roster"]
    sections = [each["name"] for each in roster if each["type"] == "section"]
    story.tell(
        f"All {len(cast)} nodes hold the same logs, messages and roster of {len(sections)} sections.",
        sections=sections,
    )
    _together(*(node.end for node in cast))
    story.tell("Everything that was promised came about.", ok=True)


# --- how it is done ---------------------------------------------------------------------------------------


def _together(*actions: Callable[[], object]) -> None:
    """Do several things at once. Raises: what the first that failed raised."""
    failures: list[Exception] = []

    def act(action: Callable[[], object]) -> None:
        try:
            action()
        except (DemoFailed, NodeError, subprocess.TimeoutExpired, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _start(*nodes: Laptop) -> None:
    """Start daemons at once and wait until all are ready."""
    for node in nodes:
        node.start(*(("--hub",) if node.name.startswith("hub") else ()))
    for node in nodes:
        node.ready()


def _made(node: Laptop, *arguments: str, stdin: str = "") -> Json:
    """Make a home with new words."""
    told = node.aster(*arguments, "--words-file", f"{node.name}.words", "--unattended", "--json", stdin=stdin)
    made: Json = json.loads(told)
    return made


def _link(node: Laptop, owner: str, code: str, *options: str) -> None:
    """Make a home with the words of somebody."""
    words = ("--words-file", f"{owner}.words", "--name", node.name, "--unattended", "--json")
    node.device = json.loads(node.aster("device", "link", code, *words, *options))["device"]


def _is_connected(node: Laptop, other: Laptop | None = None) -> bool:
    """Is the node connected with another one, or with any?"""
    peers = [peer["device"] for peer in node.call("status")["peers"] if peer["connected"]]
    return bool(peers) if other is None else other.device in peers


def _section(node: Laptop, name: str) -> Json | None:
    sections: Sequence[Json] = node.call("section/list")["sections"]
    return next((each for each in sections if each["name"] == name), None)


def _knows(node: Laptop, name: str) -> bool:
    return _section(node, name) is not None


def _is_in(node: Laptop, name: str) -> bool:
    section = _section(node, name)
    return section is not None and bool(section["valid"])


def _document(node: Laptop) -> str:
    documents = node.call("doc/list")["documents"]
    return str(node.call("doc/show", name=DOCUMENT)["text"]) if documents else ""


def _reads(node: Laptop, texts: list[str]) -> bool:
    return [message["text"] for message in _messages(node)] == texts


def _talks(node: Laptop, who: str, texts: list[str]) -> bool:
    return [each["text"] for each in node.lines("chat/read", chat=who)] == texts


def _messages(node: Laptop) -> list[Json]:
    return node.lines("read")


def _picture(node: Laptop) -> Json:
    """What is the same at every node that has everything."""
    logs = {(log["author"], log["log"]): log["head"] for log in node.call("log/list")["logs"]}
    roster = [_without_own(line) for line in node.lines("roster")]
    return {"logs": logs, "messages": _messages(node), "roster": roster}


def _agree(one: Laptop, other: Laptop) -> bool:
    return bool(_picture(one) == _picture(other))


def _without_own(line: Json) -> Json:
    """A line of the roster without what each node says of itself."""
    return {name: value for name, value in line.items() if name not in {"own", "steward"}}


def _tell_arrival(story: Story, what: str, node: Laptop, publish: Callable[[], str], *others: Laptop) -> None:
    """Publish an entry, wait for it at several nodes at once, and say how long each had to wait for it."""
    begun = time.monotonic()
    entry = publish()
    took_ms: dict[str, int] = {}

    def watch(other: Laptop) -> None:
        other.wait_for(entry)
        took_ms[other.name] = round((time.monotonic() - begun) * 1000)

    _together(*(partial(watch, other) for other in others))
    story.tell(what, by=node.name, arrived_ms=took_ms)
    soonest_first = sorted(took_ms.items(), key=lambda each: each[1])
    story.more("at " + ", ".join(f"{name} after {ms} ms" for name, ms in soonest_first))
