"""The body that shares a file: what is written is read, and what breaks a rule is not shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.files.bodies import (
    FOLDER_MEDIA_TYPE,
    MAX_DESCRIPTION_CHARS,
    MAX_FOLDER_BYTES,
    MAX_FOLDER_FILES,
    Contents,
    SharedFile,
    checked_tags,
    compose,
    parse,
    read,
    text_of,
)
from node.apps.files.names import fault_of, is_name
from node.errors import BadData, TextTooLarge
from store.blobs import MAX_BLOB_BYTES
from store.entry import SALT_BYTES, make_body

SALT = bytes(SALT_BYTES)
BLOB = b"b" * 32
FILE = SharedFile("minutes.pdf", "application/pdf", 12, BLOB, False, "", "de", ("minutes", "2026"), True)
FOLDER = SharedFile(
    "fotos", FOLDER_MEDIA_TYPE, 99, BLOB, True, "Of the day.", "", (), False, Contents(3, 10_000)
)
CONTENT = [48, *FILE[:-1]]


def changed(place: int, value: object) -> tuple[object, ...]:
    return (*CONTENT[:place], value, *CONTENT[place + 1 :])


@pytest.mark.parametrize("shared", [FILE, FOLDER, FOLDER._replace(contents=None)])
def test_what_is_shared_is_read_back(shared: SharedFile):
    assert parse(compose(shared, SALT)) == shared


def test_later_elements_are_ignored():
    assert parse(make_body(SALT, [*CONTENT, (1, 2), "later"])) == FILE


BAD = {
    "another kind": changed(0, 49),
    "an empty name": changed(1, ""),
    "a path": changed(1, "a/b"),
    "the folder above": changed(1, ".."),
    "a name as bytes": changed(1, b"a"),
    "no media type": changed(2, "pdf"),
    "a media type of two lines": changed(2, "a/b\nc"),
    "a media type too long": changed(2, "a/" + "b" * 99),
    "less than nothing": changed(3, -1),
    "more than a blob": changed(3, MAX_BLOB_BYTES + 1),
    "a size that is true": changed(3, True),
    "a size as text": changed(3, "12"),
    "an id too short": changed(4, BLOB[:-1]),
    "an id too long": changed(4, BLOB + b"b"),
    "an id as text": changed(4, "b" * 32),
    "being a folder as a number": changed(5, 0),
    "a description too long": changed(6, "x" * (MAX_DESCRIPTION_CHARS + 1)),
    "a description that moves the cursor": changed(6, "\x1b[2J"),
    "no language": changed(7, "de_DE"),
    "a language too long": changed(7, "d" * 36),
    "tags as text": changed(8, "minutes"),
    "a tag that is none": changed(8, ("two words",)),
    "a tag in capitals": changed(8, ("Minutes",)),
    "a tag as a number": changed(8, (1,)),
    "a tag twice": changed(8, ("a", "a")),
    "too many tags": changed(8, tuple(map(str, range(17)))),
    "public as nothing": changed(9, None),
    "too little": tuple(CONTENT[:-1]),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_body_that_breaks_a_rule_is_not_shown(content: tuple[object, ...]):
    assert read(tuple(CONTENT)) == FILE
    assert read(content) is None


def test_a_folder_of_too_long_a_list_is_not_shown():
    assert read((*changed(5, True)[:3], MAX_FOLDER_BYTES + 1, *changed(5, True)[4:])) is None


@pytest.mark.parametrize(
    "said", [(-1, 0), (MAX_FOLDER_FILES + 1, 0), (1, 2**60), (True, 1), (1,), "3", None, 7]
)
def test_contents_that_make_no_sense_count_as_not_said(said: object):
    shared = read((48, *FOLDER[:-1], said))
    assert shared is not None
    assert shared.contents is None


def test_a_file_has_no_contents():
    shared = read((*CONTENT, (3, 10)))
    assert shared is not None
    assert shared.contents is None


@pytest.mark.parametrize(
    "shared",
    [
        FILE._replace(name="a/b"),
        FILE._replace(name="con.txt"),
        FILE._replace(media_type="none"),
        FILE._replace(language="de_DE"),
        FILE._replace(description="\x07"),
        FILE._replace(description="\ud800"),
        FILE._replace(name="\ud800"),
    ],
)
def test_what_breaks_a_rule_is_not_published(shared: SharedFile):
    with pytest.raises(BadData):
        compose(shared, SALT)


def test_a_description_too_long_is_refused_with_its_length():
    with pytest.raises(TextTooLarge, match="4,001"):
        compose(FILE._replace(description="x" * 4_001), SALT)


def test_tags_are_kept_without_capitals_and_each_once():
    assert checked_tags(["#Strike", "strike", " STRASSE ", "fonds-2026"]) == (
        "strike",
        "strasse",
        "fonds-2026",
    )
    for bad in (["two words"], [""], ["a" * 65], ["x\u202e"], [str(n) for n in range(17)]):
        with pytest.raises(BadData):
            checked_tags(bad)


def test_name_description_and_tags_can_be_searched_for():
    assert text_of(compose(FILE._replace(description="Said on Monday."), SALT)) == (
        "minutes.pdf\nSaid on Monday.\nminutes 2026"
    )
    assert text_of(b"") is None


GOOD_NAMES = (
    "a",
    "minutes.pdf",
    ".profile",
    "..a",
    "a b",
    " a",
    "é",
    "प्रोटोकॉल.txt",
    "con1",
    "xcon",
    "x" * 255,
)
BAD_NAMES = (
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a:b",
    "a*",
    "a?",
    'a"',
    "a<",
    "a>",
    "a|",
    "a\0",
    "a\n",
    "a\x7f",
    "a\x85",
    "a\u2028",
    "a\u202etxt.exe",
    "a\u2066b",
    "a.",
    "a ",
    "...",
    "e\u0301",
    "x" * 256,
    "é" * 128,
    "con",
    "CON",
    "nul.txt",
    "Nul .txt",
    "com1",
    "COM\u00b9.tar.gz",
    "lpt9.x",
    "conin$",
    "\ud800",
)


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_that_every_system_takes_is_taken(name: str):
    assert fault_of(name) == ""


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_some_system_refuses_is_refused(name: str):
    assert fault_of(name)
    assert not is_name(name)


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_noise_shares_nothing(noise: bytes):
    assert parse(noise) is None
