"""What `gossip.proto.blobsync` wants done, as values. The shell performs them in order."""

from typing import NamedTuple, TypeAlias

from gossip.errors import Severity
from gossip.proto.blob_messages import Question
from store.blobs import Manifest
from store.ids import AuthorId


class Ask(NamedTuple):
    """Send a question to a source."""

    peer: AuthorId
    question: Question


class Begin(NamedTuple):
    """Keep a manifest, and say with `Asking.begun` which chunks are lacking."""

    manifest: Manifest


class Keep(NamedTuple):
    """Check a chunk and keep it; then call `Asking.kept` or `Asking.refused`."""

    peer: AuthorId
    manifest: Manifest
    place: int
    data: bytes | memoryview


class Advanced(NamedTuple):
    """A chunk of a blob was kept, or a source of what is lacking was found."""

    blob: bytes


class Finished(NamedTuple):
    """Nothing of a blob is lacking. It is not hunted any more."""

    blob: bytes


class GivenUp(NamedTuple):
    """A blob can never be had as it was wanted. It is not hunted any more."""

    blob: bytes
    why: str


class Nobody(NamedTuple):
    """No source has anything of a blob that is lacking. It is hunted on."""

    blob: bytes


class Available(NamedTuple):
    """A source says that it has a blob by now that it lacked before, and that is not hunted at the moment."""

    blob: bytes
    peer: AuthorId


class Leave(NamedTuple):
    """End the stream of a source, which is forgotten already: it is silent, or broke the protocol."""

    peer: AuthorId
    why: str
    severity: Severity | None
    """None: it did nothing wrong."""


Effect: TypeAlias = Ask | Begin | Keep | Advanced | Finished | GivenUp | Nobody | Available | Leave


class Progress(NamedTuple):
    """How far a hunt is."""

    held_bytes: int
    size: int
    """Bytes of the whole blob; 0: not known yet."""
    sources: int
    """Peers that hold something of it."""
