"""The server of the control door: one connection, one request, one answer.

h11 parses; this room bounds what a client may take of us: connections, time, bytes. Whatever a client
does ends its own request and nothing else. What the methods do is the door's matter (`Door`).
"""

import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, Protocol, TypeVar

import h11
import trio

from node.doors.control.protocol import (
    MAX_CONNECTIONS,
    MAX_REQUEST_BYTES,
    PATH_PREFIX,
    REQUEST_TIMEOUT_S,
    SEND_TIMEOUT_S,
    Json,
    check_parameters,
    error_answer,
    find_method,
    read_object,
    write_object,
)
from node.errors import BadRequest, Fault, NodeError, TextTooLarge, Unavailable

_log = logging.getLogger(__name__)

GRACE_S: Final = 2.0
"""How long answers may still go out when the daemon ends."""

_T = TypeVar("_T")

_MAX_HEAD_BYTES: Final = 16_384
_RECEIVE_BYTES: Final = 65_536
_LINES_AHEAD: Final = 64
"""Lines of a stream that wait for the client: some kB as a rule, 13 MB of the largest texts."""


class Door(Protocol):
    """What the methods do. Parameters were checked for their types; errors are `NodeError`s."""

    async def call(self, method: str, params: Json) -> Json:
        """Answer a method with one object."""
        ...

    def stream(self, method: str, params: Json) -> AsyncGenerator[Json, None]:
        """Answer a method with one object a line."""
        ...


class Server:
    """Serves a `Door` until it is told to stop."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._slots = trio.CapacityLimiter(MAX_CONNECTIONS)
        self._stopping = trio.Event()
        self.stopped = trio.Event()
        """Set when `serve` has returned."""

    async def serve(self, listener: trio.SocketListener) -> None:
        """Serve connections of `listener`, which is closed at the end; returns after `stop`.

        Who connects before this runs waits in the listener's queue. Answers under way get `GRACE_S`
        to go out.
        """
        async with listener, trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:

                async def accept() -> None:
                    await trio.serve_listeners(self.answer, [listener], handler_nursery=connections)

                accepting.start_soon(accept)
                await self._stopping.wait()
                accepting.cancel_scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + GRACE_S
        self.stopped.set()

    def stop(self) -> None:
        """Take no more requests and end the streams."""
        self._stopping.set()

    async def answer(self, stream: trio.abc.Stream) -> None:
        """Answer the one request that comes over `stream`, and close it. Raises nothing of a client's."""
        async with stream:
            try:
                with trio.fail_after(REQUEST_TIMEOUT_S):
                    await self._slots.acquire()
            except trio.TooSlowError:
                return  # 64 others have held their places for so long; the client sees a cut answer
            try:
                await _Exchange(stream, self._door, self._stopping).run()
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
                _log.debug("a client of the control door went away")
            except trio.TooSlowError:
                _log.info("a client of the control door was too slow")
            except Exception:  # noqa: BLE001  a fault in one request must not end the daemon
                _log.exception("a request of the control door failed")
            finally:
                self._slots.release()


class _Exchange:
    """One request and its answer."""

    def __init__(self, stream: trio.abc.Stream, door: Door, stopping: trio.Event) -> None:
        self._stream = stream
        self._door = door
        self._stopping = stopping
        self._cut = False
        """A send was cut short; nothing sensible can follow on this connection."""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)

    async def run(self) -> None:
        """Read the request, answer it, and leave the connection to be closed."""
        try:
            with trio.fail_after(REQUEST_TIMEOUT_S):
                name, params = await self._read()
            if find_method(name).streaming:
                await self._stream_answer(name, params)
                return
            if find_method(name).waits:
                answer = await self._watched(lambda: self._call(name, params))
            else:
                answer = await self._call(name, params)
        except NodeError as error:
            await self._answer(*error_answer(error))
        except h11.RemoteProtocolError as error:
            await self._answer(*error_answer(BadRequest(f"This is no HTTP request: {error}.")))
        else:
            await self._answer(*(answer or error_answer(_ending())))

    async def _read(self) -> tuple[str, Json]:
        """The method and its checked parameters."""
        request = await self._next()
        if not isinstance(request, h11.Request):
            raise trio.BrokenResourceError  # the client closed before it asked
        body = b""
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > MAX_REQUEST_BYTES:
                raise TextTooLarge(f"A request has at most {MAX_REQUEST_BYTES:,} bytes.")
        target = request.target.decode("latin-1")
        if request.method != b"POST":
            raise BadRequest("Methods are asked for with POST.")
        name = target.removeprefix(PATH_PREFIX) if target.startswith(PATH_PREFIX) else target
        return name, check_parameters(name, read_object(body))

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._stream.receive_some(_RECEIVE_BYTES))
        return event

    async def _call(self, name: str, params: Json) -> tuple[int, Json]:
        try:
            return 200, await self._door.call(name, params)
        except NodeError as error:
            return error_answer(error)
        except Exception:  # noqa: BLE001  ours: the log has it, the client is told, the daemon goes on
            _log.exception("the method %s failed", name)
            return error_answer(Fault())

    async def _answer(self, status: int, value: Json) -> None:
        body = write_object(value) + b"\n"
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        await self._send(h11.Response(status_code=status, headers=headers))
        await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _stream_answer(self, name: str, params: Json) -> None:
        """One object a line until the method ends, the client goes away, or the daemon ends.

        Lines that come at once are sent at once. The head is sent with the first line, so that what is
        wrong from the start gets its own status.
        """
        send, receive = trio.open_memory_channel[bytes](_LINES_AHEAD)
        failures: list[NodeError] = []
        producing = trio.CancelScope()

        async def produce() -> None:
            with send, producing:
                try:
                    async with aclosing(self._door.stream(name, params)) as answers:
                        async for answer in answers:
                            await _put(send, write_object(answer) + b"\n")
                except NodeError as error:
                    failures.append(error)
                except Exception:  # noqa: BLE001  as in `_call`
                    _log.exception("the method %s failed", name)
                    failures.append(Fault())

        async def consume() -> None:
            async for line in receive:
                await self._lines(line + _take_all(receive))

        await self._watched(consume, produce, producing)
        if producing.cancelled_caught:
            failures.append(_ending())
        if failures:
            await self._end_badly(failures[0])
        else:
            await self._begin()
            await self._send(h11.EndOfMessage())

    async def _end_badly(self, error: NodeError) -> None:
        if self._cut:
            return
        status, value = error_answer(error)
        if self._http.our_state is h11.SEND_RESPONSE:
            await self._answer(status, value)
            return
        await self._lines(write_object(value) + b"\n")
        await self._send(h11.EndOfMessage())

    async def _lines(self, lines: bytes) -> None:
        await self._begin()
        await self._send(h11.Data(data=lines))

    async def _begin(self) -> None:
        if self._http.our_state is h11.SEND_RESPONSE:
            headers = [("Content-Type", "application/x-ndjson"), ("Connection", "close")]
            await self._send(h11.Response(status_code=200, headers=headers))

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._cut = True
            with trio.fail_after(SEND_TIMEOUT_S):
                await self._stream.send_all(data)
            self._cut = False

    async def _watched(
        self,
        work: Callable[[], Awaitable[_T]],
        beside: Callable[[], Awaitable[None]] | None = None,
        scope: trio.CancelScope | None = None,
    ) -> _T | None:
        """Do `work` while the client is there; None where the daemon ends before it is done.

        `beside` runs with it and raises nothing. Where the daemon ends only `scope` is cancelled, if given.

        Raises: trio.BrokenResourceError: the client went away.
        """
        result: _T | None = None
        failure: Exception | None = None
        left = False

        async def notice_departure() -> None:
            nonlocal left
            with contextlib.suppress(trio.BrokenResourceError):
                while await self._stream.receive_some(_RECEIVE_BYTES):
                    pass  # it has asked; what it says beyond that counts for nothing
            left = True
            nursery.cancel_scope.cancel()

        async def notice_ending() -> None:
            await self._stopping.wait()
            (scope or nursery.cancel_scope).cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(notice_departure)
            nursery.start_soon(notice_ending)
            if beside is not None:
                nursery.start_soon(beside)
            try:
                result = await work()
            except Exception as error:  # noqa: BLE001  raised again below: the nursery would group it
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if left:
            raise trio.BrokenResourceError
        return result


async def _put(channel: trio.MemorySendChannel[bytes], line: bytes) -> None:
    """Queue a line; waits, and lets others run, only where the queue is full."""
    try:
        channel.send_nowait(line)
    except trio.WouldBlock:
        await channel.send(line)


def _take_all(channel: trio.MemoryReceiveChannel[bytes]) -> bytes:
    """Everything that is queued."""
    taken = []
    with contextlib.suppress(trio.WouldBlock, trio.EndOfChannel):
        while True:
            taken.append(channel.receive_nowait())
    return b"".join(taken)


def _ending() -> Unavailable:
    return Unavailable("The daemon has been told to end.", "Start it again with: aster run")
