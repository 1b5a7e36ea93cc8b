"""Checks signatures for the loop: few of them on the spot, many in a process of their own.

A signature costs some 55 µs. On the loop, beside the writer's thread, each of them would also wait for the
interpreter's lock; a second process (`node.verifier`) has a lock of its own. It is started when there is
much to check and ends when there was nothing for a while. Where it cannot be started, or dies, everything
is checked on the loop, in slices.
"""

import logging
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import trio

from node.limits import (
    VERIFIER_HANG_S,
    VERIFIER_IDLE_S,
    VERIFIER_MIN_ENTRIES,
    VERIFIER_READ_BYTES,
    VERIFIER_REQUESTS,
    VERIFIER_REST_S,
    VERIFY_SLICE,
)
from store.entry import DOMAIN, Entry
from store.errors import BadSignature
from store.ids import NetworkId

_log = logging.getLogger(__name__)

_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from node.verifier import main; main()"
_COMMAND = (sys.executable, "-P", "-c", _CODE, str(Path(__file__).resolve().parents[1]))
"""Our own packages, wherever this one was imported from, and nothing from the current directory."""


class Check:
    """Entries that are being checked, and what came out."""

    __slots__ = ("answer", "done", "entries")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.done = trio.Event()
        self.answer = b""
        """One byte an entry; empty: to be checked on the loop."""


class Signatures:
    """Checks signatures of one network's entries. For the trio thread."""

    def __init__(self, network: NetworkId) -> None:
        self._network = network
        self._slice = 0
        self.at_rest = trio.Event()
        """Set while no process runs."""
        self.at_rest.set()
        self._is_serving = False
        self._waiting: deque[Check] = deque()
        self._sent: deque[Check] = deque()
        self._asked = trio.Event()

    def begin(self, entries: Sequence[Entry]) -> Check:
        """Begin to check entries; `wrong` tells what came out. Many are on their way at once."""
        check = Check(entries)
        if len(entries) >= VERIFIER_MIN_ENTRIES and self._is_serving:
            self._waiting.append(check)
            self._asked.set()
        else:
            check.done.set()
        return check

    async def wrong(self, check: Check) -> list[Entry]:
        """Those of the entries whose signature does not fit."""
        await check.done.wait()
        if check.answer:
            return [entry for entry, fits in zip(check.entries, check.answer, strict=True) if not fits]
        return [entry for entry in check.entries if not await self._fits(entry)]

    async def run(self) -> None:
        """Start the process when it is wanted, until cancelled."""
        try:
            while True:
                self._is_serving = True
                await self._wait_for_request()
                try:
                    is_well = await self._serve()
                except OSError as error:
                    _log.warning("signatures are checked without a process of their own: %s", error)
                    is_well = False
                if not is_well:
                    self._give_up()
                    await trio.sleep(VERIFIER_REST_S)
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Have those who wait check for themselves."""
        self._is_serving = False
        for request in (*self._sent, *self._waiting):
            request.done.set()
        self._sent.clear()
        self._waiting.clear()

    async def _fits(self, entry: Entry) -> bool:
        self._slice += 1
        if self._slice >= VERIFY_SLICE:
            self._slice = 0
            await trio.lowlevel.checkpoint()
        try:
            entry.check_signature(self._network)
        except BadSignature:
            return False
        return True

    async def _wait_for_request(self) -> None:
        while not self._waiting:
            self._asked = trio.Event()
            await self._asked.wait()

    async def _serve(self) -> bool:
        """Run the process until nothing was asked for a while; False: it broke.

        Raises:
            OSError: it cannot be started.
        """
        process = await trio.lowlevel.open_process(
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.at_rest = trio.Event()
        room = trio.Semaphore(VERIFIER_REQUESTS)
        is_well = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._receive, process.stdout, room, nursery.cancel_scope)
                is_well = await self._send(process.stdin, room)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await process.stdin.aclose()
                await process.stdout.aclose()
                process.kill()
                await process.wait()
            self.at_rest.set()
        return is_well

    async def _send(self, sink: trio.abc.SendStream, room: trio.Semaphore) -> bool:
        """Send requests until none came for a while; False: the process is gone."""
        prefix = DOMAIN + self._network
        data = len(prefix).to_bytes(2, "big") + prefix
        try:
            while True:
                await sink.send_all(data)
                await room.acquire()
                while not self._waiting:
                    with trio.move_on_after(VERIFIER_IDLE_S):
                        await self._wait_for_request()
                    if not self._waiting and not self._sent:
                        return True
                request = self._waiting.popleft()
                self._sent.append(request)
                data = pack(request.entries)
        except trio.BrokenResourceError:
            return False

    async def _receive(
        self, source: trio.abc.ReceiveStream, room: trio.Semaphore, scope: trio.CancelScope
    ) -> None:
        """Hand answers to those who asked, in order, until the process ends or hangs; then end `scope`."""
        answers = b""
        while True:
            data = b""
            with trio.move_on_after(VERIFIER_HANG_S) as patience:
                data = await source.receive_some(VERIFIER_READ_BYTES)
            if not data and (self._sent or not patience.cancelled_caught):
                scope.cancel()
                return
            answers += data
            while self._sent and len(answers) >= len(self._sent[0].entries):
                check = self._sent.popleft()
                size = len(check.entries)
                check.answer, answers = answers[:size], answers[size:]
                check.done.set()
                room.release()


def pack(entries: Sequence[Entry]) -> bytes:
    """A request to `node.verifier`."""
    parts = [len(entries).to_bytes(4, "big")]
    for entry in entries:
        parts += (len(entry.header).to_bytes(2, "big"), entry.author, entry.signature, entry.header)
    return b"".join(parts)
