"""Files in messages, archives and history between running nodes in one process."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio

from node.errors import BadData, Conflict, Missing, Unavailable, WrongPassphrase
from node.messaging import archive_api, attachments, history
from node.messaging.archive_api import ArchiveApi
from node.secrecy import streams
from node.secrecy.streams import LIGHT
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, meet
from node.testing.nodes import Node
from store.ids import from_text, to_text

ALICE, BOB = Citizen("Alice"), Citizen("Bob")
TOWN = found([inception("Lyon", [ALICE]), inception("Berlin", [BOB])])
WAIT_S = 60.0
PASSPHRASE = "several unusual words"

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases that cost nothing, and devices that look at once."""
    monkeypatch.setattr(ArchiveApi.__init__, "__defaults__", (LIGHT,))
    monkeypatch.setattr(history, "CLOSE_LOOK_S", 0.01)
    monkeypatch.setattr(history, "RETRY_S", 0.2)


@asynccontextmanager
async def town(*people: Citizen) -> AsyncIterator[list[Node]]:
    """Devices of members who know each other and are connected."""
    async with gathering(TOWN, *people) as nodes:
        await meet(*nodes)
        for node in nodes:
            for other in nodes:
                if other is not node:
                    node.mesh.peer_added(other.home.device, [other.address])
        while any(len(node.mesh.connected()) < len(nodes) - 1 for node in nodes):  # noqa: ASYNC110
            await trio.sleep(0.02)
        yield nodes


async def shown(stream: Any) -> list[Json]:
    return [each async for each in stream]


async def result(stream: Any) -> Json:
    """The last line of a stream, which says what came of it."""
    *_, last = await shown(stream)
    assert last["event"] == "result"
    return dict(last)


async def texts(node: Node, chat: str) -> list[str | None]:
    with suppress(Missing):
        return [each["text"] for each in await shown(node.api.messaging.chat_read(chat)) if each["id"]]
    return []


async def until(node: Node, look: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(WAIT_S):
        while True:
            news = node.api.messaging.courier.news
            if await look():
                return
            await news.wait()


async def until_said(node: Node, chat: str, text: str) -> None:
    async def look() -> bool:
        return text in await texts(node, chat)

    await until(node, look)


async def send(node: Node, chat: str, text: str, *files: Path) -> str:
    answer = await node.api.messaging.chat_send(chat, text, files=[str(file) for file in files] or None)
    return str(answer["id"])


async def test_a_file_arrives_as_it_was_and_nobody_between_sees_what_it_is(tmp_path: Path) -> None:
    content = os.urandom(100_000) + b"the plan of the kitchen"
    plan, empty = tmp_path / "plan.pdf", tmp_path / "empty"
    plan.write_bytes(content)
    empty.touch()
    out = tmp_path / "out"
    out.mkdir()
    async with town(ALICE, BOB) as (alice, bob):
        id = await send(alice, "Bob", "Here.", plan, empty)
        await until_said(bob, "Alice", "Here.")
        [message] = [each for each in await shown(bob.api.messaging.chat_read("Alice")) if each["id"] == id]
        assert [each["name"] for each in message["attachments"]] == ["plan.pdf", "empty"]
        assert message["attachments"][0]["media_type"] == "application/pdf"
        saved = await result(bob.api.archive.chat_save(id, str(out)))
        assert [each["bytes"] for each in saved["saved"]] == [len(content), 0]
        assert (out / "plan.pdf").read_bytes() == content
        assert (out / "empty").read_bytes() == b""
        blob = from_text(message["attachments"][0]["blob"])
        kept: list[bytes] = []
        bob.home.blobs.read(blob, kept.append)
        assert len(b"".join(kept)) == streams.sealed_bytes(len(content))
        assert b"kitchen" not in b"".join(kept)
        with pytest.raises(Conflict):
            await result(bob.api.archive.chat_save(id, str(out)))
        await result(bob.api.archive.chat_save(id, str(out), force=True))
        with pytest.raises(BadData, match="no folder"):
            await result(bob.api.archive.chat_save(id, str(tmp_path / "one"), force=True))
        assert sorted(os.listdir(out)) == ["empty", "plan.pdf"]


async def test_a_file_that_is_not_what_was_sent_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(bytes(200_000))
    out = tmp_path / "out"
    out.mkdir()
    async with town(ALICE) as [alice]:
        id = await send(alice, "Alice", "Note.", plan)
        monkeypatch.setattr(
            attachments, "opened_blob", lambda blobs, manifest, key, size: streams.opened(_Noise(), key, size)
        )
        with pytest.raises(BadData, match="cannot be opened"):
            await result(alice.api.archive.chat_save(id, str(out)))
        assert os.listdir(out) == []
        monkeypatch.undo()
        alice.home.blobs.drop_all(
            [from_text((await alice.api.messaging.chat_show(id))["attachments"][0]["blob"])]
        )
        with pytest.raises(Unavailable):
            await result(alice.api.archive.chat_save(id, str(out), timeout_s=0.1))
        bare = await send(alice, "Alice", "No file.")
        with pytest.raises(Missing, match="No file came"):
            await result(alice.api.archive.chat_save(bare, str(out)))


class _Noise:
    def read(self, size: int, /) -> bytes:
        return bytes(size)


async def test_files_of_messages_that_are_gone_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_api, "TIDY_EVERY_S", 0.01)
    for name in ("kept", "gone"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    async with town(ALICE) as [alice]:
        ids = {name: await send(alice, "Alice", name, tmp_path / name) for name in ("kept", "gone")}
        blobs = {
            name: from_text((await alice.api.messaging.chat_show(id))["attachments"][0]["blob"])
            for name, id in ids.items()
        }
        await alice.api.messaging.chat_delete([ids["gone"]])
        monkeypatch.setattr(attachments, "UNSENT_KEPT_MS", -1)
        with trio.fail_after(WAIT_S):
            while _is_pinned(alice, blobs["gone"]):  # noqa: ASYNC110  tidying has no event
                await trio.sleep(0.02)
        assert _is_pinned(alice, blobs["kept"])


def _is_pinned(node: Node, blob: bytes) -> bool:
    state = node.home.blobs.state(blob)
    return state is not None and state.pinned


async def test_an_archive_brings_back_what_was_said_and_nothing_twice(tmp_path: Path) -> None:
    file = tmp_path / "messages.aster"
    async with town(ALICE, BOB, ALICE) as (alice, bob, other):
        first = await send(alice, "Bob", "The first größte Nachricht.")
        await until_said(bob, "Alice", "The first größte Nachricht.")
        await send(bob, "Alice", "An answer.")
        await until_said(alice, "Bob", "An answer.")
        gone = await send(alice, "Bob", "A slip.")
        await alice.api.messaging.chat_delete([gone])
        await alice.api.messaging.chat_send("Bob", "Soon away.", expires_s=3_600)
        done = await result(alice.api.archive.chat_export(str(file), PASSPHRASE))
        assert done["messages"] >= 2
        assert "größte".encode() not in file.read_bytes()
        with pytest.raises(Conflict):
            await result(alice.api.archive.chat_export(str(file), PASSPHRASE))
        before = await texts(alice, "Bob")
        again = await result(alice.api.archive.chat_import(str(file), PASSPHRASE))
        assert again["messages"] == 0
        assert await texts(alice, "Bob") == before

        await until_said(other, "Bob", "Soon away.")  # nothing is on its way any more
        await until_said(other, "Bob", "An answer.")
        with other.home.database.write() as connection:
            for table in ("chat_messages", "chat_words", "chat_conversations"):
                connection.execute(f"DELETE FROM {table}").fetchall()
        came = await result(other.api.archive.chat_import(str(file), PASSPHRASE))
        assert came["messages"] == done["messages"]
        assert await texts(other, "Bob") == ["The first größte Nachricht.", "An answer."]
        hits = await shown(other.api.messaging.chat_search("grösste"))
        hits += await shown(other.api.messaging.chat_search("größte"))
        assert first in [hit["id"] for hit in hits]
        [line] = [each for each in await shown(other.api.messaging.chat_read("Bob")) if each["id"] == first]
        assert line["mine"]
        assert line["who"] == to_text(ALICE.root)
        assert (await result(other.api.archive.chat_import(str(file), PASSPHRASE)))["messages"] == 0


async def test_an_archive_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    file, cut, other = tmp_path / "messages.aster", tmp_path / "cut", tmp_path / "other"
    async with town(ALICE, BOB) as (alice, bob):
        for number in range(40):
            await send(alice, "Alice", f"Note {number} " + "of some length " * 150)
        await result(alice.api.archive.chat_export(str(file), PASSPHRASE))
        with pytest.raises(WrongPassphrase):
            await result(alice.api.archive.chat_import(str(file), "another one"))
        whole = file.read_bytes()
        cut.write_bytes(whole[:-200])
        with alice.home.database.write() as connection:
            connection.execute("DELETE FROM chat_messages").fetchall()
        with pytest.raises(BadData, match="cut short"):
            await result(alice.api.archive.chat_import(str(cut), PASSPHRASE))
        assert await texts(alice, "Alice") == []
        other.write_bytes(b"no archive at all")
        with pytest.raises(BadData, match="no file of messages"):
            await result(alice.api.archive.chat_import(str(other), PASSPHRASE))
        with pytest.raises(BadData, match="no file"):
            await result(alice.api.archive.chat_import(str(tmp_path), PASSPHRASE))
        with pytest.raises(Missing):
            await result(alice.api.archive.chat_import(str(tmp_path / "none"), PASSPHRASE))
        with pytest.raises(BadData, match="of another member"):
            await result(bob.api.archive.chat_import(str(file), PASSPHRASE))
        with pytest.raises(BadData, match="1 to"):
            await result(bob.api.archive.chat_export(str(tmp_path / "new"), ""))
        assert not (tmp_path / "new").exists()


async def test_a_new_device_gets_the_history_that_it_asked_for(tmp_path: Path) -> None:
    async with gathering(TOWN, ALICE, BOB, ALICE) as (alice, bob, late):
        await meet(alice, bob)
        await _connect(alice, bob)
        await send(alice, "Bob", "Long ago.")
        await until_said(bob, "Alice", "Long ago.")
        await send(bob, "Alice", "An answer.")
        await until_said(alice, "Bob", "An answer.")
        await alice.api.messaging.group_create("Kitchen", ["Bob"])
        await send(alice, "Kitchen", "Who cooks?")
        await _come_late(late, alice, bob)
        device = to_text(late.home.device)
        asked = await late.api.archive.chat_history_ask()
        assert asked["asked"]

        async def is_asked() -> bool:
            return bool((await alice.api.archive.chat_history())["wanted"])

        await until(alice, is_asked)
        given = await result(alice.api.archive.chat_history_give(device))
        assert given["device"] == device
        await until_said(late, "Bob", "Long ago.")
        assert await texts(late, "Bob") == ["Long ago.", "An answer."]
        assert (await alice.api.archive.chat_history())["wanted"] == []
        with pytest.raises(Missing):
            await result(alice.api.archive.chat_history_give(to_text(bob.home.device)))

        async def is_noted() -> bool:
            lines = await shown(late.api.messaging.chat_read("Bob"))
            return "history" in [each.get("notice") for each in lines]

        await until(late, is_noted)
        assert (await late.api.archive.chat_history())["offered"] == []

        async def is_in_the_group() -> bool:
            found = [each for each in await _conversations(late) if each["name"] == "Kitchen"]
            return [(each["state"], each["members"]) for each in found] == [("open", 2)]

        await until(late, is_in_the_group)
        assert await texts(late, "Kitchen") == ["Who cooks?"]


async def test_history_that_was_not_asked_for_waits() -> None:
    async with town(ALICE, ALICE) as (alice, late):
        await send(alice, "Alice", "A note.")
        with late.home.database.write() as connection:
            connection.execute("DELETE FROM chat_messages").fetchall()
        await result(alice.api.archive.chat_history_give(to_text(late.home.device)))

        async def is_offered() -> bool:
            return bool((await late.api.archive.chat_history())["offered"])

        await until(late, is_offered)
        assert not (await late.api.archive.chat_history())["asked"]
        assert await texts(late, "Alice") in ([], ["A note."])
        await late.api.archive.chat_history_ask()
        await until_said(late, "Alice", "A note.")


async def _come_late(late: Node, alice: Node, bob: Node) -> None:
    """A device meets the others, and its keys are known."""
    await meet(alice, bob, late)
    await _connect(alice, late)
    await _connect(bob, late)

    async def knows_keys() -> bool:
        with alice.home.entries.views() as views:
            keys = {each for (each,) in views.execute("SELECT device FROM chat_bundles")}
        return bytes(late.home.device) in keys

    await until(alice, knows_keys)


async def _conversations(node: Node) -> list[Json]:
    return list((await node.api.messaging.chat_list())["conversations"])


async def _connect(*nodes: Node) -> None:
    devices = {node.home.device for node in nodes}
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.mesh.peer_added(other.home.device, [other.address])
    with trio.fail_after(WAIT_S):
        while not all(  # noqa: ASYNC110  links have no event
            devices <= {node.home.device, *node.mesh.connected()} for node in nodes
        ):
            await trio.sleep(0.02)
