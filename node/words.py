"""Words that a person searches for, over the index: which entries have them, and whether one entry does.

The index knows entries by their claimed time in seconds and their key, so both questions are cheap: the
newest hits come first, and one entry is one place in it. What may be shown is for the apps to say.
"""

from collections.abc import Iterator
from typing import Final

from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.errors import TooLarge
from store.interface import EntryKey
from store.search_text import match_expression
from store.sqlite.search import Hit, SearchIndex

_LARGEST_PAGE: Final = 12_800
"""Pages double up to here: each begins a walk through the index anew."""

PROBES_AT_MOST: Final = 5
"""Asking for one entry costs about as much as looking at so many hits: who has few candidates and many
hits asks for the candidates."""


class Words:
    """All of these words, in any order; what stands in double quotes, as a phrase."""

    def __init__(self, index: SearchIndex, text: str) -> None:
        """Raises: BadData: nothing in `text` can be searched for. TextTooLarge: too many words."""
        try:
            expression = match_expression(text)
        except TooLarge as error:
            raise TextTooLarge(f"The search is too long: {error}.", "Use fewer words.") from error
        if expression is None:
            raise BadData(
                f"There is nothing in {quoted(text)} to search for.", "A search has letters or digits."
            )
        self._index = index
        self._text = text

    @property
    def text(self) -> str:
        """What the person typed."""
        return self._text

    def hits(
        self, since_ms: int, until_ms: int, first: int = 200, before: Hit | None = None
    ) -> Iterator[list[Hit]]:
        """Entries of all apps with these words that claim a time between the two, the latest first, in pages.

        `first`: hits in the first page. `before`: only those after this one.

        Raises: StorageFull, StoreLocked: the index could not catch up.
        """
        page = min(first, _LARGEST_PAGE)
        while True:
            hits = self._index.search(self._text, page, since_ms=since_ms, until_ms=until_ms, before=before)
            if hits:
                yield hits
            if len(hits) < page:
                return
            page, before = min(2 * page, _LARGEST_PAGE), hits[-1]

    def occur_in(self, key: int, time_ms: int) -> bool:
        """Does the entry of that key, which claims that time, have them? Raises: as `hits`."""
        return self._index.contains(self._text, EntryKey(key), time_ms)
