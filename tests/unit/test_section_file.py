"""The file of a founding section: what is written is read, and damage is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import BadData
from node.federation.bare import root_key, root_of
from node.federation.inception import Terms, encode_inception, read_inception, sign_inception
from node.newcomers import section_file

ROOT = root_key(bytes(32))
TERMS = Terms("Lyon", "Rhône", ("fr",), (root_of(ROOT),), 1)
SECTION = read_inception(sign_inception(encode_inception(TERMS, bytes(16)), [ROOT]))
TEXT = section_file.write(SECTION)


def test_what_is_written_is_read_again():
    assert section_file.read(TEXT) == SECTION
    assert section_file.read("# another remark\n\n" + TEXT) == SECTION


@given(st.integers(TEXT.index("\n") + 1, len(TEXT) - 2), st.sampled_from("abcdefgh234567 01!"))
def test_a_changed_character_is_noticed(place, char):
    changed = TEXT[:place] + char + TEXT[place + 1 :]
    if changed == TEXT:
        return
    try:
        found = section_file.read(changed)
    except BadData:
        return
    assert found == SECTION  # the last characters of base32 carry bits that mean nothing


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no file of a founding section"),
        ("charter abc\nid def\n", "no file of a founding section"),
        (TEXT + TEXT, "no file of a founding section"),
        ("x" * 9_000, "too long"),
        (TEXT.replace("inception ", "inception !"), "not base32"),
        (TEXT.replace("id ", "id a"), "its id does not fit"),
    ],
)
def test_what_is_no_such_file_is_told(text, why):
    with pytest.raises(BadData, match=why):
        section_file.read(text)


def test_the_file_does_not_say_who_the_words_belong_to():
    assert "steward" not in TEXT
    assert len(TEXT) < 3_600
