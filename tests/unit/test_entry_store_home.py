"""Settings, the allow-list and the address book of a home."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.errors import NotFound, TooLarge
from store.ids import AuthorId
from store.sqlite import home as limits
from store.sqlite.connection import Database
from store.sqlite.home import HomeTables, KnownAddress, Peer

STORE_KEY = b"k" * 32
BOB = AuthorId(b"b" * 32)
CAROL = AuthorId(b"c" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home.db"


@pytest.fixture
def home(path: Path) -> Iterator[HomeTables]:
    with Database(path, STORE_KEY, create=True) as database:
        yield HomeTables(database)


def test_settings_are_kept_replaced_and_removed(home: HomeTables) -> None:
    assert home.setting("network") is None
    home.set({"network": b"1", "device": b""})
    home.set({"network": b"2"})
    assert (home.setting("network"), home.setting("device")) == (b"2", b"")
    home.unset("network")
    home.unset("network")
    assert home.setting("network") is None


def test_of_settings_that_are_set_together_all_or_none_are_written(home: HomeTables) -> None:
    with pytest.raises(TooLarge):
        home.set({"small": b"1", "large": bytes(limits.MAX_SETTING_BYTES + 1)})
    assert home.setting("small") is None


def test_everything_is_there_after_opening_again(path: Path) -> None:
    peer = Peer(BOB, "bob", ("/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"), "met in Lodz\nin May", 5)
    with Database(path, STORE_KEY, create=True) as database:
        tables = HomeTables(database)
        tables.set({"a": b"1"})
        tables.put_peer(peer)
        tables.learn_addresses(CAROL, ["/ip4/127.0.0.1/tcp/3"], 7)
    with Database(path, STORE_KEY, read_only=True) as database:
        tables = HomeTables(database)
        assert tables.setting("a") == b"1"
        assert tables.peers() == [peer]
        assert tables.peer(BOB) == peer
        assert tables.addresses(CAROL) == [KnownAddress("/ip4/127.0.0.1/tcp/3", 7, 0)]


def test_peers_are_listed_in_the_order_in_which_they_were_added(home: HomeTables) -> None:
    carol, bob = Peer(CAROL, "carol", (), "", 1), Peer(BOB, "bob", (), "", 2)
    home.put_peer(bob)
    home.put_peer(carol)
    assert home.peers() == [carol, bob]
    home.put_peer(bob._replace(name="robert"))
    assert home.peers() == [carol, bob._replace(name="robert")]
    assert home.peer(b"?" * 32) is None


def test_a_peer_goes_with_its_addresses(home: HomeTables) -> None:
    home.put_peer(Peer(BOB, "bob", (), "", 1))
    home.learn_addresses(BOB, ["/a"], 1)
    home.remove_peer(BOB)
    assert (home.peers(), home.addresses(BOB)) == ([], [])
    with pytest.raises(NotFound):
        home.remove_peer(BOB)


@pytest.mark.parametrize(
    "peer",
    [
        Peer(BOB, "x" * (limits.MAX_PEER_TEXT_CHARS + 1), (), "", 1),
        Peer(BOB, "", (), "x" * (limits.MAX_PEER_TEXT_CHARS + 1), 1),
        Peer(BOB, "", ("x",) * (limits.MAX_ADDRESSES_PER_DEVICE + 1), "", 1),
        Peer(BOB, "", ("x" * (limits.MAX_ADDRESS_CHARS + 1),), "", 1),
        Peer(BOB, "", ("two words",), "", 1),
        Peer(BOB, "", ("",), "", 1),
    ],
)
def test_what_is_said_of_a_peer_is_bounded(home: HomeTables, peer: Peer) -> None:
    with pytest.raises(TooLarge):
        home.put_peer(peer)
    assert home.peers() == []


def test_addresses_that_were_reached_last_come_first(home: HomeTables) -> None:
    home.learn_addresses(BOB, ["/old", "/good"], 10)
    home.learn_addresses(BOB, ["/good"], 20, reached=True)
    home.learn_addresses(BOB, ["/new", "/good"], 30)
    assert home.addresses(BOB) == [
        KnownAddress("/good", 30, 20),
        KnownAddress("/new", 30, 0),
        KnownAddress("/old", 10, 0),
    ]
    home.forget_address(BOB, "/new")
    home.forget_address(BOB, "/never")
    assert [known.address for known in home.addresses(BOB)] == ["/good", "/old"]


def test_a_talkative_device_fills_only_its_own_share(home: HomeTables) -> None:
    home.learn_addresses(CAROL, ["/carol"], 1)
    for moment in range(50):
        home.learn_addresses(BOB, [f"/{moment}/{number}" for number in range(100)], moment)
    home.learn_addresses(BOB, ["/" + "x" * limits.MAX_ADDRESS_CHARS], 99)
    assert len(home.addresses(BOB)) == limits.MAX_ADDRESSES_PER_DEVICE
    assert {known.seen_ms for known in home.addresses(BOB)} == {49}
    assert home.known_devices() == [BOB, CAROL]


def test_devices_not_heard_of_for_longest_are_forgotten_first(
    home: HomeTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESS_DEVICES", 3)
    for number in range(6):
        home.learn_addresses(bytes([number]) * 32, ["/a", "/b"], number)
    assert home.known_devices() == [bytes([number]) * 32 for number in (5, 4, 3)]


def test_peers_that_are_kept_in_memory_follow_every_change(tmp_path: Path) -> None:
    with Database(tmp_path / "home.db", bytes(32), create=True) as database:
        tables = HomeTables(database)
        for number in range(3):
            peer = Peer(AuthorId(bytes([number]) * 32), f"name {number}", (), "", number)
            tables.put_peer(peer)
            assert tables.peers()[-1] == peer
        found = tables.peers()
        found.clear()
        assert len(tables.peers()) == 3
        tables.put_peer(Peer(AuthorId(bytes(32)), "renamed", (), "", 0))
        assert tables.peers()[0].name == "renamed"
        tables.remove_peer(bytes(32))
        assert [peer.name for peer in tables.peers()] == ["name 1", "name 2"]
        with Database(tmp_path / "home.db", bytes(32), read_only=True) as other:
            reader = HomeTables(other)
            assert len(reader.peers()) == 2
            tables.remove_peer(bytes([1]) * 32)
            assert len(reader.peers()) == 1
