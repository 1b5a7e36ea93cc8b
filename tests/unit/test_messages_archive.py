"""Archives of messages as records: read as they were written, and nothing that breaks a rule."""

import io
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.files.names import is_name
from node.apps.messenger.bodies import Attachment, Text, content_of
from node.messaging.archive import (
    MAX_RECORD_BYTES,
    BadArchive,
    Chat,
    End,
    Header,
    Kept,
    Record,
    read_records,
    write_record,
    written,
)
from node.messaging.attachments import safe_names
from store.codec import encode

HEADER = Header(b"n" * 32, b"w" * 32, 1_700_000_000_000)
DIRECT = Chat(b"d" * 16, 1, b"o" * 32, "", 5)
GROUP = Chat(b"g" * 16, 2, b"", "Bakers", 6)
SAID = Kept(b"d" * 16, b"e" * 32, b"v" * 32, b"o" * 32, 7, 8, 1, content_of(Text("hello")), 0, True)
NOTICE = Kept(b"g" * 16, b"", b"v" * 32, b"o" * 32, 9, 9, 106, encode([b"o" * 32]), 0, False)
ALL: list[Record] = [HEADER, DIRECT, GROUP, SAID, NOTICE]


def read(data: bytes) -> list[Record]:
    return list(read_records(io.BytesIO(data)))


def raw(value: Sequence[object]) -> bytes:
    data = encode(list(value))
    return struct.pack(">I", len(data)) + data


def test_records_come_back_as_they_were_written() -> None:
    data = b"".join(written(iter(ALL)))
    assert read(data) == [*ALL, End(2)]
    assert read(data + bytes(5_000)) == [*ALL, End(2)]


def test_records_of_a_later_version_are_passed_over() -> None:
    data = write_record(HEADER) + raw([77, b"?"]) + write_record(End(0))
    assert read(data) == [HEADER, End(0)]


@given(st.integers(0, 2_000))
def test_an_archive_that_ends_early_is_refused(at: int) -> None:
    data = b"".join(written(iter(ALL)))
    with pytest.raises(BadArchive):
        read(data[: at % len(data)])


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_noise_raises_nothing_but_our_error(data: bytes) -> None:
    with pytest.raises(BadArchive):
        read(data)


@pytest.mark.parametrize(
    "bad",
    [
        [write_record(DIRECT)],
        [write_record(HEADER), write_record(HEADER)],
        [write_record(HEADER), write_record(End(1))],
        [write_record(HEADER), write_record(SAID), write_record(End(0))],
        [write_record(HEADER._replace(who=b"short"))],
        [raw([0, 2, b"n" * 32, b"w" * 32, 5])],
        [write_record(HEADER), struct.pack(">I", MAX_RECORD_BYTES + 1)],
        [write_record(HEADER), raw([1])],
        [write_record(HEADER), raw([b"x"])],
        [write_record(HEADER), write_record(DIRECT._replace(kind=2))],
        [write_record(HEADER), write_record(DIRECT._replace(other=b"x"))],
        [write_record(HEADER), write_record(GROUP._replace(title="x" * 65))],
        [write_record(HEADER), write_record(SAID._replace(at_ms=-1))],
        [write_record(HEADER), write_record(SAID._replace(at_ms=2**60))],
        [write_record(HEADER), write_record(SAID._replace(entry=b""))],
        [write_record(HEADER), write_record(NOTICE._replace(entry=b"e" * 32))],
        [write_record(HEADER), write_record(SAID._replace(who=b""))],
        [write_record(HEADER), raw([2, *SAID[:-1], 1])],
        [write_record(HEADER), raw([2, *SAID[:4], "7", *SAID[5:]])],
    ],
)
def test_what_breaks_a_rule_is_refused(bad: list[bytes]) -> None:
    with pytest.raises(BadArchive):
        read(b"".join(bad) + write_record(End(0)))


def named(*names: str) -> list[str]:
    found = [
        Attachment(bytes([at]) * 32, 5_000, b"k" * 32, name, "text/plain", 5) for at, name in enumerate(names)
    ]
    return safe_names(found)


def test_files_of_one_message_get_names_of_their_own() -> None:
    assert named("plan.pdf", "Plan.PDF", "plan.pdf", "notes") == [
        "plan.pdf",
        "Plan-2.PDF",
        "plan-3.pdf",
        "notes",
    ]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../x", "/etc/passwd", "con", "a\x00b", "x" * 300, "a\u202eb"]
)
def test_a_name_that_not_every_system_takes_is_replaced(name: str) -> None:
    [given_name] = named(name)
    assert given_name.startswith("file-")
    assert "/" not in given_name
    found = named(name, name, "y" * 255, "y" * 255)
    assert len(set(found)) == 4
    assert all(map(is_name, found))
