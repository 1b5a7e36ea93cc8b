"""Signatures: on the loop or in a process of their own, the same answers, whatever becomes of the process."""

import io
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from node import signatures, verifier
from node.limits import VERIFIER_MIN_ENTRIES
from node.signatures import Signatures
from node.testing.people import NETWORK, Person, spoiled
from store.entry import DOMAIN, Entry

DEADLINE_S = 60


def mixed(count: int) -> tuple[list[Entry], list[Entry]]:
    """Entries of which every seventh is badly signed, and those."""
    entries = [
        spoiled(entry) if number % 7 == 3 else entry for number, entry in enumerate(Person("a").posts(count))
    ]
    return entries, entries[3::7]


async def ask(checker: Signatures, entries: Sequence[Entry]) -> list[Entry]:
    return await checker.wrong(checker.begin(entries))


@asynccontextmanager
async def serving() -> AsyncIterator[Signatures]:
    checker = Signatures(NETWORK)
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(checker.run)
            await trio.testing.wait_all_tasks_blocked()
            yield checker
            nursery.cancel_scope.cancel()


async def test_few_are_checked_on_the_loop() -> None:
    entries, bad = mixed(VERIFIER_MIN_ENTRIES - 1)
    assert await ask(Signatures(NETWORK), entries) == bad


async def test_many_are_checked_on_the_loop_where_nothing_else_runs() -> None:
    entries, bad = mixed(200)
    assert await ask(Signatures(NETWORK), entries) == bad


async def test_many_are_checked_in_a_process_of_their_own() -> None:
    async with serving() as checker:
        entries, bad = mixed(200)
        check = checker.begin(entries)
        assert await checker.wrong(check) == bad
        assert len(check.answer) == 200


async def test_several_that_are_on_their_way_are_not_confused() -> None:
    async with serving() as checker:
        asked = [mixed(count) for count in (30, 100, 24, 300, 50, 60)]
        checks = [checker.begin(entries) for entries, _ in asked]
        for check, (_, bad) in zip(checks, asked, strict=True):
            assert await checker.wrong(check) == bad
            assert check.answer


async def test_without_the_process_everything_is_checked_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "_COMMAND", ("/nonexistent/python",))
    async with serving() as checker:
        entries, bad = mixed(100)
        check = checker.begin(entries)
        assert await checker.wrong(check) == bad
        assert check.answer == b""


@pytest.mark.parametrize("code", ["", "import os; os._exit(1)", "import sys; sys.stdin.buffer.read(9000)"])
async def test_a_process_that_dies_takes_nothing_with_it(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "_COMMAND", (sys.executable, "-c", code))
    async with serving() as checker:
        asked = [mixed(count) for count in (100, 200, 300)]
        checks = [checker.begin(entries) for entries, _ in asked]
        for check, (_, bad) in zip(checks, asked, strict=True):
            assert await checker.wrong(check) == bad


async def test_the_process_ends_when_there_was_nothing_to_do_and_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signatures, "VERIFIER_IDLE_S", 0.05)
    async with serving() as checker:
        for _ in range(2):
            entries, bad = mixed(60)
            check = checker.begin(entries)
            assert await checker.wrong(check) == bad
            assert check.answer
            await checker.at_rest.wait()


async def test_a_process_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "VERIFIER_HANG_S", 0.2)
    monkeypatch.setattr(signatures, "_COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    async with serving() as checker:
        entries, bad = mixed(60)
        check = checker.begin(entries)
        assert await checker.wrong(check) == bad
        assert check.answer == b""


async def test_who_waits_is_answered_when_the_checker_is_told_to_end() -> None:
    checker = Signatures(NETWORK)
    entries, bad = mixed(100)
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(checker.run)
            await trio.testing.wait_all_tasks_blocked()
            check = checker.begin(entries)
            nursery.cancel_scope.cancel()
        assert await checker.wrong(check) == bad


def test_the_process_stops_at_the_end_of_its_input() -> None:
    prefix = DOMAIN + NETWORK
    entries, bad = mixed(30)
    head = len(prefix).to_bytes(2, "big") + prefix
    whole = head + signatures.pack(entries)
    sink = io.BytesIO()
    verifier.serve(io.BytesIO(whole), sink)
    assert [entry for entry, fits in zip(entries, sink.getvalue(), strict=True) if not fits] == bad
    verifier.serve(io.BytesIO(head), io.BytesIO())
    for cut in (0, 1, len(head) - 1, len(head) + 5, len(whole) - 1):
        with pytest.raises(SystemExit):
            verifier.serve(io.BytesIO(whole[:cut]), io.BytesIO())


def test_the_process_loads_nothing_but_what_it_needs() -> None:
    code = "import node.verifier, sys; print(*sys.modules)"
    root = Path(verifier.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"trio", "apsw", "libp2p", "msgpack", "node.intake"}
