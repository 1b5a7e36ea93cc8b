"""The control client over real Unix sockets, against our server and against servers that die."""

import os
import socket
import stat
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from node.doors.control.client import Client, NoDaemon, socket_path
from node.doors.control.listener import bind, remove
from node.doors.control.server import Server
from node.errors import Missing, TextTooLarge, Unavailable
from node.paths import Paths

DEADLINE_S = 60


class EchoDoor:
    """Answers with what it was asked."""

    def __init__(self) -> None:
        self.followers = 0
        self.left = trio.Event()

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "doc/show":
            raise Missing("There is no such document.", "See: aster doc list")
        return {"method": method, **params}

    async def stream(self, method: str, params: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        self.followers += 1
        try:
            for number in range(params.get("limit", 3)):
                yield {"number": number, "padding": "é" * 300}
            if method == "log/show":
                raise Missing("It went away.")
            if params.get("follow"):
                await trio.sleep_forever()
        finally:
            self.followers -= 1
            self.left.set()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@asynccontextmanager
async def served(paths: Paths, door: EchoDoor) -> AsyncIterator[Server]:
    server = Server(door)
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, bind(paths))
            yield server
            server.stop()
    remove(paths)


async def test_a_call_comes_back_with_its_answer(paths: Paths) -> None:
    async with served(paths, EchoDoor()):
        answer = await trio.to_thread.run_sync(Client(paths).call, "post", {"text": "привет"})
    assert answer == {"method": "post", "text": "привет"}


async def test_a_large_answer_comes_whole(paths: Paths) -> None:
    text = "x" * 1_000_000
    async with served(paths, EchoDoor()):
        answer = await trio.to_thread.run_sync(Client(paths).call, "post", {"text": text})
    assert answer["text"] == text


async def test_an_error_is_raised_as_itself(paths: Paths) -> None:
    async with served(paths, EchoDoor()):
        with pytest.raises(Missing, match="no such document") as caught:
            await trio.to_thread.run_sync(Client(paths).call, "doc/show", {"name": "a"})
    assert caught.value.advice == "See: aster doc list"


async def test_a_stream_comes_line_by_line(paths: Paths) -> None:
    async with served(paths, EchoDoor()):
        lines = await trio.to_thread.run_sync(lambda: list(Client(paths).stream("read", {"limit": 400})))
    assert [line["number"] for line in lines] == list(range(400))


async def test_an_error_in_the_middle_of_a_stream_is_raised_after_the_lines_before(paths: Paths) -> None:
    seen = []

    def read() -> None:
        for line in Client(paths).stream("log/show", {"author": "a", "log": "feed"}):
            seen.append(line["number"])

    async with served(paths, EchoDoor()):
        with pytest.raises(Missing, match="went away"):
            await trio.to_thread.run_sync(read)
    assert seen == [0, 1, 2]


async def test_a_closed_iterator_ends_the_stream_at_the_daemon(paths: Paths) -> None:
    door = EchoDoor()

    def read_one() -> int:
        lines = Client(paths).stream("read", {"follow": True})
        number: int = next(lines)["number"]
        lines.close()  # type: ignore[attr-defined]
        return number

    async with served(paths, door):
        assert await trio.to_thread.run_sync(read_one) == 0
        await door.left.wait()
        assert door.followers == 0


def test_without_a_daemon_the_error_says_so(paths: Paths) -> None:
    with pytest.raises(NoDaemon, match="No daemon runs"):
        Client(paths).call("status")


def test_the_socket_of_a_killed_daemon_counts_as_no_daemon(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(paths.control_socket))
    assert paths.control_socket.exists()
    with pytest.raises(NoDaemon):
        Client(paths).call("status")


async def test_the_socket_of_a_killed_daemon_is_replaced(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(paths.control_socket))
    async with served(paths, EchoDoor()):
        answer = await trio.to_thread.run_sync(Client(paths).call, "status")
    assert answer["method"] == "status"
    assert not paths.control_socket.exists()


async def test_the_socket_is_for_its_owner_alone(paths: Paths) -> None:
    async with served(paths, EchoDoor()):
        assert stat.S_IMODE(paths.control_socket.stat().st_mode) == 0o600


async def test_a_home_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    home.mkdir()
    paths = Paths(home)
    with pytest.raises(NoDaemon):
        Client(paths).call("status")
    async with served(paths, EchoDoor()):
        elsewhere = socket_path(paths)
        assert elsewhere != paths.control_socket
        assert stat.S_IMODE(os.stat(elsewhere).st_mode) == 0o600
        answer = await trio.to_thread.run_sync(Client(paths).call, "status")
    assert answer["method"] == "status"
    assert not elsewhere.exists()
    with pytest.raises(NoDaemon):
        Client(paths).call("status")


def test_a_request_over_the_limit_is_not_sent(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(paths.control_socket))
        listening.listen()
        with pytest.raises(TextTooLarge):
            Client(paths).call("post", {"text": "x" * 17_000_000})


CUT_ANSWERS = [
    b"",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{no",
    b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}\n",
    b"x" * 40_000,
]


@pytest.mark.parametrize("answer", CUT_ANSWERS)
@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_was_cut_off_is_an_error(answer: bytes, streaming: bool, paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(paths.control_socket))
        listening.listen()

        def die() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=die)
        thread.start()
        client = Client(paths, answer_timeout_s=DEADLINE_S)
        with pytest.raises(Unavailable, match="ended before"):
            list(client.stream("read")) if streaming else client.call("status")
        thread.join(DEADLINE_S)


def test_a_daemon_that_hangs_is_given_up(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(paths.control_socket))
        listening.listen()
        with pytest.raises(Unavailable, match="has not answered"):
            Client(paths, answer_timeout_s=0.05).call("status")
