"""Entries of all kinds, as many people write them: for tests of views, and for benchmarks. Pure.

The same seed gives the same bytes. Words are as frequent as words are: a few are in every other text, most in
next to none. docs/protocol has a page for each kind.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from node.testing.people import Person
from store.crypto import digest
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_DOCS, LOG_FEED, LOG_FILES, LOG_PROFILE, EntryId, LogNo

START_MS: Final = 1_704_067_200_000
"""1 January 2024."""

STEP_MS: Final = 30_000
"""Between two entries, on average."""

TOPICS: Final = tuple(f"topic-{number}" for number in range(400))
SYMBOLS: Final = ("👍", "❤", "✊", "😀", "?")
LATELY: Final = 300
"""Posts that most answers are about: the newest."""

LATER: Final = 20_000
GREAT_THREADS: Final = 20
"""The first so many posts are answered again and again."""

SCRIPTS: Final[Mapping[str, tuple[str, int]]] = {
    "en": ("abcdefghijklmnopqrstuvwxyz", 7),
    "uk": ("абвгдежзийклмнопрстуфхцчшщъыьэюя", 7),
    "zh-Hans": ("".join(map(chr, range(0x4E00, 0x5600))), 12),
    "ar": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", 6),
    "hi": ("अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौ्", 6),
}
"""Languages with their letters and the longest word."""

FOREIGN: Final = 0.4
"""Texts that are not in the first of them."""

MIX: Final[Mapping[str, int]] = {
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
"""Of a hundred entries."""


class Said(NamedTuple):
    """A post that others answer."""

    id: EntryId
    root: EntryId
    author: int


class Society:
    """Writes one entry after the other, each by somebody."""

    def __init__(self, authors: int, seed: int = 1, words: int = 8_000, text_bytes: int = 300) -> None:
        """`words`: of each language."""
        self.chance = random.Random(seed)
        self.people = [Person(f"author {number}") for number in range(authors)]
        self.text_bytes = text_bytes
        self.words = {
            tag: ["".join(self.chance.choices(letters, k=self.chance.randint(2, size))) for _ in range(words)]
            for tag, (letters, size) in SCRIPTS.items()
        }
        self.posts: list[Said] = []
        self._frequencies = list(accumulate(1 / (rank + 4) for rank in range(words)))
        self._versions: list[list[EntryId]] = [[] for _ in range(authors)]
        self._deletions: list[EntryId] = []
        self._time_ms = START_MS
        self._ways: Mapping[str, Callable[[int], Entry]] = {
            "post": self._post,
            "answer": self._answer,
            "reaction": self._reaction,
            "correction": self._correction,
            "translation": self._translation,
            "version": self._version,
            "document translation": self._document_translation,
            "file": self._file,
            "profile": self._profile,
            "deletion": self._deletion,
            "receipt": self._receipt,
        }

    def write(self, count: int) -> list[list[Entry]]:
        """So many entries: the logs of everybody, in the order in which a sync brings them."""
        logs: dict[tuple[bytes, int], list[Entry]] = {}
        for kind in self.chance.choices(list(MIX), list(MIX.values()), k=count):
            self._time_ms += self.chance.randrange(2 * STEP_MS)
            entry = self._ways[kind](self.chance.randrange(len(self.people)))
            logs.setdefault((entry.author, entry.log), []).append(entry)
        return [logs[name] for name in sorted(logs, key=lambda name: digest(name[0] + bytes([name[1]])))]

    def text(self) -> tuple[str, str]:
        """As many bytes as a text has, and their language."""
        first, *others = SCRIPTS
        tag = self.chance.choice(others) if self.chance.random() < FOREIGN else first
        words = self.chance.choices(self.words[tag], cum_weights=self._frequencies, k=self.text_bytes // 3)
        return " ".join(words).encode()[: self.text_bytes].decode(errors="ignore"), tag

    # Kinds

    def _post(self, author: int) -> Entry:
        entry = self._sign(author, LOG_FEED, [1, *self._said()])
        self.posts.append(Said(entry.id, entry.id, author))
        return entry

    def _answer(self, author: int) -> Entry:
        parent = self._earlier()
        if parent is None:
            return self._post(author)
        links = [parent.id] if parent.id == parent.root else [parent.id, parent.root]
        entry = self._sign(author, LOG_FEED, [1, *self._said()], links)
        self.posts.append(Said(entry.id, parent.root, author))
        return entry

    def _reaction(self, author: int) -> Entry:
        target = self._earlier()
        if target is None:
            return self._post(author)
        content = [2, self.chance.choice(SYMBOLS), self.chance.random() < 0.9]
        return self._sign(author, LOG_FEED, content, [target.id])

    def _correction(self, author: int) -> Entry:
        target = self._earlier()
        if target is None:
            return self._post(author)
        return self._sign(target.author, LOG_FEED, [3, *self._said()], [target.id])

    def _translation(self, author: int) -> Entry:
        target = self._earlier()
        if target is None:
            return self._post(author)
        text, language = self.text()
        return self._sign(author, LOG_FEED, [4, text, language, target.id, False], [target.id])

    def _version(self, author: int) -> Entry:
        mine = self._versions[author]
        text, language = self.text()
        name = f"document-{author}"
        is_long = self.chance.random() < 0.05
        head = [34 if is_long else 33, name, f"Title of {name}", "text/markdown", language, ["tag"], False]
        long = [self.chance.randbytes(32), 100_000, text]
        cut = len(text) // 2
        units = [[self.chance.randbytes(8), text[:cut]], [self.chance.randbytes(8), text[cut:]]]
        followed = self.chance.choices(mine[-2:], k=1) if mine else []
        entry = self._sign(author, LOG_DOCS, [*head, *long] if is_long else [*head, units], followed)
        mine.append(entry.id)
        return entry

    def _document_translation(self, author: int) -> Entry:
        other = self.chance.randrange(len(self.people))
        if not self._versions[other]:
            return self._version(author)
        text, language = self.text()
        name = f"document-{other}"
        unit = [self.chance.randbytes(8), self.chance.randbytes(8), text]
        content = [35, name, f"Title of {name}", language, False, [unit]]
        return self._sign(author, LOG_DOCS, content, self._versions[other][-1:])

    def _file(self, author: int) -> Entry:
        text, language = self.text()
        size = self.chance.randrange(1, 2**24)
        name = f"file-{author}-{size}.pdf"
        media = "application/pdf"
        content = [48, name, media, size, self.chance.randbytes(32), False, text, language, ["tag"], False]
        return self._sign(author, LOG_FILES, content)

    def _profile(self, author: int) -> Entry:
        text, language = self.text()
        fields = [[1, "uk", "Ім'я", True], [3, "", language, False], [7, language, text, True]]
        return self._sign(author, LOG_PROFILE, [64, f"author {author}", fields])

    def _deletion(self, author: int) -> Entry:
        target = self._earlier()
        if target is None:
            return self._post(author)
        entry = self._sign(target.author, LOG_DELETIONS, [96, "written in haste"], [target.id])
        self._deletions.append(entry.id)
        return entry

    def _receipt(self, author: int) -> Entry:
        if not self._deletions:
            return self._post(author)
        return self._sign(author, LOG_DELETIONS, [97], [self.chance.choice(self._deletions[-LATELY:])])

    # Inside

    def _sign(
        self, author: int, log: LogNo, content: Sequence[object], links: Sequence[EntryId] = ()
    ) -> Entry:
        return self.people[author].write(content, log, links, self._time_ms)

    def _earlier(self) -> Said | None:
        """A post that somebody answers: mostly of today, sometimes of the month, or in a great thread."""
        if not self.posts:
            return None
        chance = self.chance.random()
        if chance < 0.05:
            return self.posts[self.chance.randrange(min(GREAT_THREADS, len(self.posts)))]
        newest = min(LATELY if chance < 0.75 else LATER, len(self.posts))
        return self.posts[-1 - self.chance.randrange(newest)]

    def _said(self) -> list[object]:
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
