"""Methods about the social network. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, LINES, NAME, TEXT, Method

METHODS: Final[Mapping[str, Method]] = {
    "post": Method({"text": NAME, "reply_to": TEXT, "language": TEXT}, part="social"),
    "post-lines": Method({"lines": LINES, "language": TEXT}, part="social"),
    "read": Method(
        {
            "author": TEXT,
            "since_ms": INT,
            "search": TEXT,
            "limit": INT,
            "follow": BOOL,
            "replies_to": TEXT,
        },
        streaming=True,
        offline=True,
        part="social",
    ),
}
"""Every method about posts."""
