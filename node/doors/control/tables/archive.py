"""Methods about files of messages, archives and history. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, NAME, SECONDS, Method

PART: Final = "archive"

METHODS: Final[Mapping[str, Method]] = {
    "chat/save": Method(
        {"id": NAME, "out": NAME, "force": BOOL, "timeout_s": SECONDS._replace(required=False)},
        streaming=True,
        part=PART,
    ),
    "chat/export": Method({"path": NAME, "passphrase": NAME, "force": BOOL}, streaming=True, part=PART),
    "chat/import": Method({"path": NAME, "passphrase": NAME}, streaming=True, part=PART),
    "chat/history": Method({}, part=PART),
    "chat/history-ask": Method({}, waits=True, part=PART),
    "chat/history-give": Method({"device": NAME}, streaming=True, part=PART),
}
"""Every method that takes messages out or in."""
