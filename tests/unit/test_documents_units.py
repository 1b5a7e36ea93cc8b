"""Units: their texts make the text again, and ids stay where a paragraph stays."""

import random
from collections.abc import Sequence
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from node.apps.documents.units import MAX_UNITS, Chance, Unit, join, split, units_of

lines = st.sampled_from(["\n", "a\n", "b c\n", " \n", "\t\r\n", "d", "# e\n", "\n\n\n", "\u2028\n"])
texts = st.lists(lines, max_size=30).map("".join)
seeds = st.integers(0, 2**32)


def counting() -> Chance:
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


def ids(units: Sequence[Unit]) -> list[int]:
    return [int.from_bytes(unit.id, "big") for unit in units]


def written(*paragraphs: str) -> str:
    return "".join(f"{paragraph}\n\n" for paragraph in paragraphs)


@given(texts)
def test_units_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text
    assert all(split(text))


@given(texts)
def test_every_unit_holds_one_paragraph(text: str) -> None:
    for unit in split(text):
        rows = unit.split("\n")
        blanks = [not row.strip() for row in rows]
        body = "".join(" #"[blank] for blank in blanks)
        assert " #" not in body.rstrip("#").lstrip("#"), unit


@given(texts, texts, texts, seeds)
def test_ids_are_different_and_those_of_what_stays_stay(a: str, b: str, c: str, seed: int) -> None:
    chance = random.Random(seed).randbytes
    before = [units_of(each, (), chance) for each in (a, b)]
    after = units_of(c, before, chance)
    assert join(after) == c
    assert len({unit.id for unit in after}) == len(after)
    assert units_of(a, before, chance) == before[0]


def test_the_beginning_belongs_to_the_first_unit() -> None:
    assert split("\n\na\nb\n\n\nc\n") == ["\n\na\nb\n\n\n", "c\n"]
    assert split("\n \n") == ["\n \n"]
    assert split("") == []


def test_units_keep_their_ids_where_others_come_go_and_move() -> None:
    old = units_of(written("one", "two", "three", "four"), (), counting())
    chance = random.Random(1).randbytes
    after = units_of(written("zero", "one", "four", "two", "half"), [old], chance)
    assert [ids(old).index(each) if each in ids(old) else None for each in ids(after)] == [
        None,
        0,
        3,
        1,
        None,
    ]


def test_a_unit_that_was_changed_keeps_its_id() -> None:
    first = "We meet on Sunday at ten, in the hall behind the station."
    second = "Who comes brings something to eat, and tells who cannot come."
    third = "集会は日曜日の十時に駅の裏のホールで開かれます。"
    old = units_of(written(first, second, third), (), counting())
    changed = written(
        "Everybody is welcome, whoever they are and wherever they are from.",
        second.replace("something to eat", "a chair"),
        third.replace("十時", "十一時"),
        first.replace("ten", "eleven") + " All are invited.",
    )
    after = ids(units_of(changed, [old], random.Random(1).randbytes))
    assert after[1:] == [2, 3, 1]
    assert after[0] not in ids(old)


def test_a_merge_takes_ids_of_both_sides_and_none_twice() -> None:
    base = units_of(written("one", "two"), (), counting())
    ours = units_of(written("one", "ours", "two"), [base], random.Random(1).randbytes)
    theirs = units_of(written("one", "two", "theirs"), [base], random.Random(2).randbytes)
    merged = units_of(written("one", "ours", "two", "theirs"), [ours, theirs], random.Random(3).randbytes)
    assert merged == (*ours, theirs[2])


def test_chance_that_repeats_itself_gives_different_ids_all_the_same() -> None:
    given_bytes = iter([b"x" * 8, b"x" * 8, b"y" * 8])
    assert [unit.id for unit in units_of("a\n\nb\n", (), lambda size: next(given_bytes))] == [
        b"x" * 8,
        b"y" * 8,
    ]


def test_a_text_of_too_many_units_ends_with_a_large_one() -> None:
    text = "a\n\n" * (MAX_UNITS + 10)
    units = split(text)
    assert len(units) == MAX_UNITS
    assert "".join(units) == text


def test_texts_with_nothing_in_common_are_compared_within_bounds() -> None:
    chance = random.Random(1)
    old, new = (
        written(*("".join(chance.choices("abcdefgh ", k=60)) for _ in range(4_000))) for _ in range(2)
    )
    before = units_of(old, (), chance.randbytes)
    assert join(units_of(new, [before], chance.randbytes)) == new


def test_a_long_text_of_which_every_paragraph_was_changed_keeps_its_ids() -> None:
    chance = random.Random(1)
    words = ["bread", "union", "assembly", "хлеб", "союз", "空港", "hall", "chairs", "Sunday", "wine"]
    paragraphs = [" ".join(chance.choices(words, k=40)) for _ in range(2_000)]
    old = units_of(written(*paragraphs), (), chance.randbytes)
    changed = [f"{paragraph.replace('hall', 'house')} And so on." for paragraph in paragraphs]
    after = units_of(written("Something new.", *changed), [old], chance.randbytes)
    kept = sum(one.id == other.id for one, other in zip(old, after[1:], strict=True))
    assert kept >= 1_980
