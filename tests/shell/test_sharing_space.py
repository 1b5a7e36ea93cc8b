"""The room that files take: what is kept unasked and for whom, what goes, what is garbage."""

import io
import os
from collections.abc import Iterator

import pytest

from node.apps.files import bodies
from node.apps.files.bodies import FOLDER_MEDIA_TYPE, SharedFile
from node.home import Home
from node.queries import Queries
from node.sharing.folders import FolderFile, encode
from node.sharing.quotas import BEGUN_KEPT_MS, USED_KEPT_MS, Quotas
from node.sharing.space import COUNT_KEPT_MS, Space
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.blobs import CHUNK_BYTES, BlobId, Manifest, chunk_id
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_FILES

QUOTAS = Quotas(1_000_000, 300_000, 500_000)


class Clock:
    def __init__(self) -> None:
        self.ms = 10**12

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("node.home._now_ms", made)
    monkeypatch.setattr(Space, "quotas", lambda self: QUOTAS)
    return made


@pytest.fixture
def home(clock: Clock) -> Iterator[Home]:
    with temporary_home("alice") as made:
        yield made


@pytest.fixture
def space(home: Home, clock: Clock) -> Space:
    return Queries(home, clock).sharing.space


def share(home: Home, person: Person, blob: bytes, size: int, *, folder: bool = False) -> Entry:
    """Somebody else's entry that names a blob."""
    media_type = FOLDER_MEDIA_TYPE if folder else "text/plain"
    shared = SharedFile("a", media_type, size, blob, folder, "", "", (), False)
    entry = person.write([48, *shared[:-1]], LOG_FILES)
    assert bodies.parse(bodies.compose(shared, bytes(SALT_BYTES))) == shared
    home.shelf.append([[entry]], checked=True, durable=False)
    return entry


def hold(home: Home, size: int, *, pinned: bool = False) -> BlobId:
    return home.blobs.add(io.BytesIO(os.urandom(size)), lambda _: None, pinned=pinned).id


def test_what_nobody_names_is_not_kept_unasked(space: Space):
    assert not space.allows(b"x" * 32, 1)


def test_a_member_has_only_so_much_kept_unasked(home: Home, space: Space, clock: Clock):
    bob, carol = Person("bob"), Person("carol")
    held = hold(home, 200_000)
    share(home, bob, held, 200_000)
    share(home, bob, b"1" * 32, 100_000)
    share(home, bob, b"2" * 32, 100_001)
    share(home, bob, b"3" * 32, 1)
    assert not space.allows(b"2" * 32, 100_001)
    assert space.allows(b"1" * 32, 100_000)
    assert space.allows(b"1" * 32, 100_000)
    assert not space.allows(b"3" * 32, 1)
    share(home, carol, b"2" * 32, 100_001)
    assert space.allows(b"2" * 32, 100_001)
    clock.ms += COUNT_KEPT_MS
    assert space.allows(b"3" * 32, 1)
    assert space.shares() == {bob.id: 200_000}


def test_the_files_of_a_folder_count_against_who_shares_it(home: Home, space: Space):
    bob = Person("bob")
    inner = hold(home, 250_000)
    files = [FolderFile("a", 250_000, inner), FolderFile("b", 60_000, b"b" * 32)]
    listed = home.blobs.add(io.BytesIO(encode(files)), lambda _: None)
    share(home, bob, listed.id, listed.size, folder=True)
    assert dict(space.opened(listed.id)) == {inner: 250_000, b"b" * 32: 60_000}
    assert space.shares() == {bob.id: 250_000 + listed.size}
    assert not space.allows(b"b" * 32, 60_000)


def test_a_list_that_breaks_a_rule_names_nothing(home: Home, space: Space):
    content = b"\x92\x01\x91\x93\xa4../x\x01\xc4\x20" + b"b" * 32
    listed = home.blobs.add(io.BytesIO(content), lambda _: None)
    share(home, Person("bob"), listed.id, listed.size, folder=True)
    assert space.opened(listed.id) == []
    assert home.blobs.wholes_of(b"b" * 32) == []


def test_what_is_no_folder_is_not_opened(home: Home, space: Space):
    listed = home.blobs.add(io.BytesIO(encode([FolderFile("a", 1, b"b" * 32)])), lambda _: None)
    share(home, Person("bob"), listed.id, listed.size)
    assert space.opened(listed.id) == []
    assert home.blobs.parts_of(listed.id) is None


def test_what_was_unused_for_longest_goes_and_pins_stay(home: Home, space: Space, clock: Clock):
    pinned = hold(home, 300_000, pinned=True)
    old = hold(home, 300_000)
    clock.ms += 1
    young = hold(home, 300_000)
    assert not space.make_room(200_000)
    clock.ms += USED_KEPT_MS + 1
    assert space.has_free_room(50_000)
    assert not space.has_free_room(200_000)
    assert not space.make_room(2_000_000)
    assert {state.blob for state in home.blobs.listed()} == {pinned, old, young}
    assert space.make_room(200_000)
    assert {state.blob for state in home.blobs.listed()} == {pinned, young}


def test_what_was_begun_has_its_room_and_is_given_up_after_a_day(home: Home, space: Space, clock: Clock):
    chunks = tuple(chunk_id(bytes([n])) for n in range(4))
    begun = Manifest(4 * CHUNK_BYTES - 100_000, chunks)
    home.blobs.begin(begun)
    assert not space.has_free_room(100_000 + 60_000)
    assert not space.make_room(160_000)
    assert space.make_room(begun.size, begun.id)
    clock.ms += USED_KEPT_MS + 1
    assert not space.make_room(160_000)
    clock.ms += BEGUN_KEPT_MS
    assert space.make_room(160_000)
    assert home.blobs.listed() == []


def test_garbage_is_what_no_entry_names_and_nobody_pinned(home: Home, space: Space, clock: Clock):
    bob = Person("bob")
    named, inner, lone, pinned = (hold(home, size, pinned=size == 4) for size in (1, 2, 3, 4))
    share(home, bob, named, 1)
    listed = home.blobs.add(io.BytesIO(encode([FolderFile("a", 2, inner)])), lambda _: None, pinned=False)
    entry = share(home, bob, listed.id, listed.size, folder=True)
    space.opened(listed.id)
    assert space.tidy() == 0
    clock.ms += USED_KEPT_MS + 1
    assert space.tidy() == 1
    assert {state.blob for state in home.blobs.listed()} == {named, inner, listed.id, pinned}
    assert lone not in {state.blob for state in home.blobs.listed()}
    home.shelf.drop_body(entry.id)
    assert space.tidy() == 2
    assert {state.blob for state in home.blobs.listed()} == {named, pinned}


def test_strays_of_a_crash_are_swept_once(home: Home, space: Space):
    home.blobs.put_chunk(chunk_id(b"stray"), b"stray")
    space.tidy()
    assert home.blobs.used_bytes() == 0


def test_settings_that_cannot_be_read_leave_the_defaults(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    space = Queries(home).sharing.space
    before = space.quotas()
    home.paths.config.write_text("files_gib = 3\n")
    assert space.quotas().all_bytes == 3 * 2**30
    for text in ("files_gib = 0\n", "not toml"):
        home.paths.config.write_text(text)
        assert space.quotas() == before
