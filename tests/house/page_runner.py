"""Runs a page of `examples/` as a test: the commands in its blocks, against the output written below them.

`examples/README.md` describes the notation. A page is parsed whole before its first command runs. Every
wait has a deadline, and whatever a page started has ended when `run_page` returns.
"""

import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

COMMAND_DEADLINE_S: Final = 100.0
"""For a command to end, or a background one to say what is expected. Generous, for loaded machines."""

STOP_DEADLINE_S: Final = 60.0
"""For a background command to end once it was told to."""

LOOK_S: Final = 0.2
"""Between two tries of a command that is run until it says what is expected."""

ANY: Final = "…"
_GOOD_ENDS: Final = {0, -signal.SIGTERM, 128 + signal.SIGTERM, -signal.SIGKILL, 128 + signal.SIGKILL}
"""How a background command may end when the page is over: by itself in order, or of our signal. SIGKILL is
what `aster lock` sends to a daemon that needs longer than it waits."""

_FENCE = re.compile(r"^```\s*(\S*)\s*$")
_PROMPT = re.compile(r"^([a-z]+)([$%?]) (.+)$")
_KILL = re.compile(r"^\$ kill -(\w+) ([a-z]+)$")
_EXIT = re.compile(r"^\(exit (\d+)\)$")
_HOLE = re.compile(r"(…|\[[A-Z][A-Z0-9_]*\])")
_EXPORT = re.compile(r"^export ([A-Z_]+)=(.*)$")
_CAPTURED: Final = r"[^\s\"',;()\[\]{}]+"
_RUN_LANGUAGES: Final = {"", "console"}


class PageFailed(Exception):
    """A page is malformed, or did not go as it says."""


@dataclass
class Step:
    """One command of a page and what is to come of it."""

    line: int
    """Of the command in the page, from 1."""
    actor: str
    verb: str
    """One of run, await, start, hear, kill."""
    command: str
    expected: list[str] = field(default_factory=list)
    exit_code: int | None = None
    """None: not stated, so 0 where a command ends by itself."""


def parse_page(text: str) -> list[Step]:
    """The steps of a page. Raises: PageFailed: it has none, or a block that is not as it should be."""
    steps: list[Step] = []
    block: list[tuple[int, str]] | None = None
    language = ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            if block is not None:
                block.append((number, line.rstrip()))
        elif block is None:
            block, language = [], fence[1]
        else:
            if language in _RUN_LANGUAGES:
                steps += _parse_block(block, number)
            block = None
    if block is not None:
        raise PageFailed("the last block has no end")
    if not steps:
        raise PageFailed("the page has no command")
    return steps


def _parse_block(block: list[tuple[int, str]], end: int) -> list[Step]:
    steps: list[Step] = []
    for number, line in block:
        step = _parse_prompt(number, line)
        if step is not None:
            steps.append(step)
        elif not steps:
            raise PageFailed(f"line {number}: a block begins with a command")
        elif line.startswith("> ") and not steps[-1].expected:
            steps[-1].command += "\n" + line[2:]
        elif (code := _EXIT.match(line)) is not None:
            steps[-1].exit_code = int(code[1])
        else:
            steps[-1].expected.append(line)
    if not steps:
        raise PageFailed(f"line {end}: a block without a command; give it a language if it is none")
    for step in steps:
        if step.verb in {"await", "start", "hear"} and not step.expected:
            raise PageFailed(f"line {step.line}: what is waited for has to be stated")
    return steps


def _parse_prompt(number: int, line: str) -> Step | None:
    kill = _KILL.match(line)
    if kill is not None:
        return Step(number, kill[2], "kill", kill[1])
    prompt = _PROMPT.match(line)
    if prompt is None:
        return None
    actor, sign, command = prompt.groups()
    if sign != "$":
        return Step(number, actor, "hear" if sign == "%" else "await", command)
    if command.endswith(" &"):
        return Step(number, actor, "start", command.removesuffix(" &"))
    return Step(number, actor, "run", command)


def match_lines(
    expected: Sequence[str], lines: Sequence[str], known: dict[str, str]
) -> dict[str, str] | None:
    """The variables when all of `lines` are as `expected`, `known` among them; None where they are not."""
    if not expected:
        return None if lines else known
    if expected[0] == ANY:
        tries = (match_lines(expected[1:], lines[skipped:], known) for skipped in range(len(lines) + 1))
        return next((found for found in tries if found is not None), None)
    if not lines:
        return None
    found = _match_line(expected[0], lines[0], known)
    return None if found is None else match_lines(expected[1:], lines[1:], found)


def _match_line(expected: str, line: str, known: dict[str, str]) -> dict[str, str] | None:
    pattern, new = "", set()
    for part in _HOLE.split(expected):
        name = part[1:-1]
        if part == ANY:
            pattern += ".*"
        elif not _HOLE.fullmatch(part):
            pattern += re.escape(part)
        elif name in known:
            pattern += re.escape(known[name])
        elif name in new:
            pattern += f"(?P={name})"
        else:
            pattern += f"(?P<{name}>{_CAPTURED})"
            new.add(name)
    matched = re.fullmatch(pattern, line.rstrip())
    return None if matched is None else {**known, **matched.groupdict()}


class _Background:
    """A command that runs beside the others; a thread gathers its lines."""

    def __init__(self, step: Step, process: "subprocess.Popen[str]") -> None:
        self.step = step
        self.process = process
        self.heard: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def await_lines(self, expected: list[str], known: dict[str, str], deadline_s: float) -> dict[str, str]:
        """Wait until it has said `expected` and give the variables. Raises: PageFailed."""
        self.heard.clear()
        deadline = time.monotonic() + deadline_s
        while True:
            found = match_lines(expected, self.heard, known)
            if found is not None:
                return found
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise PageFailed("it did not say so in time") from None
            if line is None:
                raise PageFailed("it ended before it said so")
            self.heard.append(line)

    def end(self, how: int) -> int:
        """Tell it to end by a signal and give its exit code. Raises: PageFailed: it does not end."""
        try:
            _signal(self.process, how)
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            _signal(self.process, signal.SIGKILL)
            self.process.wait()
            raise PageFailed(f"`{self.step.command}` did not end when told to") from None
        finally:
            self._reader.join(STOP_DEADLINE_S)
        return self.process.returncode


def _signal(process: "subprocess.Popen[str]", how: int) -> None:
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return  # it has ended and so have its children


class _World:
    """The actors of one page: a home each, one working directory, and what runs in the background."""

    def __init__(self, folder: Path, programs: Path, deadline_s: float) -> None:
        self.folder = folder
        self.deadline_s = deadline_s
        self.variables: dict[str, str] = {}
        self.background: list[_Background] = []
        self.exported: dict[str, dict[str, str]] = {}
        self._basis = {
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def spawn(self, step: Step) -> "subprocess.Popen[str]":
        own = {"ASTERISM_HOME": str(self.folder / step.actor), **self.exported.get(step.actor, {})}
        return subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", step.command],
            cwd=self.folder,
            env={**self._basis, **self.variables, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,
        )

    def take(self, step: Step) -> None:
        """Do one step. Raises: PageFailed."""
        if step.verb == "run" and (export := _EXPORT.match(step.command)) is not None:
            value = re.sub(r"\$([A-Z_]+)", lambda name: self.variables.get(name[1], name[0]), export[2])
            self.exported.setdefault(step.actor, {})[export[1]] = value
        elif step.verb == "run":
            self._run(step)
        elif step.verb == "await":
            self._await(step)
        elif step.verb == "start":
            started = _Background(step, self.spawn(step))
            self.background.append(started)
            self._hear(step, started)
        elif step.verb == "hear":
            self._hear(step, self._find(step))
        else:
            self._kill(step)

    def _await(self, step: Step) -> None:
        deadline = time.monotonic() + self.deadline_s
        while True:
            try:
                return self._run(step)
            except PageFailed as error:
                if time.monotonic() > deadline:
                    raise PageFailed(f"it was not so in time. {error}") from None
            time.sleep(LOOK_S)

    def _run(self, step: Step) -> None:
        process = self.spawn(step)
        try:
            output, _ = process.communicate(timeout=self.deadline_s)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            output, _ = process.communicate()
            raise PageFailed(f"it did not end in time; it said:\n{output}") from None
        found = match_lines(step.expected, output.splitlines(), self.variables)
        if process.returncode != (step.exit_code or 0):
            raise PageFailed(f"exit code {process.returncode}, and this was said:\n{output}")
        if found is None:
            raise PageFailed(_difference(step.expected, output.splitlines()))
        self.variables = found

    def _hear(self, step: Step, background: _Background) -> None:
        try:
            self.variables = background.await_lines(step.expected, self.variables, self.deadline_s)
        except PageFailed as error:
            raise PageFailed(f"{error}. {_difference(step.expected, background.heard)}") from None

    def _find(self, step: Step) -> _Background:
        for background in reversed(self.background):
            if background.step.actor == step.actor and background.step.command.startswith(step.command):
                return background
        raise PageFailed("no background command begins so")

    def _kill(self, step: Step) -> None:
        running = [each for each in self.background if each.step.actor == step.actor]
        self.background = [each for each in self.background if each not in running]
        if not running:
            raise PageFailed(f"{step.actor} runs nothing in the background")
        how = int(step.command) if step.command.isdigit() else signal.Signals[f"SIG{step.command}"].value
        for background in reversed(running):
            code = background.end(how)
            if step.exit_code is not None and code != step.exit_code:
                raise PageFailed(f"`{background.step.command}` ended with exit code {code}")

    def close(self) -> list[str]:
        """End everything that still runs, the last first; what was wrong with it."""
        faults = []
        for background in reversed(self.background):
            try:
                code = background.end(signal.SIGTERM)
            except PageFailed as error:
                faults.append(str(error))
            else:
                if code not in _GOOD_ENDS:
                    faults.append(f"`{background.step.command}` ended with exit code {code}")
        return faults


def _difference(expected: list[str], lines: list[str]) -> str:
    return "\n".join(
        ["expected:", *(f"    {line}" for line in expected), "but it said:", *(f"    {x}" for x in lines)]
    )


def run_page(text: str, folder: Path, programs: Path, deadline_s: float = COMMAND_DEADLINE_S) -> None:
    """Run a page in the empty `folder`, with the commands in `programs` found before all others.

    Raises:
        PageFailed: with the line of the page, the command, what was expected and what came.
    """
    steps = parse_page(text)
    world = _World(folder, programs, deadline_s)
    try:
        for step in steps:
            try:
                world.take(step)
            except PageFailed as error:
                raise PageFailed(f"line {step.line}: {step.actor}: {step.command}\n{error}") from None
    finally:
        faults = world.close()
    if faults:
        raise PageFailed("at the end of the page: " + "; ".join(faults))
