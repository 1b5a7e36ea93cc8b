"""Merges: clean where they can be, nothing lost in any case, nothing read of anybody's settings."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.documents.merging import changes, has_marks, lost_lines, merge

lines = st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\r\n", "=======\n", "> e\n", "é空\n"])
texts = st.builds("".join, st.lists(lines, max_size=14)) | st.builds(
    lambda whole, last: "".join(whole) + last, st.lists(lines, max_size=14), st.sampled_from(["x", "a", ""])
)

DECADE = "".join(f"{number}\n" for number in range(10))


@settings(max_examples=300, deadline=None)
@given(texts, texts, texts)
def test_no_line_that_a_side_added_is_lost(base: str, ours: str, theirs: str) -> None:
    merged = merge(base, ours, theirs, "k3jd alice", "x4tr bob")
    there = Counter(merged.text.split("\n"))
    for side in (ours, theirs):
        added = Counter(side.split("\n")) - Counter(base.split("\n"))
        assert all(there[line] >= number for line, number in added.items() if line)
    assert has_marks(merged.text) == (merged.conflicts > 0)


@settings(max_examples=100, deadline=None)
@given(texts, texts)
def test_a_side_that_changed_nothing_gives_way(base: str, changed: str) -> None:
    assert merge(base, changed, base, "a", "b").text == changed
    assert merge(base, base, changed, "a", "b").text == changed
    assert merge(base, changed, changed, "a", "b") == (changed, 0)


@settings(max_examples=100, deadline=None)
@given(texts, texts, texts)
def test_a_clean_merge_is_the_same_from_both_sides(base: str, ours: str, theirs: str) -> None:
    one, other = merge(base, ours, theirs, "a", "b"), merge(base, theirs, ours, "b", "a")
    assert (one.conflicts > 0) == (other.conflicts > 0)
    if not one.conflicts:
        assert one == other


def test_changes_in_different_places_are_both_there() -> None:
    merged = merge(DECADE, DECADE.replace("2", "two"), DECADE.replace("8", "eight") + "10", "a", "b")
    assert merged == (DECADE.replace("2", "two").replace("8", "eight") + "10", 0)


def test_marks_of_a_conflict_name_the_versions() -> None:
    merged = merge(DECADE, DECADE.replace("2", "two"), DECADE.replace("2", "zwei"), "k3jd alice", "x4tr/../é")
    assert merged.conflicts == 1
    assert "1\n<<<<<<< k3jd alice\ntwo\n=======\nzwei\n>>>>>>> x4tr/../é\n3\n" in merged.text


def test_without_a_base_whatever_differs_is_a_conflict() -> None:
    merged = merge("", "a\nb\n", "a\nc\n", "one", "other")
    assert merged == ("a\n<<<<<<< one\nb\n=======\nc\n>>>>>>> other\n", 1)


def test_conflicts_are_counted() -> None:
    ours, theirs = DECADE.replace("1", "x").replace("8", "x"), DECADE.replace("1", "y").replace("8", "y")
    assert merge(DECADE, ours, theirs, "a", "b").conflicts == 2


def test_lost_lines_are_counted() -> None:
    assert lost_lines("a\n", "a\nb\nb\n", "a\nb\n") == 1
    assert lost_lines("a\nb\n", "b\n", "") == 0
    assert lost_lines("", "x", "x\n") == 0


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Heading\n=======\n", False),
        ("<<<<<<< a\n", False),
        (">>>>>>> b\n<<<<<<< a\n", False),
        ("<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n", True),
        (" <<<<<<< a\n=======\n >>>>>>> b\n", False),
    ],
)
def test_marks_are_known_and_headings_are_none(text: str, marked: bool) -> None:
    assert has_marks(text) is marked


def test_texts_that_were_made_to_be_slow_are_merged_all_the_same() -> None:
    chance = random.Random(1)
    size = 20_000
    base, ours, theirs = ("".join(chance.choice("ab") + "\n" for _ in range(size)) for _ in range(3))
    merged = merge(base, ours, theirs, "a", "b")
    assert lost_lines(base, ours, merged.text) == lost_lines(base, theirs, merged.text) == 0
    assert changes(base, ours)


def test_settings_of_the_persons_git_are_not_read_and_nothing_is_written(tmp_path: Path) -> None:
    """A setting that would change the style of conflicts, and a folder that stays empty."""
    settings_file = tmp_path / "home" / ".gitconfig"
    settings_file.parent.mkdir()
    settings_file.write_text("[merge]\n\tconflictStyle = diff3\n[core\nbroken", encoding="utf-8")
    script = (
        "from node.apps.documents.merging import merge\n"
        "import sys; sys.stdout.write(merge('a\\n', 'b\\n', 'c\\n', 'x', 'y').text)\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "PATH"))},
        "HOME": str(settings_file.parent),
        "XDG_CONFIG_HOME": str(settings_file.parent),
        "TMPDIR": str(work),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=work, capture_output=True, timeout=60, check=True
    )
    assert ended.stdout.decode() == "<<<<<<< x\nb\n=======\nc\n>>>>>>> y\n"
    assert list(work.iterdir()) == []


def test_the_library_comes_only_when_a_text_is_merged() -> None:
    script = (
        "import sys, node.apps.registry, node.drafting.api\n"
        "assert 'pygit2' not in sys.modules\n"
        "from node.apps.documents.merging import merge\n"
        "merge('a', 'b', 'a', '', '')\n"
        "assert 'pygit2' not in sys.modules\n"
        "merge('a', 'b', 'c', 'x', 'y')\n"
        "assert 'pygit2' in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=True)
