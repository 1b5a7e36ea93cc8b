"""Blobs that entries name beside the library: attachments of messages, above all. Synchronous."""

from typing import Final

from node.apps import blob_references
from node.apps.feed import bodies as feed
from node.apps.files.bodies import UNKNOWN_MEDIA_TYPE, SharedFile
from node.apps.files.names import is_name
from node.apps.files.service import Shared
from node.home import Home
from store.entry import Entry
from store.ids import LOG_FEED, NotAnId, prefix_range, short

MAX_NAMING: Final = 64
"""Entries that are looked at for one blob: the first that named it."""


def attached(home: Home, text: str, until: int) -> list[Shared]:
    """What entries name by a blob whose id is or begins with `text`, as if they shared it; the first first.

    What claims to be later than `until` (ms) is left out.
    """
    try:
        low, high = prefix_range(text.strip())
    except NotAnId:
        return []
    with home.entries.views() as views:
        named = blob_references.references_between(views, low, high, MAX_NAMING)
    entries = home.entries.at_keys([each.key for each in named])
    return [
        Shared(each.key, entry.id, entry.time_ms, entry.author, _file(entry, each.blob, each.size))
        for each, entry in zip(named, entries, strict=True)
        if entry is not None and entry.time_ms <= until
    ]


def _file(entry: Entry, blob: bytes, size: int) -> SharedFile:
    """A blob under the name that an entry gives it, if it can be saved under that."""
    name, media_type = f"file-{short(blob)}", UNKNOWN_MEDIA_TYPE
    for attachment in _attachments(entry):
        if attachment.blob == blob and attachment.size == size:
            media_type = attachment.media_type or media_type
            name = attachment.name if is_name(attachment.name) else name
            break
    return SharedFile(name, media_type, size, blob, False, "", "", (), False)


def _attachments(entry: Entry) -> tuple[feed.Attachment, ...]:
    said = feed.parse(entry.body) if entry.log == LOG_FEED and entry.body is not None else None
    post = said.post if isinstance(said, feed.Correction) else said
    return post.attachments if isinstance(post, feed.Post) else ()
