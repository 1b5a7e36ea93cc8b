"""Diffs: what they say leads from the old text to the new one, and no pair of texts takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.documents.differences import unified

texts = st.lists(st.sampled_from(["a", "b", "c", "", "d\r", "e\u2028e", "- x", "+ y"]), max_size=25).map(
    "\n".join
)


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def patched(old: str, diff: str) -> str:
    """`old` with a unified diff applied, strictly."""
    source, result, at = lines_of(old), list[str](), 0
    lines = diff.split("\n")[2:-1] if diff else []
    for number, line in enumerate(lines):
        hunk = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line)
        if hunk is not None:
            first, count = int(hunk[1]), int(hunk[2] or 1)
            start = first - 1 if count else first
            result += source[at:start]
            at = start
            assert len(result) == (int(hunk[3]) - 1 if int(hunk[4] or 1) else int(hunk[3]))
        elif not line.startswith("\\"):
            has_end = not (number + 1 < len(lines) and lines[number + 1].startswith("\\"))
            text = line[1:] + "\n" * has_end
            if line[0] in " -":
                assert source[at] == text
                at += 1
            if line[0] in " +":
                result.append(text)
    return "".join(result + source[at:])


@given(texts, texts)
def test_a_diff_leads_from_the_old_text_to_the_new_one(old: str, new: str) -> None:
    diff = unified(old, new, "old", "new")
    assert patched(old, diff) == new
    assert (diff == "") == (old == new)


def test_a_diff_reads_as_everywhere() -> None:
    old = "".join(f"{number}\n" for number in range(1, 21))
    new = old.replace("5\n", "five\n", 1).replace("19\n", "")
    assert unified(old, new, "programme a", "programme b") == (
        "--- programme a\n+++ programme b\n"
        "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        "@@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n"
    )


def test_a_last_line_without_its_end_is_marked() -> None:
    mark = "\\ No newline at end of file\n"
    assert unified("a", "a\n", "x", "y") == f"--- x\n+++ y\n@@ -1 +1 @@\n-a\n{mark}+a\n"
    assert unified("", "a", "x", "y") == f"--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n{mark}"
    assert unified("a\n", "", "x", "y") == "--- x\n+++ y\n@@ -1 +0,0 @@\n-a\n"


def test_only_a_line_feed_ends_a_line() -> None:
    diff = unified("a\x0cb\x85c\u2028d\re\n", "a\x0cb\x85c\u2028d\rf\n", "x", "y")
    assert diff.count("\n-") == diff.count("\n+") - 1 == 1


def hostile() -> list[tuple[list[str], list[str]]]:
    """Pairs as large as two documents, made to be slow."""
    size = 8_000
    letters = [chr(0x4E00 + number) for number in range(110)]
    periodic = [letters[number % 110] for number in range(size)]
    spoiled = [line if number % 2 else chr(0x6E00 + number % 110) for number, line in enumerate(periodic)]
    counted = [str(number % 100) for number in range(size)]
    alternating = [[f"{number:x}", f"{sign}{number}"] for sign in "yz" for number in range(size // 2)]
    halves = (
        [line for pair in alternating[: size // 2] for line in pair],
        [line for pair in alternating[size // 2 :] for line in pair],
    )
    return [
        (periodic, spoiled),
        (counted, counted[::-1]),
        ([""] * 16_000, ["", "x"] * 8_000),
        halves,
        ([f"{number:x}" for number in range(size)], [f"{number:x}" for number in range(size)][::-1]),
    ]


@pytest.mark.parametrize("pair", hostile(), ids=["periodic", "counted", "empty", "alternating", "reversed"])
def test_texts_that_were_made_to_be_slow_are_compared_all_the_same(pair: tuple[list[str], list[str]]) -> None:
    old, new = ("\n".join(lines) + "\n" for lines in pair)
    assert patched(old, unified(old, new, "x", "y")) == new
