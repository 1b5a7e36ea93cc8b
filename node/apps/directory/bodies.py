"""The body of a profile, in the log `profile`.

Content, canonical msgpack:

    0  kind  int  64
    1  name  str  what the device's owner calls it: NFC, 1 to 64 characters, no control characters

The last profile of a device counts. Elements after these are reserved and ignored.
"""

from typing import Final, NamedTuple

from node.network_file import check_name, is_readable_name
from store.entry import content_of, make_body
from store.errors import InvalidEntry

KIND: Final = 64


class Profile(NamedTuple):
    """What a device says about itself."""

    name: str


def compose(name: str, salt: bytes) -> bytes:
    """The body (with its 16-byte salt) of a profile. Raises: BadData: the name breaks a rule."""
    return make_body(salt, [KIND, check_name(name)])


def parse(body: bytes) -> Profile | None:
    """The profile in a body, or None where it is none that this version understands. Never raises."""
    try:
        content = content_of(body)
    except InvalidEntry:
        return None
    return read(content)


def read(content: tuple[object, ...]) -> Profile | None:
    """The profile in decoded content ``(kind, …)``, or None."""
    match content:
        case (64, str(name), *_):
            return Profile(name) if is_readable_name(name) else None
    return None


def text_of(body: bytes) -> str | None:
    """Nothing: names are found in the list of peers."""
    return None
