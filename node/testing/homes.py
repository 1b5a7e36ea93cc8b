"""Homes that vanish: a temporary directory with a home in it, unattended, for one of the people."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from node.founding import create_home
from node.home import Home
from node.paths import Paths
from node.testing.people import CHARTER, Person
from store.charter import Charter
from store.crypto import SigningKey
from store.sqlite.home import Peer


@contextmanager
def temporary_home(
    name: str = "alice",
    friends: Iterable[Person] = (),
    charter: Charter = CHARTER,
    root: SigningKey | None = None,
) -> Iterator[Home]:
    """A new home in a directory that is removed afterwards. Its device is a new one each time.

    `friends` are on its list of peers from the start. `root`: of the member whose device it is, in a
    federation.
    """
    with (
        TemporaryDirectory(prefix="asterism-") as folder,
        make_home(Path(folder), name, charter, root) as home,
    ):
        befriend(home, friends)
        yield home


def make_home(
    folder: Path, name: str = "alice", charter: Charter = CHARTER, root: SigningKey | None = None
) -> Home:
    """A new unattended home in `folder`, open for writing."""
    return create_home(Paths(folder), name, charter, None, root=root)


def befriend(home: Home, friends: Iterable[Person]) -> None:
    """Put people on a home's list of peers."""
    for friend in friends:
        home.tables.put_peer(Peer(friend.id, friend.name, (), "", 0))
    home.reload_peers()
