"""From which version two others come, and what of their headings goes on when they are merged. Pure.

The base of a merge is the version that both come from and that no later one, which both come from as well,
follows. Where there are several such versions their texts are merged first. Where that has conflicts, or
where there is no base at all, the merge begins with nothing: then whatever differs is shown to a person.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from node.apps.documents.bodies import MAX_TAGS, Version
from node.apps.documents.merging import Merged, merge
from store.ids import EntryId

MAX_BASES: Final = 8
"""Bases of one merge that are merged with each other; of more, none counts."""

Follows = Mapping[EntryId, Sequence[EntryId]]
"""By version: the versions that it follows and that are here."""


class Heading(NamedTuple):
    """What a version says about its text."""

    title: str
    media_type: str
    language: str
    tags: tuple[str, ...]
    public: bool


def heading_of(version: Version) -> Heading:
    """The heading of a version."""
    return Heading(version.title, version.media_type, version.language, version.tags, version.public)


def bases(one: Iterable[EntryId], other: Iterable[EntryId], follows: Follows) -> list[EntryId]:
    """The bases of a merge of two versions, in the order of their ids.

    Each side may be several versions that were merged already.
    """
    common = _ancestry(one, follows) & _ancestry(other, follows)
    earlier = {parent for version in common for parent in follows.get(version, ())}
    return sorted(common - earlier)


def base_text(found: Sequence[EntryId], follows: Follows, text_of: Callable[[EntryId], str]) -> str:
    """The text with which a merge begins; empty where there is none to begin with."""
    if not found or len(found) > MAX_BASES:
        return ""
    text, done = text_of(found[0]), [found[0]]
    for version in found[1:]:
        before = bases(done, [version], follows)
        start = text_of(before[0]) if len(before) == 1 else ""
        merged = merge(start, text, text_of(version), "base", "base")
        if merged.conflicts:
            return ""
        text = merged.text
        done.append(version)
    return text


def merge_versions(
    merged: Sequence[EntryId],
    text: str,
    other: EntryId,
    follows: Follows,
    text_of: Callable[[EntryId], str],
    names: tuple[str, str],
) -> Merged:
    """Merge `text`, which stands for the versions `merged`, with another version.

    `names` of both sides stand at the marks of conflicts.
    """
    start = base_text(bases(merged, [other], follows), follows, text_of)
    return merge(start, text, text_of(other), *names)


def merge_headings(base: Heading | None, ours: Heading, theirs: Heading) -> Heading:
    """What goes on: what one side changed; where both did, ours. Tags that either added, none that either
    took away. Without a base a text is public only where both are.
    """
    if base is None:
        tags = dict.fromkeys((*ours.tags, *theirs.tags))
        return ours._replace(tags=tuple(tags)[:MAX_TAGS], public=ours.public and theirs.public)
    dropped = set(base.tags) - (set(ours.tags) & set(theirs.tags))
    tags = dict.fromkeys(tag for tag in (*ours.tags, *theirs.tags) if tag not in dropped)
    return Heading(
        theirs.title if ours.title == base.title else ours.title,
        theirs.media_type if ours.media_type == base.media_type else ours.media_type,
        theirs.language if ours.language == base.language else ours.language,
        tuple(tags)[:MAX_TAGS],
        theirs.public if ours.public == base.public else ours.public,
    )


def _ancestry(versions: Iterable[EntryId], follows: Follows) -> set[EntryId]:
    """These versions and all that they come from."""
    found: set[EntryId] = set()
    waiting = list(versions)
    while waiting:
        version = waiting.pop()
        if version not in found:
            found.add(version)
            waiting += follows.get(version, ())
    return found
