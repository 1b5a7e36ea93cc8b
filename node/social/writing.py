"""What somebody writes about posts, as bodies and links: checked against what is held here. Synchronous.

Everything that can be wrong is found before anything is written.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from node.apps.documents import service as documents
from node.apps.feed import bodies
from node.apps.feed import service as feed
from node.apps.feed.bodies import Attachment, Post
from node.apps.feed.shown import Around, Shown
from node.apps.feed.surroundings import around
from node.apps.feed.topics import read_topic, topics_in
from node.errors import Ambiguous, BadData, BadRequest, Missing, NodeError, Refused, TextTooLarge
from node.languages import read_tag
from node.looking import Look
from node.naming import Names
from node.quoting import quoted
from node.signing import Intent
from node.social.mentions import find_mentions
from node.social.people import find_who
from node.social.posts import Reader, Version, versions_of
from store.entry import SALT_BYTES
from store.errors import NotFound
from store.ids import LOG_FEED, EntryId, NotAnId, from_text, short
from store.sqlite.bodies_gone import DELETED

MIN_ID_CHARS: Final = 8
"""Of an id that is mentioned in place of a name: fewer are words too often."""


class Said(NamedTuple):
    """What a person says, before it is a body."""

    text: str
    language: str | None = None
    """As typed; None: the first of the reader's languages."""
    topics: Sequence[str] = ()
    """As typed, beside those in the text."""
    attachments: Sequence[Attachment] = ()
    public: bool = False


class Change(NamedTuple):
    """Something that is said about a post."""

    intent: Intent | None
    """None: it has been said before."""
    target: EntryId
    language: str = ""


class Desk:
    """Makes bodies of what a person says. For one request."""

    def __init__(self, look: Look, languages: Sequence[str]) -> None:
        """`languages`: what the owner reads and writes, the first one by default."""
        self._look = look
        self._language = languages[0] if languages else ""

    @cached_property
    def _names(self) -> Names:
        """The names of when they were first needed: once for all lines of a request."""
        return self._look.names.now()

    # --- posts --------------------------------------------------------------------------------------

    def post(self, said: Said, reply_to: str | None, force: bool) -> Intent:
        """A post to be written.

        Raises: BadData, TextTooLarge, Missing, Ambiguous: as they say.
        """
        links = () if reply_to is None else self._links_to(reply_to, force)
        return Intent(bodies.compose(self._content(said, strict=True), os.urandom(SALT_BYTES)), links)

    def lines(self, texts: Sequence[str], said: Said) -> list[Intent]:
        """Posts of one line each, all or none. What looks like a name and is none mentions nobody.

        Raises: BadData, TextTooLarge: with the number of the line.
        """
        intents = []
        for number, text in enumerate(texts, start=1):
            try:
                content = self._content(said._replace(text=text), strict=False)
                intents.append(Intent(bodies.compose(content, os.urandom(SALT_BYTES))))
            except NodeError as error:
                raise type(error)(
                    f"Line {number}: {error.message} Nothing was published.", error.advice
                ) from error
        return intents

    def _content(self, said: Said, strict: bool) -> Post:
        check_size(said.text)
        language = self._language if said.language is None else said.language
        topics = dict.fromkeys((*topics_in(said.text), *map(read_topic, said.topics)))
        return Post(
            said.text,
            read_tag(language) if language else "",
            tuple(topics),
            tuple(find_mentions(said.text, self._resolve, strict=strict)),
            tuple(said.attachments),
            said.public,
        )

    def _resolve(self, typed: str) -> bytes | None:
        """Whom a name or an id after an @ stands for. Raises: Ambiguous."""
        names = self._names
        called = names.called(typed)
        if len(called) == 1:
            return next(iter(called))
        if called:
            raise Ambiguous(
                f"@{typed} may be {', '.join(sorted(names.of_bearer(each) for each in called))}.",
                "Type the name with its mark, or @ and the id.",
            )
        if len(typed) < MIN_ID_CHARS:
            return None
        try:
            return find_who(self._look, typed)
        except Missing:
            return None

    def _links_to(self, text: str, force: bool) -> tuple[EntryId, ...]:
        """What an answer links to: what it answers, and the root of that thread where it is another.

        Raises: as `Look.entry_id`; BadData: it is hidden for now, or is nothing that is shown.
        """
        try:
            parent = self._look.entry_id(text)
        except Missing as error:
            if not force:
                raise Missing(
                    error.message,
                    "It may not have arrived yet: aster sync. By its whole id --force answers it.",
                ) from error
            return (_whole(text),)
        store = self._look.home.entries
        if feed.find(store, parent) is None:
            target = feed.target_of(store, parent)
            parent = parent if target is None else target
        if not force:
            self._check_shown(parent)
        try:
            entry = store.entry(parent)
        except NotFound:
            return (parent,)
        return bodies.links_of_answer(parent, entry.links if entry.log == LOG_FEED else ())

    def _check_shown(self, entry_id: EntryId) -> None:
        """Raises: BadData: an entry is not shown, so it can not be answered (docs/protocol/entry.md)."""
        store = self._look.home.entries
        shown = feed.find(store, entry_id)
        at = None if shown is None else shown.at
        if at is None:
            with store.views() as views:
                at = documents.order_of(views, entry_id)
        if at is None:
            self._check_not_deleted(entry_id)
            raise BadData(
                f"{short(entry_id)} is neither a message nor a version of a document, or its text has not "
                "come yet.",
                "Answer an entry that aster read or aster doc history shows.",
            )
        if at > self._look.until():
            raise BadData(
                f"{short(entry_id)} claims to be from the future; it is hidden until then.",
                "Answer another one.",
            )

    # --- what is said about posts --------------------------------------------------------------------

    def reaction(self, text: str, symbol: str, reader: Reader, *, on: bool) -> Change:
        """A reaction to be written, or taken back. Raises: as `target`; BadData: no symbol."""
        shown, said_of = self.target(text, reader)
        body = bodies.compose_reaction(symbol.strip(), on, os.urandom(SALT_BYTES))
        mine = {each.symbol for each in said_of.reactions if each.author == self._look.home.device}
        if (symbol.strip() in mine) == on:
            return Change(None, shown.entry.id)
        return Change(Intent(body, (shown.entry.id,)), shown.entry.id)

    def correction(self, text: str, said: Said, public: bool | None, reader: Reader) -> Change:
        """A correction to be written: another text in the place of one's own. Files stay.

        Raises: as `target` and `post`; Refused: the post is somebody else's. BadData: it is the same text.
        """
        shown, said_of = self.target(text, reader)
        names = reader.sight.names
        if names.bearer(shown.entry.author) != reader.sight.me:
            raise Refused(
                f"{short(shown.entry.id)} is a message of {names.of(shown.entry.author)}: only its author "
                "corrects it.",
                "Answer it instead: aster post --reply-to ID",
            )
        now = versions_of(shown, said_of, reader.until)[-1].post
        language = now.language if said.language is None else said.language
        content = self._content(
            said._replace(
                language=language,
                attachments=now.attachments,
                public=now.public if public is None else public,
            ),
            strict=True,
        )
        if content == now:
            raise BadData("This is what the message says already.", "See: aster history ID")
        body = bodies.compose_correction(content, os.urandom(SALT_BYTES))
        return Change(Intent(body, (shown.entry.id,)), shown.entry.id)

    def translation(self, text: str, said: Said, reader: Reader) -> Change:
        """A translation to be written. Raises: as `target` and `post`; BadRequest: into its own language.

        Refused: it shall be public, and the post is not.
        """
        shown, said_of = self.target(text, reader)
        check_size(said.text)
        current: Version = versions_of(shown, said_of, reader.until)[-1]
        language = read_tag((self._language if said.language is None else said.language) or _no_language())
        if current.post.language and read_tag(current.post.language) == language:
            raise BadRequest(
                f"{short(shown.entry.id)} is in {language} already.",
                "Say which language yours is: --lang TAG",
            )
        if said.public and not current.post.public:
            raise Refused(
                f"{short(shown.entry.id)} is not public, so a translation of it is not either.",
                "Leave --public out.",
            )
        body = bodies.compose_translation(
            said.text, language, current.entry.id, said.public, os.urandom(SALT_BYTES)
        )
        return Change(Intent(body, (shown.entry.id,)), shown.entry.id, language)

    def _check_not_deleted(self, entry_id: EntryId) -> None:
        """Raises: BadData: its author had it deleted."""
        if self._look.home.shelf.reasons_of([entry_id]).get(entry_id) == DELETED:
            raise BadData(
                f"{short(entry_id)} was deleted.",
                f"See where it is gone: aster delete --status {short(entry_id)}",
            )

    def target(self, text: str, reader: Reader) -> tuple[Shown, Around]:
        """The post that is meant, with what was said about it; of a correction the corrected one.

        Raises: as `Look.entry_id`; BadData: it is no post, or its text is not here or was deleted.
        """
        store = self._look.home.entries
        found = self._look.entry_id(text)
        shown = feed.find(store, found)
        if shown is None:
            target = feed.target_of(store, found)
            shown = None if target is None else feed.find(store, target)
        if shown is None or shown.at > reader.until:
            self._check_not_deleted(found)
            raise BadData(f"{short(found)} is no message, or its text is not here.", "See: aster read")
        return shown, around(store, [shown], reader.sight.same)[shown.entry.id]


def check_size(text: str) -> None:
    """Raises: TextTooLarge: no message could hold the text. The exact limit depends on what else is in it."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > bodies.MAX_TEXT_BYTES:
        raise TextTooLarge(
            f"A message has at most {bodies.MAX_TEXT_BYTES:,} bytes; this text has {size:,}.",
            "Publish it as a document, which may be longer: aster doc put PATH; then post where it is.",
        )


def _no_language() -> str:
    raise BadRequest("A translation says which language it is in.", "For example: --lang de")


def _whole(text: str) -> EntryId:
    try:
        return EntryId(from_text(text.strip()))
    except NotAnId as error:
        raise BadData(
            f"{quoted(text)} is no whole id, and nothing here begins so.",
            "Only by its whole id --force answers it.",
        ) from error
