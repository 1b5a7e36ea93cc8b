"""Writes the search index in a process of its own (`node.indexer`), while there is much to write.

Half of the work of taking entries in is indexing their words. In a thread it would share the interpreter's
lock with what decodes and judges; a second process has a lock of its own. It is started when a step is
large, is given texts and the key of the index through its input, and is ended when it had nothing to do
for a while. Where it cannot be started, or dies, or hangs, whoever called does the work, for a minute at
least. It ends by itself when we do: its input ends then.

Synchronous, for threads; one call at a time.
"""

import logging
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from node.indexer import BROKEN, FULL, LOCKED, WRITTEN, pack_file, pack_step
from node.limits import (
    INDEXER_HANG_S,
    INDEXER_IDLE_S,
    INDEXER_KEEP_TEXTS,
    INDEXER_MIN_TEXTS,
    INDEXER_REST_S,
)
from store.errors import Damaged, StorageFull, StoreLocked
from store.sqlite.search_steps import Progress, Step

_log = logging.getLogger(__name__)

_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from node.indexer import main; main()"
_COMMAND = (sys.executable, "-P", "-c", _CODE, str(Path(__file__).resolve().parents[1]))
"""Our own packages, wherever this one was imported from, and nothing from the current directory."""

_PIECE_BYTES: Final = 65_536
"""Written to the pipe at a time: what a pipe holds."""


class _Broken(Exception):
    """The process is gone, or does not answer."""


class IndexProcess:
    """`store.sqlite.search_steps.StepWriter` in another process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used_at = 0.0
        self._rested_until = 0.0
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def write(self, path: Path, key: bytes, before: Progress, step: Step) -> bool:
        """Write a step, if it is worth it and the process is well; False: it was not written.

        Raises:
            StorageFull, StoreLocked: nothing was written.
            Damaged: the index is.
        """
        with self._lock:
            if not self._is_wanted(len(step.rows)):
                return False
            try:
                answer = self._ask(path, key, pack_step(before, step))
            except (_Broken, OSError) as error:
                _log.warning("the search index is written without a process of its own: %s", error)
                self._end()
                self._rested_until = time.monotonic() + INDEXER_REST_S
                return False
            if answer == FULL:
                raise StorageFull("the disk is full; nothing was written")
            if answer == LOCKED:
                raise StoreLocked("another process holds the search index")
            if answer == BROKEN:
                raise Damaged("the search index cannot be read or written")
            if answer != WRITTEN:
                self._end()
            return answer == WRITTEN

    def let_go(self) -> None:
        """End the process, because its file is about to be replaced; it may be started again."""
        with self._lock:
            self._end()

    def rest(self) -> None:
        """End the process if it had nothing to do for `INDEXER_IDLE_S`."""
        with self._lock:
            if time.monotonic() - self._used_at >= INDEXER_IDLE_S:
                self._end()

    def close(self) -> None:
        """End the process for good; safe to call twice."""
        with self._lock:
            self._is_closed = True
            self._end()

    # Inside

    def _is_wanted(self, texts: int) -> bool:
        if self._is_closed or texts < INDEXER_KEEP_TEXTS:
            return False
        return self._process is not None or (
            texts >= INDEXER_MIN_TEXTS and time.monotonic() >= self._rested_until
        )

    def _ask(self, path: Path, key: bytes, request: bytes) -> bytes:
        """Raises: _Broken, OSError: there is no answer."""
        if self._process is None:
            self._process = subprocess.Popen(
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
            )
            request = pack_file(path, key) + request
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None
        assert sink is not None
        until = time.monotonic() + INDEXER_HANG_S
        _send(sink.fileno(), request, until)
        _wait(source.fileno(), select.POLLIN, until)
        answer = os.read(source.fileno(), 1)
        if not answer:
            raise _Broken("it ended")
        self._used_at = time.monotonic()
        return answer

    def _end(self) -> None:
        """End the process and wait until it is gone. What it has not answered counts as not written."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _send(handle: int, data: bytes, until: float) -> None:
    """Write all of `data` to a pipe. Raises: _Broken, OSError."""
    os.set_blocking(handle, False)
    left = memoryview(data)
    while left:
        _wait(handle, select.POLLOUT, until)
        with suppress(BlockingIOError):
            left = left[os.write(handle, left[:_PIECE_BYTES]) :]


def _wait(handle: int, event: int, until: float) -> None:
    """Wait until a pipe can be used. Raises: _Broken: too long."""
    waiting = select.poll()
    waiting.register(handle, event)
    if not waiting.poll(max(0.0, until - time.monotonic()) * 1_000):
        raise _Broken("it does not answer")
