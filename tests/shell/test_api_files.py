"""Files through the api: shared, listed, fetched, saved, pinned and dropped, and what is refused."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from gossip.net.memory import MemoryNet
from node.apps.feed import bodies as feed
from node.apps.files import bodies
from node.apps.files.bodies import FOLDER_MEDIA_TYPE, SharedFile
from node.doors.control.protocol import Json
from node.errors import Ambiguous, BadData, Conflict, DiskFull, Missing, Refused, TextTooLarge, Unavailable
from node.queries import Queries
from node.sharing.quotas import Quotas
from node.sharing.space import Space
from node.signing import Intent
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from store.blobs import CHUNK_BYTES, Manifest, chunk_id
from store.codec import encode
from store.entry import SALT_BYTES
from store.ids import LOG_FEED, LOG_FILES, from_text, to_text

DEADLINE_S = 60


@asynccontextmanager
async def alone() -> AsyncIterator[Node]:
    with temporary_home("alice") as home, trio.fail_after(DEADLINE_S):
        async with running(home) as node:
            yield node


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that know each other."""
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as first, temporary_home("bob") as second:
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(first, net) as alice, running(second, net) as bob:
                await bob.api.peer_add(address=alice.address)
                await alice.api.peer_add(address=bob.address)
                yield alice, bob
            nursery.cancel_scope.cancel()


async def add(node: Node, path: Path | str, **given: object) -> Json:
    events = [event async for event in node.api.sharing.file_add(str(path), **given)]  # type: ignore[arg-type]
    assert all(event["event"] == "reading" for event in events[:-1])
    assert events[-1]["event"] == "result"
    return events[-1]


async def get(node: Node, file: str, out: Path | str, **given: object) -> Json:
    events = [event async for event in node.api.sharing.file_get(file, str(out), **given)]  # type: ignore[arg-type]
    assert events[-1]["event"] == "result"
    return events[-1]


async def names(node: Node, **given: object) -> list[str]:
    return [file["name"] for file in (await node.api.sharing.file_list(**given))["files"]]  # type: ignore[arg-type]


async def publish(node: Node, shared: SharedFile) -> str:
    """Share what a careful node would not."""
    body = bodies.compose(shared, os.urandom(SALT_BYTES))
    [entry] = await node.author.write(LOG_FILES, [Intent(body)])
    return to_text(entry.id)


def of_blob(name: str, blob: bytes, size: int, *, folder: bool = False) -> SharedFile:
    media_type = FOLDER_MEDIA_TYPE if folder else "text/plain"
    return SharedFile(name, media_type, size, blob, folder, "", "", (), False)


async def hold(node: Node, content: bytes) -> Manifest:
    """Keep a blob at a node without sharing it."""
    attached = await node.api.sharing.keep(content, "kept")
    manifest = node.home.blobs.manifest(attached.blob)
    assert manifest is not None
    return manifest


async def test_a_file_is_shared_listed_and_saved(tmp_path: Path):
    (tmp_path / "minutes.txt").write_bytes(b"said " * 100_000)
    async with alone() as node:
        said = {"description": "Of Monday", "language": "en", "tags": ["#Minutes"], "public": True}
        added = await add(node, tmp_path / "minutes.txt", **said)
        assert (added["name"], added["size"], added["media_type"]) == ("minutes.txt", 500_000, "text/plain")
        assert (added["held"], added["pinned"], added["tags"]) == ("all", True, ["minutes"])
        assert (added["log"], added["seq"]) == ("files", 1)
        assert (added["left_out"], added["left_out_count"]) == ([], 0)
        [listed] = (await node.api.sharing.file_list(tag="Minutes"))["files"]
        assert listed == {key: value for key, value in added.items() if key in listed}
        assert await names(node, search="monday") == ["minutes.txt"]
        assert await names(node, search="tuesday") == []
        saved = await get(node, "minutes.txt", tmp_path / "again.txt")
        assert (saved["path"], saved["bytes"]) == (str(tmp_path / "again.txt"), 500_000)
        assert (tmp_path / "again.txt").read_bytes() == b"said " * 100_000
        with pytest.raises(Conflict):
            await get(node, added["id"][:12], tmp_path / "again.txt")
        await get(node, added["blob"], tmp_path / "again.txt", force=True)


async def test_a_folder_is_shared_and_saved_as_it_was(tmp_path: Path):
    folder = tmp_path / "Photos"
    (folder / "day 1").mkdir(parents=True)
    (folder / "day 1" / "a.jpg").write_bytes(b"a" * 300_000)
    (folder / "list.txt").write_bytes(b"one\n")
    (folder / "link").symlink_to("/etc/passwd")
    async with alone() as node:
        added = await add(node, folder)
        assert (added["folder"], added["files"], added["size"]) == (True, 2, 300_004)
        assert [each["path"] for each in added["left_out"]] == ["link"]
        shown = await node.api.sharing.file_show("Photos")
        assert [(each["path"], each["held"]) for each in shown["contents"]] == [
            ("day 1/a.jpg", "all"),
            ("list.txt", "all"),
        ]
        (tmp_path / "out").mkdir()
        saved = await get(node, "Photos", tmp_path / "out")
        assert (saved["path"], saved["files"]) == (str(tmp_path / "out" / "Photos"), 2)
        assert (tmp_path / "out" / "Photos" / "day 1" / "a.jpg").read_bytes() == b"a" * 300_000
        assert await names(node, folders=True) == ["Photos"]


async def test_what_was_replaced_is_not_listed_and_its_name_means_the_new_one(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    async with alone() as node:
        old = await add(node, tmp_path / "one", name="plan.txt")
        new = await add(node, tmp_path / "two", name="plan.txt", replaces=["plan.txt"])
        [listed] = (await node.api.sharing.file_list())["files"]
        assert listed["id"] == new["id"]
        both = (await node.api.sharing.file_list(replaced=True))["files"]
        assert [(each["id"], each["replaced_by"]) for each in both] == [
            (new["id"], None),
            (old["id"], new["id"]),
        ]
        assert (await node.api.sharing.file_show("plan.txt"))["id"] == new["id"]
        await add(node, tmp_path / "one", name="plan.txt")
        with pytest.raises(Ambiguous):
            await node.api.sharing.file_show("plan.txt")


async def test_lists_come_in_pages(tmp_path: Path):
    async with alone() as node:
        for number in range(5):
            (tmp_path / f"{number}").write_text(f"{number}")
            await add(node, tmp_path / f"{number}")
        first = (await node.api.sharing.file_list(limit=2))["files"]
        assert [each["name"] for each in first] == ["4", "3"]
        assert await names(node, limit=2, before=first[-1]["id"]) == ["2", "1"]
        assert await names(node, author="alice", limit=0) == []


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": "a/b"}, BadData),
        ({"name": ".."}, BadData),
        ({"tags": ["two words"]}, BadData),
        ({"media_type": "none"}, BadData),
        ({"language": "not a tag"}, BadData),
        ({"description": "x" * 4_001}, TextTooLarge),
        ({"description": "\x1b[2J"}, BadData),
        ({"replaces": ["nothing"]}, Missing),
    ],
)
async def test_what_breaks_a_rule_is_refused_and_nothing_is_published(
    tmp_path: Path, given: Json, refusal: type[Exception]
):
    (tmp_path / "a").write_text("a")
    async with alone() as node:
        with pytest.raises(refusal):
            await add(node, tmp_path / "a", **given)
        assert await names(node) == []


async def test_a_disk_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Space, "quotas", lambda self: Quotas(1_000_000, 1, 1))
    (tmp_path / "small").write_bytes(os.urandom(600_000))
    (tmp_path / "large").write_bytes(os.urandom(600_001))
    async with alone() as node:
        await add(node, tmp_path / "small")
        with pytest.raises(DiskFull, match="1,000,000"):
            await add(node, tmp_path / "large")
        assert await names(node) == ["small"]


async def test_what_is_unpinned_and_was_unused_goes_when_room_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Space, "quotas", lambda self: Quotas(1_000_000, 1, 1))
    monkeypatch.setattr("node.sharing.space.USED_KEPT_MS", -1)
    for name in "abc":
        (tmp_path / name).write_bytes(os.urandom(450_000))
    async with alone() as node:
        for name in "ab":
            await add(node, tmp_path / name)
        assert (await node.api.sharing.file_unpin("a"))["pinned"] is False
        await add(node, tmp_path / "c")
        held = {each["name"]: each["held"] for each in (await node.api.sharing.file_list())["files"]}
        assert held == {"a": "none", "b": "all", "c": "all"}
        assert (await node.api.sharing.file_usage())["pinned_bytes"] == 900_000


async def test_dropping_frees_the_room_and_keeps_the_entry(tmp_path: Path):
    (tmp_path / "f").mkdir()
    for name in "ab":
        (tmp_path / "f" / name).write_bytes(os.urandom(50_000))
    async with alone() as node:
        await add(node, tmp_path / "f")
        await add(node, tmp_path / "f" / "a")
        with pytest.raises(Refused, match="yourself"):
            await node.api.sharing.file_drop("f")
        dropped = await node.api.sharing.file_drop("f", force=True)
        assert (dropped["held"], dropped["freed_bytes"] > 50_000) == ("none", True)
        assert (await node.api.sharing.file_show("a"))["held"] == "all"
        assert sorted(await names(node)) == ["a", "f"]
        with pytest.raises(Missing):
            await node.api.sharing.file_pin("f")


async def test_attachments_are_kept_and_not_published(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"png")
    async with alone() as node:
        attached = await node.api.sharing.attach(str(tmp_path / "a.png"))
        assert attached[1:] == ("a.png", "image/png", 3)
        state = node.home.blobs.state(attached.blob)
        assert state is not None
        assert state.pinned
        assert await names(node) == []
        for path in (tmp_path, tmp_path / "nothing", "relative"):
            with pytest.raises((BadData, Missing)):
                await node.api.sharing.attach(str(path))


async def test_whoever_goes_away_while_a_file_is_read_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("node.sharing.pacing.STEP_S", 0)
    (tmp_path / "large").write_bytes(os.urandom(4 * CHUNK_BYTES))
    async with alone() as node:
        steps = node.api.sharing.file_add(str(tmp_path / "large"))
        assert (await anext(steps))["event"] == "reading"
        await steps.aclose()
        assert node.home.blobs.listed() == []
        assert await names(node) == []


async def test_files_are_fetched_from_another_node_and_saved(tmp_path: Path):
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "a").write_bytes(os.urandom(700_000))
    (tmp_path / "f" / "sub" / "b").write_bytes(b"bee")
    async with pair() as (alice, bob):
        shared = await add(alice, tmp_path / "f")
        await bob.api.wait(30, id=shared["id"])
        shown = await bob.api.sharing.file_show("f")
        assert (shown["held"], shown["contents"], shown["files"]) == ("none", None, 2)
        saved = await get(bob, "f", tmp_path / "out", timeout_s=30)
        assert saved["files"] == 2
        for path in ("a", "sub/b"):
            assert (tmp_path / "out" / path).read_bytes() == (tmp_path / "f" / path).read_bytes()
        shown = await bob.api.sharing.file_show("f")
        assert (shown["held"], shown["pinned"]) == ("all", False)
        await bob.api.sharing.file_drop("f")
        assert (await bob.api.sharing.file_show("f"))["held"] == "none"


async def test_what_nobody_has_is_waited_for_only_so_long(tmp_path: Path):
    async with alone() as node:
        await publish(node, of_blob("gone", b"g" * 32, 5))
        with pytest.raises(Unavailable):
            await get(node, "gone", tmp_path, timeout_s=0.2)
        assert os.listdir(tmp_path) == []


async def test_an_attachment_is_got_by_its_blob(tmp_path: Path):
    (tmp_path / "poster.pdf").write_bytes(b"poster")
    async with pair() as (alice, bob):
        posted = await alice.api.social.post("The poster", attach=[str(tmp_path / "poster.pdf")])
        await bob.api.wait(30, id=posted["id"])
        [shown] = [each async for each in bob.api.social.read()]
        blob = shown["attachments"][0]["blob"]
        (tmp_path / "got").mkdir()
        saved = await get(bob, blob[:10], tmp_path / "got", timeout_s=30)
        assert (saved["name"], saved["id"]) == ("poster.pdf", posted["id"])
        assert (tmp_path / "got" / "poster.pdf").read_bytes() == b"poster"
        assert (await bob.api.sharing.file_pin(blob))["pinned"] is True
        assert (await bob.api.sharing.file_drop(blob))["held"] == "none"
        with pytest.raises(Missing):
            await bob.api.sharing.file_show("poster.pdf")


# --- what a hostile author shares ---------------------------------------------------------------------

CLIMBING = {
    "up": ("../escaped", 3),
    "root": ("/escaped", 3),
    "inside and up": ("a/../../escaped", 3),
    "backslash": ("..\\escaped", 3),
    "drive": ("C:/escaped", 3),
    "hidden end": ("escaped\0.txt", 3),
    "dots": ("..", 3),
}


@pytest.mark.parametrize(("path", "size"), CLIMBING.values(), ids=CLIMBING)
async def test_a_path_that_climbs_out_is_refused_and_nothing_is_written(tmp_path: Path, path: str, size: int):
    async with alone() as node:
        inner = await hold(node, b"evil"[:size])
        listed = await hold(node, encode((1, ((path, size, inner.id),))))
        await publish(node, of_blob("trap", listed.id, listed.size, folder=True))
        with pytest.raises(BadData, match="breaks a rule"):
            await get(node, "trap", tmp_path / "out")
        assert os.listdir(tmp_path) == []
        shown = await node.api.sharing.file_show("trap")
        assert shown["contents"] is None
        assert "breaks a rule" in shown["fault"]
        assert (await node.api.sharing.file_usage())["blobs"] == 2


@pytest.mark.parametrize("name", ["..", ".", "con", "a:b", "a\\..\\b"])
async def test_an_attachment_with_a_name_that_climbs_out_gets_another(tmp_path: Path, name: str):
    async with alone() as node:
        content = await hold(node, b"evil")
        attachment = feed.Attachment(content.id, name, "text/plain", 4)
        body = feed.compose(feed.Post("look", "en", attachments=(attachment,)), os.urandom(SALT_BYTES))
        await node.author.write(LOG_FEED, [Intent(body)])
        saved = await get(node, to_text(content.id), tmp_path)
        assert os.listdir(tmp_path) == [f"file-{to_text(content.id)[:10]}"]
        assert saved["path"] == str(tmp_path / os.listdir(tmp_path)[0])


async def test_a_folder_whose_list_is_no_list_is_refused(tmp_path: Path):
    async with alone() as node:
        listed = await hold(node, b"\xc1 no list at all")
        await publish(node, of_blob("trap", listed.id, listed.size, folder=True))
        with pytest.raises(BadData, match="breaks a rule"):
            await get(node, "trap", tmp_path / "out")
        assert os.listdir(tmp_path) == []


async def test_sizes_that_lie_are_refused_when_saving(tmp_path: Path):
    async with alone() as node:
        content = await hold(node, b"twelve bytes")
        await publish(node, of_blob("lie", content.id, 5))
        with pytest.raises(BadData, match="12 bytes"):
            await get(node, "lie", tmp_path / "out")
        listed = await hold(node, encode((1, (("a", 5, content.id),))))
        await publish(node, of_blob("lying folder", listed.id, listed.size, folder=True))
        with pytest.raises(BadData, match="12 bytes"):
            await get(node, "lying folder", tmp_path / "out")
        assert os.listdir(tmp_path) == []


async def test_a_folder_of_huge_files_is_refused_before_anything_is_fetched(tmp_path: Path):
    async with alone() as node:
        chunk = chunk_id(b"x" * CHUNK_BYTES)
        huge = Manifest(CHUNK_BYTES * 65_536, (chunk,) * 65_536)
        files = tuple((f"{n:03}", huge.size, bytes([n]) * 32) for n in range(200))
        listed = await hold(node, encode((1, files)))
        await publish(node, of_blob("bomb", listed.id, listed.size, folder=True))
        with pytest.raises(DiskFull):
            await get(node, "bomb", tmp_path / "out", timeout_s=1)
        assert os.listdir(tmp_path) == []


async def test_without_a_daemon_what_is_here_can_be_saved_pinned_and_dropped(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"ay")
    with temporary_home("alice") as home:
        with trio.fail_after(DEADLINE_S):
            async with running(home) as node:
                added = await add(node, tmp_path / "a")
                await publish(node, of_blob("gone", b"g" * 32, 5))
        sharing = Queries(home).sharing
        [saved] = [
            event for event in sharing.file_get("a", str(tmp_path / "out")) if event["event"] == "result"
        ]
        assert saved["path"] == str(tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"ay"
        assert sharing.file_unpin("a")["pinned"] is False
        with pytest.raises(Missing, match="no daemon"):
            list(sharing.file_get("gone", str(tmp_path / "gone")))
        assert sharing.file_drop("a", force=True)["held"] == "none"
        assert home.blobs.manifest(from_text(added["blob"])) is None
