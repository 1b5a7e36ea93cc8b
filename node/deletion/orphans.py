"""Files that only a deleted entry named: our own are dropped with it, pinned or not. For a thread.

What we attach and share is pinned, so that it is not lost before others have it. When we delete the entry
that names it, nobody is to get it from us any more. What somebody else wrote and we pinned stays: that is
ours to keep.
"""

from collections.abc import Iterable, Sequence

from node.apps import blob_references
from node.home import Home


def named_by(home: Home, keys: Iterable[int]) -> list[bytes]:
    """The blobs (32 bytes each) that entries of these keys name. Raises: StoreError."""
    with home.entries.views() as views:
        found = [one.blob for key in keys for one in blob_references.references_of(views, key)]
    return list(dict.fromkeys(found))


def drop_orphans(home: Home, blobs: Sequence[bytes]) -> int:
    """Drop those of these blobs that no entry names and no folder holds, and what they held themselves.

    Gives how many went. Raises: StoreError.
    """
    dropped = 0
    for blob in blobs:
        if _is_orphan(home, blob):
            parts = home.blobs.parts_of(blob) or []
            home.blobs.drop_all([blob])
            gone = [part for part, _ in parts if _is_orphan(home, part)]
            home.blobs.drop_all(gone)
            dropped += 1 + len(gone)
    return dropped


def _is_orphan(home: Home, blob: bytes) -> bool:
    with home.entries.views() as views:
        is_named = blob_references.is_referenced(views, blob)
    return not is_named and home.blobs.state(blob) is not None and not home.blobs.wholes_of(blob)
