"""The bodies of the log `feed`: posts, reactions, corrections and translations. Pure.

Content, canonical msgpack (see `store.entry` for the salt before it):

    1  post         [1, text, language, topics, mentions, attachments, public]  links: none | parent[, root]
    2  reaction     [2, symbol, on]                                             links: what it is about
    3  correction   [3, …] as a post                                            links: the post
    4  translation  [4, text, language, version, public]                        links: the post

Elements at the end that are empty lists or false may be left out, and a writer leaves them out. Elements
after these are reserved and ignored. What breaks a rule is not understood: `parse` gives None, and never
raises. docs/protocol/feed.md is the specification.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.apps.feed.topics import is_topic
from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.codec import decode_shaped
from store.entry import MAX_BODY_BYTES, SALT_BYTES, content_of, make_body
from store.errors import InvalidEntry, NotCanonical, TooLarge
from store.ids import ID_BYTES, EntryId

POST: Final = 1
REACTION: Final = 2
CORRECTION: Final = 3
TRANSLATION: Final = 4

MAX_LANGUAGE_CHARS: Final = 35
"""Longest language tag that BCP 47 asks an implementation to keep."""

MAX_TEXT_BYTES: Final = MAX_BODY_BYTES - 64
"""Longest text of a post in UTF-8: a body less salt, kind, language and framing."""

MAX_TOPICS: Final = 16
"""Of one message: a row in the view each."""

MAX_MENTIONS: Final = 32
"""Of one message: a row in somebody's inbox each."""

MAX_TYPED_CHARS: Final = 160
"""Longest name as it was typed after an @: the longest name with its mark."""

MAX_ATTACHMENTS: Final = 16
"""Files of one message; more belong into a folder."""

MAX_FILE_NAME_CHARS: Final = 255
MAX_MEDIA_TYPE_CHARS: Final = 100
MAX_FILE_BYTES: Final = 2**34
"""The largest blob, 16 GiB."""

MAX_SYMBOL_BYTES: Final = 32
"""The longest emoji of families and flags has 35 bytes in UTF-8 and is not worth it; words fit, too."""

_MAX_ITEMS: Final = 1_024
_TAG: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class Attachment(NamedTuple):
    """A file that belongs to a message."""

    blob: bytes
    """32 bytes."""
    name: str
    media_type: str
    size: int
    """Bytes."""


class Post(NamedTuple):
    """What a person said, at first or as a correction."""

    text: str
    language: str
    """A language tag, or empty: not said."""
    topics: tuple[str, ...] = ()
    mentions: tuple[tuple[str, bytes], ...] = ()
    """Names as they stand in the text without @, each with whom it means (32 bytes)."""
    attachments: tuple[Attachment, ...] = ()
    public: bool = False
    """May it stand on a public site?"""


class Reaction(NamedTuple):
    """A sign under a message."""

    symbol: str
    on: bool
    """False: it is taken back."""


class Correction(NamedTuple):
    """What a message is to say from now on."""

    post: Post


class Translation(NamedTuple):
    """A message in another language."""

    text: str
    language: str
    version: EntryId
    """The post or correction that was translated."""
    public: bool = False


Content: TypeAlias = Post | Reaction | Correction | Translation


# --- writing ------------------------------------------------------------------------------------------


def compose(post: Post, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a post that a person wants to publish.

    Raises:
        BadData: the text is blank or no valid Unicode, or another value breaks a rule.
        TextTooLarge: it does not fit into a body.
    """
    return _compose_said(POST, post, salt)


def compose_correction(post: Post, salt: bytes) -> bytes:
    """The body of a correction. Raises: as `compose`."""
    return _compose_said(CORRECTION, post, salt)


def compose_reaction(symbol: str, on: bool, salt: bytes) -> bytes:
    """The body of a reaction, or of taking one back. Raises: BadData: this is no symbol."""
    if not _is_symbol(symbol):
        raise BadData(
            f"{quoted(symbol)} is no reaction.",
            f"Use one emoji or short word: at most {MAX_SYMBOL_BYTES} bytes, without spaces.",
        )
    return make_body(salt, [REACTION, symbol, on])


def compose_translation(text: str, language: str, version: EntryId, public: bool, salt: bytes) -> bytes:
    """The body of a translation of the post or correction `version`. Raises: as `compose`."""
    _check_text(text)
    if not language or not _is_tag(language):
        raise BadData(
            "A translation says which language it is in.", "Give a tag such as de, pt-BR or zh-Hant."
        )
    return _fit(salt, [TRANSLATION, text, language, version, public], text)


def _compose_said(kind: int, post: Post, salt: bytes) -> bytes:
    _check_text(post.text)
    if not _is_tag(post.language):
        raise BadData(
            f"{quoted(post.language)} is no language tag.", "Use a tag such as de, pt-BR or zh-Hant."
        )
    for number, most, what in (
        (len(post.topics), MAX_TOPICS, "topics"),
        (len(post.mentions), MAX_MENTIONS, "mentions"),
        (len(post.attachments), MAX_ATTACHMENTS, "files"),
    ):
        if number > most:
            raise BadData(f"A message has at most {most} {what}, this one {number}.", "Use fewer.")
    if not (
        _are_topics(tuple(post.topics))
        and _are_mentions(tuple(map(tuple, post.mentions)))
        and _are_attachments(tuple(map(tuple, post.attachments)))
    ):
        raise BadData("A topic, a mention or a file of this message breaks a rule.", "Leave it out.")
    mentions, files = tuple(map(tuple, post.mentions)), tuple(map(tuple, post.attachments))
    return _fit(
        salt, [kind, post.text, post.language, tuple(post.topics), mentions, files, post.public], post.text
    )


def _check_text(text: str) -> None:
    if not text.strip():
        raise BadData("There is nothing to post: the text is blank.", "Give a text.")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    if size > MAX_TEXT_BYTES:
        raise _too_large(size)


def _too_large(size: int) -> TextTooLarge:
    return TextTooLarge(
        f"A message has at most {MAX_TEXT_BYTES:,} bytes; this text has {size:,}.",
        "Publish it as a document, which may be longer: aster doc put PATH; then post where it is.",
    )


def _fit(salt: bytes, content: list[Any], text: str) -> bytes:
    """A body without the elements at its end that say nothing."""
    while content[-1] is False or content[-1] == ():
        content.pop()
    try:
        return make_body(salt, content)
    except TooLarge as error:
        raise _too_large(len(text.encode())) from error
    except (NotCanonical, ValueError) as error:
        raise BadData(str(error), "Shorten the text.") from error


# --- reading ------------------------------------------------------------------------------------------


def parse(body: bytes) -> Content | None:
    """What a body says, or None where this version does not understand it. Never raises.

    Every entry passes here, so it is quick: types are checked only once.
    """
    try:
        content = decode_shaped(body[SALT_BYTES:], MAX_BODY_BYTES, _MAX_ITEMS)
    except NotCanonical:
        return None
    if type(content) is not tuple or not content or type(content[0]) is not int:
        return None
    kind = content[0]
    known = _KNOWN.get(kind)
    if known is None:
        return None
    most, read = known
    if len(content) > most:
        try:
            content_of(body)  # what is reserved has to be canonical, too
        except InvalidEntry:
            return None
    return read(content)


def text_of(body: bytes) -> str | None:
    """The text of a post, correction or translation; None where there is none to be searched for."""
    return searched(parse(body))


def searched(content: Content | None) -> str | None:
    """The text that people may search for in what a body says."""
    match content:
        case Post(text) | Translation(text):
            return text
        case Correction(post):
            return post.text
        case _:
            return None


def _read_post(content: tuple[Any, ...]) -> Post | None:
    size = len(content)
    if size < 3:
        return None
    text, language = content[1], content[2]
    if type(text) is not str or type(language) is not str or text == "" or text.isspace():
        return None
    if not _is_tag(language):
        language = ""
    if size == 3:
        return Post(text, language)
    topics = content[3]
    mentions = content[4] if size > 4 else ()
    attachments = content[5] if size > 5 else ()
    public = content[6] if size > 6 else False
    if type(public) is not bool or not _are_topics(topics):
        return None
    if not _are_mentions(mentions) or not _are_attachments(attachments):
        return None
    files = tuple(map(Attachment._make, attachments)) if attachments else ()
    return Post(text, language, topics, mentions, files, public)


def _read_reaction(content: tuple[Any, ...]) -> Reaction | None:
    if len(content) < 2 or not _is_symbol(content[1]):
        return None
    on = content[2] if len(content) > 2 else False
    return Reaction(content[1], on) if type(on) is bool else None


def _read_correction(content: tuple[Any, ...]) -> Correction | None:
    post = _read_post(content)
    return None if post is None else Correction(post)


def _read_translation(content: tuple[Any, ...]) -> Translation | None:
    if len(content) < 4:
        return None
    text, language, version = content[1:4]
    public = content[4] if len(content) > 4 else False
    if type(text) is not str or type(language) is not str or text == "" or text.isspace():
        return None
    if not language or not _is_tag(language) or not _is_id(version) or type(public) is not bool:
        return None
    return Translation(text, language, EntryId(version), public)


_KNOWN: Final[dict[int, tuple[int, Callable[[tuple[Any, ...]], Content | None]]]] = {
    POST: (7, _read_post),
    REACTION: (3, _read_reaction),
    CORRECTION: (7, _read_correction),
    TRANSLATION: (5, _read_translation),
}
"""Of each kind how many elements this version knows, and how it is read."""


def _is_tag(language: str) -> bool:
    return len(language) <= MAX_LANGUAGE_CHARS and _TAG.issuperset(language)


def _is_id(value: object) -> bool:
    return type(value) is bytes and len(value) == ID_BYTES


def _is_symbol(symbol: object) -> bool:
    if type(symbol) is not str or not symbol or symbol.isspace():
        return False
    try:
        size = len(symbol.encode())
    except UnicodeEncodeError:
        return False
    return size <= MAX_SYMBOL_BYTES and not any(map(_is_blank, symbol))


def _is_blank(char: str) -> bool:
    """White space or a control character; joiners, of which emoji are made, are neither."""
    return char.isspace() or ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029"


def _are_topics(topics: object) -> bool:
    return (
        type(topics) is tuple
        and len(topics) <= MAX_TOPICS
        and all(type(topic) is str and is_topic(topic) for topic in topics)
    )


def _are_mentions(mentions: object) -> bool:
    return type(mentions) is tuple and len(mentions) <= MAX_MENTIONS and all(map(_is_mention, mentions))


def _is_mention(mention: Any) -> bool:  # noqa: ANN401  what was decoded may be anything
    if not isinstance(mention, tuple) or len(mention) != 2:
        return False
    typed, who = mention
    return type(typed) is str and 1 <= len(typed) <= MAX_TYPED_CHARS and _is_one_line(typed) and _is_id(who)


def _are_attachments(attachments: object) -> bool:
    return (
        type(attachments) is tuple
        and len(attachments) <= MAX_ATTACHMENTS
        and all(map(_is_attachment, attachments))
    )


def _is_attachment(attachment: Any) -> bool:  # noqa: ANN401  what was decoded may be anything
    if type(attachment) is not tuple or len(attachment) != 4:
        return False
    blob, name, media_type, size = attachment
    return (
        _is_id(blob)
        and type(name) is str
        and 1 <= len(name) <= MAX_FILE_NAME_CHARS
        and _is_one_line(name)
        and "/" not in name
        and type(media_type) is str
        and len(media_type) <= MAX_MEDIA_TYPE_CHARS
        and media_type.isascii()
        and media_type.isprintable()
        and type(size) is int
        and 0 <= size <= MAX_FILE_BYTES
    )


def _is_one_line(text: str) -> bool:
    return not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029" for char in text)


def links_of_answer(parent: EntryId, parent_links: Sequence[EntryId]) -> tuple[EntryId, ...]:
    """What an answer to a post links to: the post, and the root of its thread where that is another entry."""
    root = parent_links[-1] if parent_links else parent
    return (parent,) if root == parent else (parent, root)
