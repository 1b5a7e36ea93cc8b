"""The door of a process that works on the home itself, because no daemon runs or there is no home yet.

The same methods as over the control socket, as far as the store alone can answer them. Reading opens the
store read-only; the few methods that change something take the home's lock, so that no daemon can start
meanwhile. Making a home is here too.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from node import keyring
from node.affairs.petnames import Petnames
from node.doors.control.door import read_network
from node.doors.control.protocol import (
    Json,
    check_parameters,
    find_method,
    function_of,
    function_parameters,
)
from node.federation.bare import root_key
from node.federation.phrase import read_phrase
from node.founding import create_home, found_network, give_new_device, published_name
from node.home import Home, open_home
from node.keyring import AskPassphrase
from node.network_file import read as read_charter
from node.paths import Paths
from node.peer_list import PeerList
from node.queries import Queries
from store.crypto import self_test
from store.ids import to_text

__all__ = [
    "OfflineDoor",
    "change_passphrase",
    "drill",
    "is_exposed",
    "lock",
    "make_home",
    "read_network",
    "read_passphrase",
    "rebuild_views",
    "renew_device",
    "wipe",
]

is_exposed = keyring.is_exposed
read_passphrase = keyring.read_passphrase

_CHANGING: Final = frozenset(
    {
        "peer/add",
        "peer/remove",
        "petname/set",
        "petname/remove",
        "interest/set",
        "file/pin",
        "file/unpin",
        "file/drop",
        "follow",
        "unfollow",
        "mute",
        "unmute",
        "block",
        "unblock",
        "inbox/mark",
        "quota/set",
    }
)
"""Methods that need the lock."""


def make_home(
    paths: Paths, name: str, network_file: str | None, network_name: str, passphrase: str | None
) -> Json:
    """Make a home: `device`, `network`, `name` and `network_name` of it.

    `network_file`: text of the file of the network to join; None founds one called `network_name`.
    `passphrase`: None leaves the key unprotected.

    Raises: as `node.founding.create_home`; BadData: no network file.
    """
    self_test()
    charter = found_network(network_name) if network_file is None else read_charter(network_file)
    with create_home(paths, name, charter, passphrase) as home:
        return _describe(home)


def renew_device(paths: Paths, ask: AskPassphrase, name: str | None) -> Json:
    """Give a home a new device: the same fields as `make_home`. Raises: as `give_new_device`."""
    self_test()
    with give_new_device(paths, ask, name) as home:
        return _describe(home)


def drill(
    paths: Paths,
    ask: AskPassphrase,
    out: Path | None,
    passphrase: str | None,
    words: str | None,
    tell: Callable[[str, int, int], None],
) -> Json:
    """Rebuild everything from this home alone and compare, into the folder `out` or one that vanishes.

    `words`: of the member to whom the folder's device shall belong.

    Raises: as `node.drill.rebuilding.drill`; BadData: these are no 24 words.
    """
    from node.drill import (
        rebuilding as drill,  # late: it runs an intake, which needs trio, and no other command here does
    )

    root = None if words is None else root_key(read_phrase(words))
    return drill.drill(paths, ask, None if out is None else drill.Out(out, passphrase, root), tell)


def rebuild_views(
    paths: Paths, ask: AskPassphrase, with_search: bool, tell: Callable[[str, int, int], None]
) -> Json:
    """Make all views anew from the entries. Raises, answers: as `node.rebuilding.rebuild`."""
    from node import rebuilding  # late: no other command needs it

    return rebuilding.rebuild(paths, ask, with_search, tell)


def lock(paths: Paths) -> Json:
    """End the daemon: `daemon` is how (`node.closing.Ended`), `passphrase`: is the home locked by one now?

    Raises: as `node.closing.end_daemon`; DamagedHome.
    """
    from node.closing import end_daemon  # late: no other command needs it

    ended = end_daemon(paths)
    return {"daemon": ended.value, "passphrase": keyring.needs_passphrase(paths)}


def change_passphrase(paths: Paths, ask: AskPassphrase, passphrase: str) -> Json:
    """Set or change the passphrase of a home. Raises: as `node.keyring.change_passphrase`."""
    had_one = keyring.needs_passphrase(paths)
    keyring.change_passphrase(paths, ask, passphrase)
    return {"passphrase": True, "had_one": had_one}


def wipe(paths: Paths) -> Json:
    """Destroy a home: what `node.wiping.Wiped` has. Raises: as `node.wiping.wipe`."""
    from node.wiping import wipe  # late: no other command needs it

    wiped = wipe(paths)
    return {**wiped._asdict(), "daemon": wiped.daemon.value, "left": list(wiped.left)}


class OfflineDoor:
    """`node.doors.control.client.Client` without a daemon: the same calls, answered here."""

    def __init__(self, paths: Paths, ask: AskPassphrase) -> None:
        """`ask` is called where the store has to be opened and wants a passphrase."""
        self._paths = paths
        self._ask = ask

    def call(self, method: str, params: Json) -> Json:
        """Call a method that answers one object. Raises: NodeError."""
        given = function_parameters(check_parameters(method, params))
        if method == "network/export":
            return read_network(self._paths)
        with open_home(self._paths, self._ask, writing=method in _CHANGING) as home:
            queries = Queries(home)
            if method in _CHANGING:
                return _change(home, queries, method, given)
            answer: Json = function_of(queries, method)(**given)
            return answer

    def stream(self, method: str, params: Json) -> Iterator[Json]:
        """Call a method that answers one object a line. Raises: NodeError."""
        given = function_parameters(check_parameters(method, params))
        with open_home(self._paths, self._ask, writing=False) as home:
            yield from function_of(Queries(home), method)(**given)


def _change(home: Home, queries: Queries, method: str, given: Json) -> Json:
    """What the methods do that change something small."""
    if method == "peer/add":
        places = (given.get("device"), given.get("address"), given.get("addresses"), given.get("name"))
        return PeerList(home, queries).add(*places).shown
    if method == "peer/remove":
        return PeerList(home, queries).remove(given["device"])
    if method == "interest/set":
        return queries.interest.interest_set(**given)
    if find_method(method).part in ("sharing", "social", "budgets"):
        answer: Json = function_of(queries, method)(**given)
        return answer
    queries.federation.census()
    petnames = Petnames(queries.federation)
    return petnames.give(**given) if method == "petname/set" else petnames.take(**given)


def _describe(home: Home) -> Json:
    return {
        "device": to_text(home.device),
        "network": to_text(home.network),
        "name": published_name(home) or "",
        "network_name": home.charter.name,
    }
