"""The drill with real processes: three sections with a hub each, of which any one is enough to go on."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cli.hub import EXIT_LOSS
from cli.laptops import DemoFailed, Laptop
from node.doors.control.client import Client
from node.federation.code import Contact, encode, place_of
from node.home import open_home
from node.paths import Paths
from store.ids import AuthorId, from_text

NAMES = ("lyon", "berlin", "porto")


def contact(hub: Laptop) -> str:
    """The code with which devices get in at a hub that runs."""
    network = from_text(Client(Paths(hub.home)).call("status")["network"])
    place = place_of(hub.address.partition("/p2p/")[0])
    return encode(Contact(network[:16], AuthorId(from_text(hub.device)), place))


def start(*hubs: Laptop) -> None:
    for hub in hubs:
        hub.start("--hub")
    for hub in hubs:
        hub.ready()


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Laptop]]:
    """The hubs of three sections that founded a federation together and told each other something.

    They run at first. A test may kill them, and leaves their homes as they are.
    """
    folder = tmp_path_factory.mktemp("hubs")
    lyon, berlin, porto = made = [Laptop(name, folder) for name in NAMES]
    with ExitStack() as stack:
        for hub in made:
            stack.callback(hub.kill)
        for hub in (berlin, porto):
            named = ("--name", hub.name, "--out", f"{hub.name}.section", "--words-file", f"{hub.name}.words")
            hub.aster("section", "draft", *named)
        named = ("--name", "Federation X", "--section", "lyon", "--as", "lyon", "--words-file", "lyon.words")
        others = ("--with", "berlin.section", "--with", "porto.section", "--endorsements", "2")
        lyon.aster("federation", "found", *named, *others, "--unattended")
        start(lyon)
        for hub in (berlin, porto):
            hub.aster("device", "link", contact(lyon), "--unattended", "--words-file", f"{hub.name}.words")
        start(berlin, porto)
        tell_all(made)
        yield made


def drill(laptop: Laptop, *options: str) -> dict[str, Any]:
    """What a drill finds that ends well."""
    found: dict[str, Any] = json.loads(laptop.aster("hub", "drill", "--json", *options))
    assert found["ok"]
    return found


def tell_all(hubs: list[Laptop]) -> None:
    """Each publishes something, and waits for what the others published."""
    ids = []
    for hub in hubs:
        ids += [hub.post(f"News from {hub.name}, {number}") for number in range(10)]
        ids.append(hub.put(f"{hub.name}.md", f"# {hub.name}\n"))
    for hub in hubs:
        for entry in ids:
            hub.wait_for(entry)
    settle(hubs)


def settle(laptops: list[Laptop]) -> None:
    """Wait until all hold the same, also of what nobody waits for by name: keys, profiles."""
    first, *others = laptops
    for other in others:
        other.wait_until(
            f"it holds what {first.name} holds", lambda other=other: heads(other) == heads(first)
        )


def heads(laptop: Laptop) -> dict[tuple[str, str], str]:
    return {(log["author"], log["log"]): log["head"] for log in laptop.call("log/list")["logs"]}


def test_any_hub_alone_is_the_whole_federation(hubs, tmp_path):
    digests = [drill(hub)["digests"] for hub in hubs]
    assert digests[0] == digests[1] == digests[2]
    assert {"logs", "roster", "feed view", "search index"} <= {each["what"] for each in digests[0]}

    berlin, out = hubs[1], tmp_path / "rebuilt"
    words = str(berlin.home.parent / "porto.words")
    drill(berlin, "--out", str(out), "--unattended", "--words-file", words)
    for hub in hubs:
        hub.kill()

    rebuilt, phone = Laptop("rebuilt", tmp_path), Laptop("phone", tmp_path)
    with ExitStack() as stack:
        for laptop in (rebuilt, phone):
            stack.callback(laptop.kill)
        start(rebuilt)
        words = str(berlin.home.parent / "lyon.words")
        phone.aster("device", "link", contact(rebuilt), "--unattended", "--words-file", words)
        phone.start()
        phone.ready()
        rebuilt.wait_for(phone.post("Lyon goes on"))
        settle([rebuilt, phone])
        assert len(phone.messages()) == 31
        assert drill(phone)["digests"] == drill(rebuilt)["digests"]


def test_what_one_hub_lost_is_named_there(hubs, tmp_path):
    for hub in hubs:
        hub.kill()
    poor = Laptop("berlin", tmp_path)
    shutil.copytree(hubs[1].home, poor.home, ignore=shutil.ignore_patterns("control.sock"))
    with open_home(Paths(poor.home), lambda: None, writing=True) as home:
        [entry] = [
            each
            for log_id, state in home.entries.logs().items()
            if log_id.author != home.device and state.head is not None
            for each in home.entries.range(log_id, 1, state.head.seq, 2**20)
            if each.body is not None and b"News from porto, 7" in each.body
        ]
        home.shelf.drop_body(entry.id)
    for hub in hubs:
        drill(hub)
    with pytest.raises(DemoFailed, match=f"ended with {EXIT_LOSS}: "):
        poor.aster("hub", "drill")
