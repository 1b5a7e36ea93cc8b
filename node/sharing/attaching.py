"""What other parts of the api keep as blobs: attachments of messages, long documents, pictures. A value."""

from typing import NamedTuple


class Attachment(NamedTuple):
    """A file that is kept here, to be named in an entry."""

    blob: bytes
    """32 bytes."""
    name: str
    media_type: str
    size: int
    """Bytes."""
