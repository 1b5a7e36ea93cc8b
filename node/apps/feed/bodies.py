"""The body of a post, in the log `feed`.

Content, canonical msgpack (see `store.entry` for the salt before it):

    0  kind      int  1
    1  text      str  at least one character that is not white space
    2  language  str  a language tag (BCP 47) of at most 35 characters, or empty: not said

A post with links answers the first of them. Elements after these are reserved and ignored, so that
later versions can add to a post without hiding it from older nodes. Limits of size: the body's.
"""

from typing import Any, Final, NamedTuple

from node.errors import BadData, TextTooLarge
from node.quoting import quoted
from store.codec import decode_shaped
from store.entry import MAX_BODY_BYTES, SALT_BYTES, content_of, make_body
from store.errors import InvalidEntry, NotCanonical, TooLarge

KIND: Final = 1

MAX_LANGUAGE_CHARS: Final = 35
"""Longest language tag that BCP 47 asks an implementation to keep."""

MAX_TEXT_BYTES: Final = MAX_BODY_BYTES - 64
"""Longest text of a post in UTF-8: a body less salt, kind, language and framing."""

_ITEMS: Final = 3
_TAG: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class Post(NamedTuple):
    """What a person said."""

    text: str
    language: str


def compose(text: str, language: str, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a post that a person wants to publish.

    Raises:
        BadData: the text is blank or no valid Unicode, or the language is no tag.
        TextTooLarge: over `MAX_TEXT_BYTES`.
    """
    if not text.strip():
        raise BadData("There is nothing to post: the text is blank.", "Give a text.")
    if not _is_tag(language):
        raise BadData(f"{quoted(language)} is no language tag.", "Use a tag such as de, pt-BR or zh-Hant.")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadData("The text is not valid Unicode (UTF-8).", "Convert it to UTF-8.") from error
    if size > MAX_TEXT_BYTES:
        raise TextTooLarge(
            f"A post has at most {MAX_TEXT_BYTES} bytes; this text has {size}.",
            "Split it, or publish it as a document in parts.",
        )
    try:
        return make_body(salt, [KIND, text, language])
    except (TooLarge, NotCanonical) as error:
        raise BadData(str(error), "Shorten the text.") from error


def parse(body: bytes) -> Post | None:
    """The post in a body, or None where it is none that this version understands. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[Any, ...]) -> Post | None:
    """The post in decoded content ``(kind, …)``, or None."""
    if not _is_post(content):
        return None
    text, language = content[1:3]
    return Post(text, language if _is_tag(language) else "")


def _is_post(content: tuple[Any, ...]) -> bool:
    if len(content) < 3 or content[0] != KIND:
        return False
    text = content[1]
    return type(text) is str and type(content[2]) is str and text != "" and not text.isspace()


def _is_tag(language: str) -> bool:
    return len(language) <= MAX_LANGUAGE_CHARS and _TAG.issuperset(language)


def text_of(body: bytes) -> str | None:
    """The text of a post, without its language; None where the body is no post.

    As `parse`, at half the price for a post as this version writes it: every entry passes here.
    """
    try:
        content = decode_shaped(body[SALT_BYTES:], MAX_BODY_BYTES, _ITEMS)
    except NotCanonical:
        post = parse(body)
        return None if post is None else post.text
    if type(content) is tuple and len(content) == _ITEMS and type(content[0]) is int and _is_post(content):
        text: str = content[1]
        return text
    return None
