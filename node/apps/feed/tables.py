"""The tables of the feed, for all apps of this room: what each row means, and in which order it lies.

The order of a post is the largest (claimed time of the post n answers above it) + n, for n from 0 to 16 and
as far up as posts are in the view: an answer stands after its question, whatever clocks said. What a post
answers is its first link. Posts of one order stand by id. A *tie* is the first 56 bits of an id as a number.

    feed_posts      (k, at, tie)            every post: key of its entry, order in ms
    feed_timeline   (at, tie, k)            the same, in order
    feed_links      (parent, at, tie, k, place, rest)
                                            every link of a post: tie of the entry linked to; order, tie and
                                            key of the post, which of its links it is (0: what it answers),
                                            and the next 56 bits of the id, for who has to be sure
    feed_topics     (topic, at, tie, k)     posts by the topics of their own body
    feed_addressed  (who, at, tie, k, why)  posts that mention somebody (`MENTIONED`, tie of the who), or
                                            answer a post of a device (`ANSWERED`, tie of the device)
    feed_reactions  (target, k, device, seq, symbol, kept, rest)
                                            every reaction: tie and next bits of its target. Of one device,
                                            target and symbol the one of the highest seq counts, if it is kept
    feed_amendments (target, kind, time_ms, tie, k, device, language, version, rest)
                                            corrections and translations: tie and next bits of their target,
                                            claimed time; tie of the version that was translated, 0 in
                                            corrections

Whoever has some hours can make two ids that share their first 56 bits, so that what was said about one would
stand under the other: readers compare the next bits as well, or look at the links of the entries. Whether an
amendment counts is asked when it is shown, for it depends on who belongs to whom.
"""

from typing import Final

from store.sqlite.gathering import Gathered
from store.sqlite.views import Schema

MENTIONED: Final = 1
ANSWERED: Final = 2
"""Why somebody is addressed."""

_TIE_BYTES: Final = 7

PLAIN: Final = "feed_posts"
"""The one table whose rows come in the order of its key. All others are gathered."""

SCHEMA: Final = Schema(
    "feed",
    5,
    (f"CREATE TABLE {PLAIN} (k INTEGER PRIMARY KEY, at INT NOT NULL, tie INT NOT NULL)",),
    (
        Gathered("feed_timeline", ("at INT", "tie INT", "k INT"), 3),
        Gathered(
            "feed_links",
            ("parent INT", "at INT", "tie INT", "k INT", "place INT", "rest INT NOT NULL"),
            5,
        ),
        Gathered("feed_topics", ("topic TEXT", "at INT", "tie INT", "k INT"), 4),
        Gathered("feed_addressed", ("who INT", "at INT", "tie INT", "k INT", "why INT"), 5),
        Gathered(
            "feed_reactions",
            (
                "target INT",
                "k INT",
                "device BLOB NOT NULL",
                "seq INT NOT NULL",
                "symbol TEXT NOT NULL",
                "kept INT NOT NULL",
                "rest INT NOT NULL",
            ),
            2,
        ),
        Gathered(
            "feed_amendments",
            (
                "target INT",
                "kind INT",
                "time_ms INT",
                "tie INT",
                "k INT",
                "device BLOB NOT NULL",
                "language TEXT NOT NULL",
                "version INT NOT NULL",
                "rest INT NOT NULL",
            ),
            5,
        ),
    ),
)

COLUMNS: Final = {PLAIN: ("k", "at", "tie")} | {table.name: table.names for table in SCHEMA.gathered}
"""Of each table. Rows are told apart by the columns up to and with ``k``, and ``why``."""


def tie_of(entry_id: bytes) -> int:
    """The first 56 bits of an id as a number: ordered as ids are, and fits an SQLite integer."""
    return int.from_bytes(entry_id[:_TIE_BYTES], "big")


def rest_of(entry_id: bytes) -> int:
    """The 56 bits after those: nobody makes two ids of which both are equal."""
    return int.from_bytes(entry_id[_TIE_BYTES : 2 * _TIE_BYTES], "big")
