"""Entries of all kinds, as many people would write them in a year. For the other scripts here.

The same seed gives the same bytes. Texts have `TEXT_BYTES` bytes; 40 % of them are Cyrillic, Chinese,
Arabic or Devanagari. Words are as frequent as words are: a few are in every other text, most in next to none.
"""

import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from ingest import FOREIGN, SCRIPTS, TEXT_BYTES

from node.testing.people import Person
from store.crypto import digest
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_DOCS, LOG_FEED, LOG_FILES, LOG_PROFILE, EntryId, LogNo

AUTHORS: Final = 2_000
START_MS: Final = 1_704_067_200_000
"""1 January 2024."""

STEP_MS: Final = 30_000
WORDS: Final = 8_000
TAGS: Final = {"latin": "en", "cyrillic": "uk", "cjk": "zh-Hans", "arabic": "ar", "devanagari": "hi"}
TOPICS: Final = tuple(f"topic-{number}" for number in range(400))
SYMBOLS: Final = ("👍", "❤", "✊", "😀", "?")
LATELY: Final = 300
LATER: Final = 20_000
GREAT_THREADS: Final = 20
MIX: Final = {
    "post": 30,
    "answer": 28,
    "reaction": 16,
    "correction": 4,
    "translation": 4,
    "version": 6,
    "document translation": 2,
    "file": 5,
    "profile": 2,
    "deletion": 2,
    "receipt": 1,
}
"""In hundredths of all entries."""


class Said(NamedTuple):
    """A post that others answer."""

    id: EntryId
    root: EntryId
    author: int


class Society:
    """Writes one entry after the other, each by somebody."""

    def __init__(self, authors: int = AUTHORS, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.people = [Person(f"author {number}") for number in range(authors)]
        self.words = {
            name: [
                "".join(self.chance.choices(letters, k=self.chance.randint(2, size))) for _ in range(WORDS)
            ]
            for name, (letters, size) in SCRIPTS.items()
        }
        self.frequencies = list(accumulate(1 / (rank + 4) for rank in range(WORDS)))
        self.posts: list[Said] = []
        self.versions: list[list[EntryId]] = [[] for _ in range(authors)]
        self.deletions: list[EntryId] = []
        self.time_ms = START_MS
        self.ways: dict[str, Callable[[int], Entry]] = {
            "post": self.post,
            "answer": self.answer,
            "reaction": self.reaction,
            "correction": self.correction,
            "translation": self.translation,
            "version": self.version,
            "document translation": self.document_translation,
            "file": self.file,
            "profile": self.profile,
            "deletion": self.deletion,
            "receipt": self.receipt,
        }

    def write(self, count: int) -> list[list[Entry]]:
        """So many entries: the logs of everybody, in the order in which a sync brings them."""
        logs: dict[tuple[bytes, int], list[Entry]] = {}
        kinds = self.chance.choices(list(MIX), list(MIX.values()), k=count)
        for kind in kinds:
            self.time_ms += self.chance.randrange(2 * STEP_MS)
            entry = self.ways[kind](self.chance.randrange(len(self.people)))
            logs.setdefault((entry.author, entry.log), []).append(entry)
        return [logs[name] for name in sorted(logs, key=lambda name: digest(name[0] + bytes([name[1]])))]

    # Kinds: docs/protocol has a page for each

    def post(self, author: int) -> Entry:
        """A post that answers nothing."""
        entry = self.sign(author, LOG_FEED, [1, *self.said()])
        self.posts.append(Said(entry.id, entry.id, author))
        return entry

    def answer(self, author: int) -> Entry:
        """An answer to an earlier post."""
        parent = self.earlier()
        if parent is None:
            return self.post(author)
        links = [parent.id] if parent.id == parent.root else [parent.id, parent.root]
        entry = self.sign(author, LOG_FEED, [1, *self.said()], links)
        self.posts.append(Said(entry.id, parent.root, author))
        return entry

    def reaction(self, author: int) -> Entry:
        """A reaction to one."""
        target = self.earlier()
        if target is None:
            return self.post(author)
        content = [2, self.chance.choice(SYMBOLS), self.chance.random() < 0.95]
        return self.sign(author, LOG_FEED, content, [target.id])

    def correction(self, author: int) -> Entry:
        """A correction of one, by its author."""
        target = self.earlier()
        if target is None:
            return self.post(author)
        return self.sign(target.author, LOG_FEED, [3, *self.said()], [target.id])

    def translation(self, author: int) -> Entry:
        """A translation of one, by anybody."""
        target = self.earlier()
        if target is None:
            return self.post(author)
        text, language = self.text()
        return self.sign(author, LOG_FEED, [4, text, language, target.id, False], [target.id])

    def version(self, author: int) -> Entry:
        """The next version of the author's document."""
        mine = self.versions[author]
        text, language = self.text()
        name = f"document-{author}"
        is_long = self.chance.random() < 0.05
        head = [34 if is_long else 33, name, f"Title of {name}", "text/markdown", language, ["tag"], False]
        long = [self.chance.randbytes(32), 100_000, text]
        cut = len(text) // 2
        units = [[self.chance.randbytes(8), text[:cut]], [self.chance.randbytes(8), text[cut:]]]
        entry = self.sign(author, LOG_DOCS, [*head, *long] if is_long else [*head, units], mine[-1:])
        mine.append(entry.id)
        return entry

    def document_translation(self, author: int) -> Entry:
        """A translation of the newest version of somebody's document."""
        other = self.chance.randrange(len(self.people))
        if not self.versions[other]:
            return self.version(author)
        text, language = self.text()
        name = f"document-{other}"
        unit = [self.chance.randbytes(8), self.chance.randbytes(8), text]
        content = [35, name, f"Title of {name}", language, False, [unit]]
        return self.sign(author, LOG_DOCS, content, self.versions[other][-1:])

    def file(self, author: int) -> Entry:
        """A file."""
        text, language = self.text()
        size = self.chance.randrange(1, 2**24)
        name = f"file-{author}-{size}.pdf"
        media = "application/pdf"
        content = [48, name, media, size, self.chance.randbytes(32), False, text, language, ["tag"], False]
        return self.sign(author, LOG_FILES, content)

    def profile(self, author: int) -> Entry:
        """A profile."""
        text, language = self.text()
        fields = [[1, "uk", "Ім'я", True], [3, "", language, False], [7, language, text, True]]
        return self.sign(author, LOG_PROFILE, [64, f"author {author}", fields])

    def deletion(self, author: int) -> Entry:
        """A deletion of a post, by its author."""
        target = self.earlier()
        if target is None:
            return self.post(author)
        entry = self.sign(target.author, LOG_DELETIONS, [96, "written in haste"], [target.id])
        self.deletions.append(entry.id)
        return entry

    def receipt(self, author: int) -> Entry:
        """A receipt for a deletion."""
        if not self.deletions:
            return self.post(author)
        return self.sign(author, LOG_DELETIONS, [97], [self.chance.choice(self.deletions[-LATELY:])])

    # Inside

    def sign(
        self, author: int, log: LogNo, content: Sequence[object], links: Sequence[EntryId] = ()
    ) -> Entry:
        """The next entry of a log of that author."""
        return self.people[author].write(content, log, links, self.time_ms)

    def earlier(self) -> Said | None:
        """A post that somebody answers: mostly of today, sometimes of the month, or in a great thread."""
        if not self.posts:
            return None
        chance = self.chance.random()
        if chance < 0.05:
            return self.posts[self.chance.randrange(min(GREAT_THREADS, len(self.posts)))]
        return self.posts[
            -1 - self.chance.randrange(min(LATELY if chance < 0.75 else LATER, len(self.posts)))
        ]

    def said(self) -> list[object]:
        """Text, language, topics, mentions, attachments and whether it is public."""
        text, language = self.text()
        topics = self.chance.sample(TOPICS, 1) if self.chance.random() < 0.3 else []
        mentions: list[object] = []
        if self.chance.random() < 0.2:
            number = self.chance.randrange(len(self.people))
            mentions.append([f"author {number}", self.people[number].id])
        attachments: list[object] = []
        if self.chance.random() < 0.02:
            attachments.append([self.chance.randbytes(32), "picture.jpg", "image/jpeg", 200_000])
        return [text, language, topics, mentions, attachments, self.chance.random() < 0.1]

    def text(self) -> tuple[str, str]:
        """`TEXT_BYTES` bytes of words, and their language."""
        foreign = [name for name in SCRIPTS if name != "latin"]
        script = self.chance.choice(foreign) if self.chance.random() < FOREIGN else "latin"
        words = self.chance.choices(self.words[script], cum_weights=self.frequencies, k=TEXT_BYTES // 3)
        text = " ".join(words).encode()[:TEXT_BYTES].decode(errors="ignore")
        return text, TAGS[script]
