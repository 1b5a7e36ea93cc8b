"""Methods about messages between members. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import (
    BOOL,
    INT,
    LINES,
    NAME,
    NUMBER,
    SECONDS,
    TEXT,
    TEXTS,
    Method,
    Parameter,
)

PART: Final = "messaging"


def _told(parameters: Mapping[str, Parameter]) -> Method:
    """A method that a running node alone can answer: it writes, or it changes what others are told."""
    return Method(parameters, part=PART)


def _asked(parameters: Mapping[str, Parameter]) -> Method:
    """A method that the store can answer without a daemon."""
    return Method(parameters, offline=True, part=PART)


def _streamed(parameters: Mapping[str, Parameter], *, offline: bool = True) -> Method:
    return Method(parameters, streaming=True, offline=offline, part=PART)


METHODS: Final[Mapping[str, Method]] = {
    "chat/send": Method(
        {"chat": NAME, "text": NAME, "files": TEXTS, "reply_to": TEXT, "expires_s": INT},
        waits=True,
        part=PART,
    ),
    "chat/list": _asked({"requests": BOOL, "limit": INT}),
    "chat/read": _streamed({"chat": NAME, "unread": BOOL, "before": TEXT, "limit": INT, "follow": BOOL}),
    "chat/follow": _streamed({"chat": TEXT, "after": INT, "own": BOOL}, offline=False),
    "chat/mark": _told({"chat": NAME, "until_ms": NUMBER}),
    "chat/show": _asked({"id": NAME}),
    "chat/search": _streamed(
        {"words": NAME, "chat": TEXT, "who": TEXT, "since_ms": INT, "before": TEXT, "limit": INT}
    ),
    "chat/wait": Method({"id": NAME, "state": NAME, "timeout_s": SECONDS}, waits=True, part=PART),
    "chat/verify": _asked({"who": NAME}),
    "chat/confirm": _told({"who": NAME, "root": NAME, "off": BOOL}),
    "chat/delete": _told({"ids": LINES, "for_everyone": BOOL}),
    "chat/accept": _told({"chat": NAME}),
    "chat/block": _told({"who": NAME}),
    "chat/unblock": _told({"who": NAME}),
    "chat/receipts": _told({"on": BOOL}),
    "hook/place": _told({"name": NAME}),
    "hook/done": _told({"name": NAME, "after": NUMBER}),
    "group/create": _told({"name": NAME, "members": TEXTS}),
    "group/invite": _told({"group": NAME, "members": LINES, "admin": BOOL}),
    "group/remove": _told({"group": NAME, "member": NAME}),
    "group/leave": _told({"group": NAME}),
    "group/rename": _told({"group": NAME, "name": NAME}),
    "group/promote": _told({"group": NAME, "member": NAME}),
    "group/members": _asked({"group": NAME}),
    "group/list": _asked({}),
}
"""Every method about messages and groups."""
