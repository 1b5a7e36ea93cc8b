"""Texts and moments as people give them."""

import io
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.texts import (
    BATCH_LINES,
    MAX_INPUT_BYTES,
    MAX_LINE_BYTES,
    check_argument,
    line_batches,
    read_file,
    read_text,
)
from cli.times import read_moment
from node.errors import BadData, Missing, TextTooLarge

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


class Stdin:
    """Standard input that holds some bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def batches_of(data: bytes) -> list[list[str]]:
    reading, writing = os.pipe()
    try:
        os.write(writing, data)
        os.close(writing)
        return list(line_batches(reading))
    finally:
        os.close(reading)


def test_an_argument_is_the_text():
    assert read_text("hello ") == "hello "


def test_an_argument_that_is_no_utf8_is_refused():
    with pytest.raises(BadData, match="UTF-8"):
        read_text(os.fsdecode(b"\xff"))


@pytest.mark.parametrize(
    ("data", "text"), [(b"hi\n", "hi"), (b"hi\r\n", "hi"), (b" a\n\nb\n\n", " a\n\nb\n")]
)
def test_standard_input_loses_its_last_line_end(data, text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    assert read_text("-") == text


def test_standard_input_that_is_no_utf8_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"abc\xff"))
    with pytest.raises(BadData, match="byte 3"):
        read_text("-")


def test_standard_input_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"x" * (MAX_INPUT_BYTES + 1)))
    with pytest.raises(TextTooLarge):
        read_text("-")


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.md"
    path.write_bytes(b"one\r\ntwo\n")
    assert read_file(str(path)) == "one\r\ntwo\n"


def test_a_file_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(Missing, match="cannot be read"):
        read_file(str(tmp_path / "nothing"))
    with pytest.raises(Missing):
        read_file(str(tmp_path))


def test_lines_come_in_batches_without_the_empty_ones():
    assert batches_of(b"one\r\n\n  \ntwo\nthree") == [["one", "two"], ["three"]]
    assert batches_of(b"") == []


def test_a_batch_is_bounded():
    lines = b"".join(b"%d\n" % number for number in range(BATCH_LINES + 1))
    assert [len(batch) for batch in batches_of(lines)] == [BATCH_LINES, 1]


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30), max_size=40
    )
)
def test_no_line_is_lost_or_changed(lines):
    data = "".join(f"{line}\n" for line in lines).encode()
    assert [line for batch in batches_of(data) for line in batch] == [line for line in lines if line.strip()]


@pytest.mark.parametrize(("bad", "error"), [(b"\xff", BadData), (b"x" * (MAX_LINE_BYTES + 1), TextTooLarge)])
def test_lines_before_a_bad_one_are_given_and_its_number_is_said(bad, error, tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntwo\n" + bad + b"\nfour\n")
    with path.open("rb") as source:
        batches = line_batches(source.fileno())
        assert next(batches) == ["one", "two"]
        with pytest.raises(error, match="Line 3"):
            next(batches)


def test_a_span_counts_back_from_now():
    assert read_moment("2h", NOW_MS) == NOW_MS - 2 * HOUR_MS
    assert read_moment("3d", NOW_MS) == NOW_MS - 72 * HOUR_MS
    assert read_moment("1 W", NOW_MS) == NOW_MS - 168 * HOUR_MS
    assert read_moment("999999999w", NOW_MS) == 0


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T17:04", "2026-11-22 17:04:05"])
def test_a_date_without_a_zone_is_local(text):
    shown = time.strftime("%Y-%m-%dT%H:%M", time.localtime(read_moment(text, NOW_MS) / 1000))
    assert shown.startswith(text.replace(" ", "T")[:16])


def test_a_date_with_a_zone_is_taken_at_its_word():
    assert read_moment("2026-11-22T17:04:00Z", NOW_MS) == 1_795_367_040_000
    assert read_moment("2026-11-22T19:04:00+02:00", NOW_MS) == 1_795_367_040_000


@pytest.mark.parametrize("text", ["", "yesterday", "2x", "-2h", "2026-13-01", "h", "0000-00-00"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(BadData, match="no moment"):
        read_moment(text, NOW_MS)


def test_an_argument_in_any_script_passes():
    assert check_argument("напиши 你好") == "напиши 你好"
