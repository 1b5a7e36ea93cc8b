"""Where on the site everything is: names of files that stay the same as long as what they show. Pure.

index.html                                  the entrance, in the first language
style.css  feed.xml  feed.de.xml            one feed of all, one of each language
de/index.html  de/directory.html  de/documents.html  de/posts.html  de/posts-2026-11.html  de/files.html
de/documents/NAME.fr.html                   a document, its French text, with German labels
de/posts/ID.html                            a conversation
pictures/BLOB.jpg  files/BLOB/NAME          what is copied beside the pages
"""

import re
import unicodedata
from typing import Final

from node.site.content import Attached, Document, Post, short_name
from store.crypto import digest

STYLE: Final = "style.css"
MARKER: Final = ".asterism-site"

_SLUG_CHARS: Final = 40
_NAME_CHARS: Final = 80
_UNTAGGED: Final = "und"
_SAFE: Final = (
    "7z aac bz2 csv doc docx epub flac gif gz ics jpeg jpg json m4a md mkv mobi mov mp3 mp4 odp ods odt oga"
    " ogg ogv opus pdf png ppt pptx rtf tar tgz txt vcf wav webm webp xls xlsx xz zip zst"
)
_SAFE_SUFFIXES: Final = frozenset(_SAFE.split())
"""Endings of files that a browser shows or saves, and runs nothing of. A file of another kind is saved."""


def page(language: str, name: str) -> str:
    """A page of one language."""
    return f"{language}/{name}.html"


def archive(language: str, year_month: str) -> str:
    """The conversations of a month."""
    return page(language, f"posts-{year_month}")


def conversation(language: str, root: Post) -> str:
    """The page of a conversation, by its first public message."""
    return page(language, f"posts/{short_name(root.id)}")


def document(language: str, shown: Document, text_language: str) -> str:
    """The page of a document, with its text in one language."""
    return page(language, f"documents/{slug(shown.name)}.{_tag(text_language)}")


def feed(language: str | None) -> str:
    """The feed of all, or of what is in one language."""
    return "feed.xml" if language is None else f"feed.{_tag(language)}.xml"


def picture(blob: bytes, mark: str, suffix: str) -> str:
    """A picture that was encoded anew; `mark` tells apart sizes of one, `suffix` comes with its dot."""
    return f"pictures/{short_name(blob)}{mark}{suffix}"


def file(attached: Attached) -> str:
    """A file that is copied. Its name begins and ends as it was given, and no server takes it for a page."""
    stem, dot, suffix = attached.name.rpartition(".")
    if not dot:
        stem, suffix = attached.name, ""
    ending = suffix.casefold() if suffix.casefold() in _SAFE_SUFFIXES else "bin"
    whole = stem if ending != "bin" or not suffix else attached.name
    return f"files/{short_name(attached.blob)}/{_file_name(whole)}.{ending}"


def _file_name(text: str) -> str:
    """Letters, digits and a few signs, in lower case: a name that every system and server can have."""
    return _words(text, _NAME_CHARS) or "file"


def slug(name: str) -> str:
    """A document's name in an address: what of it is ASCII, then 20 characters that are its own."""
    own = short_name(digest(b"asterism/site/1\0" + name.encode()))
    words = _words(name, _SLUG_CHARS)
    return f"{words}-{own}" if words else own


def _words(text: str, most: int) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:most].strip("-")


def _tag(language: str) -> str:
    """A language in the name of a file; tags have letters, digits and hyphens, and others none."""
    return re.sub(r"[^a-z0-9-]", "", language.lower()) or _UNTAGGED


def relative(source: str, target: str) -> str:
    """The link from one page to another, both from the top of the site."""
    return "../" * source.count("/") + target
