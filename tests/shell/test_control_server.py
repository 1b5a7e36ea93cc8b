"""The control server against clients that are slow, broken or gone; memory streams, virtual time."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from node.doors.control.protocol import MAX_CONNECTIONS, MAX_REQUEST_BYTES, REQUEST_TIMEOUT_S, SEND_TIMEOUT_S
from node.doors.control.server import Server
from node.errors import Missing


class FakeDoor:
    """Answers what the tests need and notes what became of its streams."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        self.ended: list[str] = []
        self.waiting = trio.Event()

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "post":
            self.posted.append(params["text"])
            return {"id": "x"}
        if method == "doc/show":
            raise Missing("There is no such document.", "See: aster doc list")
        if method == "wait":
            try:
                self.waiting.set()
                await trio.sleep_forever()
            finally:
                self.ended.append("wait")
        raise RuntimeError("a fault of ours")

    async def stream(self, method: str, params: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        try:
            if method == "log/show":
                raise Missing("There is no such log.")
            for number in range(params.get("limit", 3)):
                yield {"number": number, "padding": "x" * 1000}
            if method == "check":
                raise RuntimeError("a fault of ours")
            self.waiting.set()
            if params.get("follow"):
                await trio.sleep_forever()
        finally:
            self.ended.append(method)


class Asked:
    """A client at the other end of a memory stream."""

    def __init__(self, stream: trio.StapledStream[Any, Any]) -> None:
        self.stream = stream

    async def send(self, method: str, body: bytes, version: str = "1.0") -> None:
        head = f"POST /1/{method} HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        await self.stream.send_all(head.encode() + body)

    async def answer(self) -> tuple[int, list[Any]]:
        data = b""
        while piece := await self.stream.receive_some(4096):
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), [json.loads(line) for line in body.splitlines()]


@asynccontextmanager
async def ask(server: Server) -> AsyncIterator[Asked]:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.answer, theirs)
        yield Asked(ours)


async def test_a_call_is_answered_and_the_connection_closed(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    async with ask(Server(door)) as asked:
        await asked.send("post", b'{"text": "hello"}')
        assert await asked.answer() == (200, [{"id": "x"}])
    assert door.posted == ["hello"]


async def test_a_stream_is_answered_one_object_a_line(autojump_clock: trio.testing.MockClock) -> None:
    async with ask(Server(FakeDoor())) as asked:
        await asked.send("read", b'{"limit": 2}')
        status, lines = await asked.answer()
    assert status == 200
    assert [line["number"] for line in lines] == [0, 1]


@pytest.mark.parametrize(
    ("method", "body", "status", "code"),
    [
        ("doc/show", b'{"name": "a"}', 404, "not-found"),
        ("log/show", b'{"author": "a", "log": "feed"}', 404, "not-found"),
        ("frobnicate", b"{}", 404, "unknown-method"),
        ("post", b"{}", 400, "bad-request"),
        ("post", b"{not json", 400, "bad-request"),
        ("post", b'{"text": "\\udcff"}', 400, "bad-data"),
        ("status", b"{}", 500, "internal"),
    ],
)
async def test_an_error_has_its_status_and_code(
    method: str, body: bytes, status: int, code: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with ask(Server(FakeDoor())) as asked:
        await asked.send(method, body)
        answered, lines = await asked.answer()
    assert (answered, lines[0]["error"]["code"]) == (status, code)


async def test_a_fault_in_the_middle_of_a_stream_is_its_last_line(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with ask(Server(FakeDoor())) as asked:
        await asked.send("check", b"{}")
        status, lines = await asked.answer()
    assert status == 200
    assert lines[2]["number"] == 2
    assert lines[3]["error"]["code"] == "internal"


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00garbage\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 40_000]
)
async def test_noise_is_answered_with_an_error(noise: bytes, autojump_clock: trio.testing.MockClock) -> None:
    async with ask(Server(FakeDoor())) as asked:
        await asked.stream.send_all(noise)
        status, lines = await asked.answer()
    assert status in (400, 404)
    assert "error" in lines[0]


async def test_a_request_over_the_limit_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    async with ask(Server(door)) as asked:
        await asked.send("post", b" " * (MAX_REQUEST_BYTES + 1))
        status, lines = await asked.answer()
    assert (status, lines[0]["error"]["code"]) == (413, "too-large")
    assert door.posted == []


async def test_a_client_that_never_asks_is_dropped_in_time(autojump_clock: trio.testing.MockClock) -> None:
    async with ask(Server(FakeDoor())) as asked:
        await asked.stream.send_all(b"POST /1/post HT")
        assert await asked.stream.receive_some(100) == b""
    assert trio.current_time() >= REQUEST_TIMEOUT_S


async def test_a_client_that_takes_nothing_is_dropped_in_time(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Server(door).answer, theirs)
        await Asked(ours).send("read", b"{}")
    assert door.ended == ["read"]
    assert trio.current_time() >= SEND_TIMEOUT_S


async def test_a_stream_ends_when_its_client_goes_away(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    async with ask(Server(door)) as asked:
        await asked.send("read", b'{"follow": true}')
        await door.waiting.wait()
        await asked.stream.aclose()
    assert door.ended == ["read"]


async def test_a_wait_ends_when_its_client_goes_away(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    async with ask(Server(door)) as asked:
        await asked.send("wait", b'{"timeout_s": 60}')
        await door.waiting.wait()
        await asked.stream.aclose()
    assert door.ended == ["wait"]


async def test_a_follower_is_told_when_the_daemon_ends(autojump_clock: trio.testing.MockClock) -> None:
    door = FakeDoor()
    server = Server(door)
    async with ask(server) as asked:
        await asked.send("read", b'{"follow": true}')
        await door.waiting.wait()
        server.stop()
        status, lines = await asked.answer()
    assert status == 200
    assert lines[-1]["error"]["code"] == "unavailable"


async def test_more_clients_than_places_wait_and_the_others_go_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    server = Server(FakeDoor())
    async with trio.open_nursery() as nursery:
        idle = []
        for _ in range(MAX_CONNECTIONS):
            ours, theirs = trio.testing.memory_stream_pair()
            idle.append(ours)
            nursery.start_soon(server.answer, theirs)
        await trio.testing.wait_all_tasks_blocked()
        async with ask(server) as asked:
            await asked.send("post", b'{"text": "patient"}')
            await trio.testing.wait_all_tasks_blocked()
            await idle[0].aclose()
            assert await asked.answer() == (200, [{"id": "x"}])
