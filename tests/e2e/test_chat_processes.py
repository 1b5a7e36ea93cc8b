"""Messages between real processes over libp2p: two that are connected, and two that never are at one time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.laptops import Laptop


@contextmanager
def laptops(folder: Path, *names: str) -> Iterator[list[Laptop]]:
    """Homes of one circle, each of which lets in all others; their daemons end with the test."""
    made = [Laptop(name, folder) for name in names]
    first, *others = made
    first.aster("init", "--name", first.name, "--unattended")
    charter = first.aster("network", "export")
    for each in others:
        each.aster("init", "--name", each.name, "--unattended", "--network", "-", stdin=charter)
    for each in made:
        each.device = each.aster("status", "--json").split('"device": "')[1][:52]
    for each in made:
        for other in made:
            if other is not each:
                each.aster("peer", "add", other.device, "--name", other.name)
    try:
        yield made
    finally:
        for each in made:
            each.kill()


def start(*nodes: Laptop) -> None:
    for node in nodes:
        node.start(*(["--hub"] if node.name == "hub" else []))
    for node in nodes:
        node.ready()


def send(node: Laptop, chat: str, text: str) -> str:
    return str(node.call("chat/send", chat=chat, text=text)["id"])


def is_so_far(node: Laptop, message: str, state: str) -> bool:
    return bool(node.call("chat/wait", id=message, state=state, timeout_s=1)["ok"])


def has_read(node: Laptop, chat: str, text: str) -> bool:
    known = [each["name"] for each in node.call("chat/list")["conversations"]]
    return chat in known and text in [each["text"] for each in node.lines("chat/read", chat=chat)]


def test_two_processes_talk_also_after_one_was_killed(tmp_path: Path) -> None:
    with laptops(tmp_path, "alice", "bob") as [alice, bob]:
        start(alice, bob)
        bob.aster("peer", "add", alice.address, "--name", "alice")
        first = send(alice, "bob", "one")
        alice.wait_until("it was delivered", lambda: is_so_far(alice, first, "delivered"))
        answer = send(bob, "alice", "two")
        bob.kill()
        later = send(alice, "bob", "three")
        start(bob)
        bob.aster("peer", "add", alice.address, "--name", "alice")
        alice.wait_until("it was delivered", lambda: is_so_far(alice, later, "delivered"))
        bob.wait_until("it was delivered", lambda: is_so_far(bob, answer, "delivered"))
        for node, chat in ((alice, "bob"), (bob, "alice")):
            said = [each["text"] for each in node.lines("chat/read", chat=chat) if each["kind"] == "text"]
            assert sorted(said) == ["one", "three", "two"]


def test_two_who_are_never_online_together_talk_through_a_hub(tmp_path: Path) -> None:
    with laptops(tmp_path, "alice", "bob", "hub") as [alice, bob, hub]:
        start(hub, bob)
        bob.aster("peer", "add", hub.address, "--name", "hub")
        bob.wait_until("the hub has his keys", lambda: "keys" in _logs(hub, bob))
        bob.end()
        start(alice)
        alice.aster("peer", "add", hub.address, "--name", "hub")
        said = send(alice, "bob", "are you there?")
        alice.wait_until("it is on the hub", lambda: is_so_far(alice, said, "hub"))
        alice.wait_until("its key is there too", lambda: _packets(hub, alice) >= 1)
        alice.end()
        start(bob)
        bob.wait_until("it came", lambda: has_read(bob, "alice", "are you there?"))
        answer = send(bob, "alice", "yes")
        bob.wait_until("it is on the hub", lambda: is_so_far(bob, answer, "hub"))
        bob.wait_until("what he says of her message is there too", lambda: _packets(hub, bob) >= 2)
        bob.end()
        start(alice)
        alice.wait_until("the answer came", lambda: has_read(alice, "bob", "yes"))
        alice.wait_until("it was delivered", lambda: is_so_far(alice, said, "delivered"))


def _logs(node: Laptop, author: Laptop) -> dict[str, int]:
    """How many entries a node holds of each log of an author."""
    logs = node.call("log/list", author=author.device)["logs"]
    return {log["log"]: log["entries"] for log in logs}


def _packets(node: Laptop, author: Laptop) -> int:
    return sum(count for log, count in _logs(node, author).items() if log.startswith("box-"))
