"""What may stand in no file of the project: hosts of registries, paths of somebody's machine, secrets."""

import re
from pathlib import Path

import pytest

from premises import ROOT, all_files, shown

REGISTRY = re.compile(
    r"\b(?:(?:test\.)?pypi\.(?:org|io)|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|ghcr\.io|docker\.io)"
)
MACHINE = re.compile(r"(?<![\w.$}])/(?:root|work|Users|mnt|home/(?!alice\b|bob\b|carol\b|you\b)\w+)/")
NOTE_TO_SELF = re.compile(r"\b(?:TODO|FIXME|XXX)\b|NotImplementedError")
UNSAID = {"test_words.py"}
"""This file has to name what it forbids."""


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in all_files():
        data = path.read_bytes()
        if path.name not in UNSAID and b"\0" not in data:
            found.append((path, data.decode("utf-8")))
    return found


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_the_host_of_a_registry():
    assert places(REGISTRY) == []


def test_no_file_names_a_path_of_somebodys_machine():
    assert places(MACHINE) == []


def test_nothing_is_left_for_later():
    assert places(NOTE_TO_SELF) == []


def test_what_a_lock_file_would_say_about_registries_is_not_committed():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"uv.lock", ".venv/"} <= set(ignored)


@pytest.mark.parametrize(
    ("pattern", "line", "is_found"),
    [
        (REGISTRY, "see https://pypi.org/simple", True),
        (REGISTRY, "from PyPI through pip", False),
        (MACHINE, "open('/root/.aster')", True),
        (MACHINE, "/home/alice/.local/share/asterism", False),
        (MACHINE, "/home/jo/asterism", True),
        (MACHINE, "bob$ cat $HOME/work/notes", False),
        (MACHINE, "docs/protocol/work/", False),
    ],
)
def test_the_patterns_find_what_they_should(pattern, line, is_found):
    assert (pattern.search(line) is not None) == is_found


def test_all_files_are_looked_at():
    names = {shown(path) for path, _ in texts()}
    assert {"pyproject.toml", ".ci/run", "store/entry.py", "tests/house/premises.py", "LICENSE"} <= names
