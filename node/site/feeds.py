"""Atom feeds (RFC 4287) of a public site: what stands in them, and how entries are named. Pure.

An entry keeps its name wherever the site moves: ``urn:uuid:`` with a digest of what it shows.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from node.site import marking, places
from node.site.content import Site
from node.site.texts import Shown, excerpt, texts_of
from node.site.threads import Thread
from store.crypto import digest

MAX_ENTRIES: Final = 50
"""Of one feed, the newest; readers come more often than that."""

MAX_LANGUAGES: Final = 50
"""Feeds of single languages."""

MAX_TITLE_CHARS: Final = 80
"""Of a message, which has none: its beginning."""


class FeedEntry(NamedTuple):
    """One entry of a feed."""

    id: str
    title: str
    author: str
    """Empty: nobody who is named."""
    link: str
    """From the top of the site."""
    published_ms: int
    language: str
    html: str
    """As text: it is escaped in the feed."""


def feed_languages(site: Site) -> tuple[str, ...]:
    """The languages in which something is published, by tag."""
    tags = {post.language for post in site.posts}
    tags |= {each.language for post in site.posts for each in post.translations}
    tags |= {text.language for document in site.documents for text in texts_of(document)}
    return tuple(sorted(tag for tag in tags if tag))[:MAX_LANGUAGES]


def feed_entries(
    site: Site, threads: Sequence[Thread], language: str | None, markdown: Callable[[str, int], str]
) -> list[FeedEntry]:
    """The newest messages and documents; with `language` those that are in it. `markdown`: text to HTML."""
    first = site.languages[0]
    names = {member.id: member.name for member in site.members}
    found = []
    for thread in threads:
        page = places.conversation(first, thread.root)
        for post in (thread.root, *(answer.post for answer in thread.answers)):
            texts = [Shown(post.language, "", post.text, False, post.time_ms, True)]
            texts += [Shown(*each[:5], False) for each in post.translations]
            for text in _wanted(texts, language):
                title = excerpt(marking.words(text.text), MAX_TITLE_CHARS)
                name = _name(b"post", post.id, text)
                html = str(markdown(text.text, 3))
                author = names.get(post.author or b"", "") if text.is_original else ""
                found.append(FeedEntry(name, title, author, page, text.time_ms, text.language, html))
    for document in site.documents:
        for text in _wanted(texts_of(document), language):
            title = text.title or document.shown_title
            name = _name(b"document", document.name.encode(), text)
            link = places.document(first, document, text.language)
            html = str(markdown(text.text, 3) if document.is_markdown else marking.as_it_is(text.text))
            author = names.get(document.author or b"", "") if text.is_original else ""
            found.append(FeedEntry(name, title, author, link, text.time_ms, text.language, html))
    return sorted(found, key=lambda each: (-each.published_ms, each.id))[:MAX_ENTRIES]


def _wanted(texts: Sequence[Shown], language: str | None) -> list[Shown]:
    return [text for text in texts if language is None or text.language == language]


def newest_ms(entries: Sequence[FeedEntry]) -> int:
    """When a feed changed last; 0 where it is empty."""
    return max((entry.published_ms for entry in entries), default=0)


def feed_name(site: Site, language: str | None) -> str:
    """The id of a feed."""
    return _urn(b"feed\0" + site.title.encode() + b"\0" + (language or "").encode())


def _name(kind: bytes, what: bytes, text: Shown) -> str:
    tag = b"" if text.is_original else text.language.encode()
    return _urn(kind + b"\0" + what + b"\0" + tag)


def _urn(what: bytes) -> str:
    """A UUID of version 8 (RFC 9562) made of a digest."""
    value = bytearray(digest(b"asterism/site/1\0" + what)[:16])
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    text = value.hex()
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
