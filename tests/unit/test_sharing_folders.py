"""Lists of folders: written and read, and what a hostile author puts into one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.files.bodies import MAX_FOLDER_BYTES, MAX_FOLDER_FILES
from node.apps.files.names import MAX_NAME_BYTES
from node.errors import BadData, TextTooLarge
from node.sharing.folders import (
    MAX_DEPTH,
    MAX_PATH_BYTES,
    BadFolder,
    FolderFile,
    clashes,
    encode,
    fault_of_path,
    parse,
)
from store.blobs import MAX_BLOB_BYTES
from store.codec import encode as pack

BLOB = b"b" * 32


def file(path: str) -> FolderFile:
    return FolderFile(path, 1, BLOB)


def packed(*items: object) -> bytes:
    return pack((1, items))


def test_a_list_is_read_back_in_the_order_of_paths():
    files = [file("b.txt"), file("a/z.txt"), file("a/b/c.txt"), file("é.txt"), FolderFile("empty", 0, BLOB)]
    assert parse(encode(files)) == tuple(sorted(files))
    assert encode(files) == encode(files[::-1])
    assert parse(encode([])) == ()


CLIMBING = (
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "/etc/passwd",
    "//x",
    "a//b",
    "a/",
    "/",
    "",
    ".",
    "./a",
    "a/.",
    "a\\..\\b",
    "..\\x",
    "C:/x",
    "C:x",
    "a\0b",
    "a/\x1b[2J",
    "a/b\n",
    "~/../x",
    "a/nul",
    "CON/x",
    "aux.txt",
    "a/b./c",
    "a /b",
    "a/e\u0301",
    "a/\u202efdp.exe",
    "a/" * MAX_DEPTH + "a",
    "x" * (MAX_NAME_BYTES + 1),
    "/".join(["x" * 255] * 5),
)


@pytest.mark.parametrize("path", CLIMBING)
def test_a_path_that_climbs_out_or_cannot_be_written_everywhere_is_refused(path: str):
    assert fault_of_path(path)
    with pytest.raises(BadFolder):
        parse(packed((path, 1, BLOB)))
    with pytest.raises(BadData):
        encode([file(path)])


@pytest.mark.parametrize(
    "path", ["..a", "a..b/c", "...b", "~", "~root/x", "-rf", "a/" * (MAX_DEPTH - 1) + "a"]
)
def test_a_path_that_only_looks_odd_is_taken(path: str):
    assert fault_of_path(path) == ""


def test_the_longest_path_is_taken():
    path = "/".join(["x" * 255] * 4)
    assert len(path) == MAX_PATH_BYTES - 1
    assert parse(encode([file(path)])) == (file(path),)


@pytest.mark.parametrize(
    "paths",
    [
        ("A", "a"),
        ("Straße", "strasse"),
        ("a", "a/b"),
        ("A", "a/b"),
        ("a/B", "a/b/c"),
        ("A/b/c", "a/B"),
        ("\u212b.txt".replace("\u212b", "\u00c5"), "\u00e5.txt"),
    ],
)
def test_paths_that_some_system_takes_for_one_are_refused(paths: tuple[str, ...]):
    assert list(clashes(paths))
    with pytest.raises(BadFolder):
        parse(packed(*((path, 1, BLOB) for path in sorted(paths))))
    with pytest.raises(BadData):
        encode([file(path) for path in paths])


def test_files_beside_each_other_in_one_folder_do_not_clash():
    assert list(clashes(["a/b/c", "a/b/d", "a/e", "A/f", "ab", "a-b"])) == []


BROKEN = {
    "nothing": b"",
    "a number": pack(1),
    "no list": pack((1, "a")),
    "a later version": pack((2, ())),
    "a version that is true": pack((True, ())),
    "too little": pack((1,)),
    "too much": pack((1, (), 0)),
    "a file as text": packed("a"),
    "a file without blob": packed(("a", 1)),
    "a file with more": packed(("a", 1, BLOB, 0)),
    "a path as bytes": packed((b"a", 1, BLOB)),
    "a size as text": packed(("a", "1", BLOB)),
    "a size that is true": packed(("a", True, BLOB)),
    "less than nothing": packed(("a", -1, BLOB)),
    "more than a blob": packed(("a", MAX_BLOB_BYTES + 1, BLOB)),
    "a blob too short": packed(("a", 1, BLOB[:-1])),
    "out of order": packed(("b", 1, BLOB), ("a", 1, BLOB)),
    "one path twice": packed(("a", 1, BLOB), ("a", 1, BLOB)),
    "bytes behind the end": encode([]) + b"\0",
    "a float": b"\x92\x01\xcb" + bytes(8),
    "a list that promises much": b"\x92\x01\xdd\x00\x0f\x42\x40",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_list_that_breaks_a_rule_is_refused(data: bytes):
    with pytest.raises(BadFolder):
        parse(data)


def test_a_folder_of_a_million_names_is_refused():
    with pytest.raises(BadFolder):
        parse(b"\x92\x01\xdd" + (1_000_000).to_bytes(4, "big") + pack(("a", 1, BLOB)) * 100_000)
    with pytest.raises(TextTooLarge):
        encode([file(f"{n}") for n in range(MAX_FOLDER_FILES + 1)])
    with pytest.raises(BadFolder):
        parse(bytes(MAX_FOLDER_BYTES + 1))


def test_the_largest_folder_is_taken():
    files = [file(f"{n:06}/{'x' * 180}") for n in range(MAX_FOLDER_FILES)]
    assert len(parse(encode(files))) == MAX_FOLDER_FILES


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_noise_raises_our_error_alone(noise: bytes):
    with pytest.raises(BadFolder):
        parse(b"\x93" + noise)


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(), st.binary(max_size=33)), max_size=4))
@settings(max_examples=200)
def test_whatever_is_listed_it_is_read_as_it_was_or_refused(items: list[tuple[str, int, bytes]]):
    try:
        data = pack((1, tuple(items)))
    except (OverflowError, UnicodeEncodeError):
        return
    try:
        files = parse(data)
    except BadFolder:
        return
    assert encode(files) == data
