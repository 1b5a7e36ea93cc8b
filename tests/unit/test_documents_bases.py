"""Merge bases from the graph of versions, blame, and what goes on of headings."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.documents.bases import Heading, base_text, bases, merge_headings, merge_versions
from node.apps.documents.differences import Ancestry, blame, lines_of
from node.apps.documents.merging import lost_lines
from store.ids import EntryId

Graph = dict[EntryId, list[EntryId]]


def name(letter: str) -> EntryId:
    return EntryId(letter.encode().ljust(32, b"."))


def graph(**follows: str) -> Graph:
    return {name(version): [name(each) for each in before] for version, before in follows.items()}


def found(one: str, other: str, follows: Graph) -> str:
    return "".join(chr(each[0]) for each in bases([name(one)], [name(other)], follows))


def test_the_base_is_the_last_version_that_both_come_from() -> None:
    fork = graph(b="a", c="b", d="b", e="d")
    assert found("c", "e", fork) == "b"
    assert found("c", "b", fork) == "b"
    assert found("e", "e", fork) == "e"
    assert found("x", "e", fork) == ""


def test_versions_that_were_merged_crosswise_have_several_bases() -> None:
    cross = graph(b="a", c="a", d="bc", e="bc")
    assert found("d", "e", cross) == "bc"
    texts = {name("a"): "1\n2\n3\n4\n5\n", name("b"): "1\n2 b\n3\n4\n5\n", name("c"): "1\n2\n3\n4 c\n5\n"}
    assert base_text([name("b"), name("c")], cross, texts.__getitem__) == "1\n2 b\n3\n4 c\n5\n"
    texts[name("c")] = "1\n2 c\n3\n4\n5\n"
    assert base_text([name("b"), name("c")], cross, texts.__getitem__) == ""


def test_a_third_version_is_merged_with_what_two_gave() -> None:
    three = graph(b="a", c="a", d="a")
    texts = {name(each): "1\n2\n3\n4\n5\n".replace(old, new) for each, old, new in ("a  ", "d5x")}
    merged = merge_versions(
        [name("b"), name("c")], "x\n2\n3 y\n4\n5\n", name("d"), three, texts.__getitem__, ("bc", "d")
    )
    assert merged == ("x\n2\n3 y\n4\nx\n", 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 10))
def test_in_any_graph_a_merge_loses_nothing_of_the_two_versions(seed: int, count: int) -> None:
    chance = random.Random(seed)
    follows: Graph = {}
    texts: dict[EntryId, str] = {}
    for number in range(count):
        version = EntryId(bytes([number]) * 32)
        follows[version] = chance.sample(list(texts), k=min(len(texts), chance.choice((0, 1, 1, 2))))
        texts[version] = "".join(f"{chance.randrange(6)}\n" for _ in range(chance.randrange(8)))
    one, other = chance.sample(list(texts), k=2)
    start = base_text(bases([one], [other], follows), follows, texts.__getitem__)
    merged = merge_versions([one], texts[one], other, follows, texts.__getitem__, ("one", "other"))
    assert lost_lines(start, texts[one], merged.text) == lost_lines(start, texts[other], merged.text) == 0


def test_of_headings_what_one_side_changed_goes_on() -> None:
    base = Heading("title", "text/plain", "de", ("a", "b"), False)
    ours = base._replace(title="ours", tags=("a", "b", "c"))
    theirs = base._replace(media_type="text/markdown", tags=("b", "d"), public=True, title="theirs")
    merged = merge_headings(base, ours, theirs)
    assert merged == Heading("ours", "text/markdown", "de", ("b", "c", "d"), True)
    assert merge_headings(base, base, theirs)[:3] == theirs[:3]
    assert not merge_headings(None, ours, theirs).public


def test_each_line_is_given_to_the_version_where_it_first_stood() -> None:
    texts = {"a": "1\n2\n3\n", "b": "1\n2 b\n3\n", "c": "0 c\n1\n2\n3\n", "d": "0 c\n1\n2 b\n3\n4 d"}
    ancestry = Ancestry([name(each) for each in "dcba"], graph(b="a", c="a", d="bc"))

    def text_of(version: EntryId) -> str | None:
        return texts.get(chr(version[0]))

    assert [chr(each[0]) for each in blame(name("d"), ancestry, text_of)] == ["c", "a", "b", "a", "d"]
    del texts["a"]
    assert [chr(each[0]) for each in blame(name("d"), ancestry, text_of)] == ["c", "b", "b", "b", "d"]
    assert blame(name("z"), ancestry, text_of) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=8), min_size=1, max_size=6))
def test_blame_names_versions_that_have_the_line(history: list[list[str]]) -> None:
    texts = {EntryId(bytes([at]) * 32): "".join(f"{x}\n" for x in text) for at, text in enumerate(history)}
    order = list(texts)[::-1]
    follows = {version: [before] for version, before in pairwise(order)}
    newest = texts[order[0]]
    blamed = blame(order[0], Ancestry(order, follows), texts.get)
    assert len(blamed) == len(lines_of(newest))
    assert all(line in texts[version] for line, version in zip(lines_of(newest), blamed, strict=True))
