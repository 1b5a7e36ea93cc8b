"""Methods about the social network. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import BOOL, INT, LINES, NAME, TEXT, TEXTS, Method, Parameter

_TIMELINE: Final[Mapping[str, Parameter]] = {
    "author": TEXT,
    "section": TEXT,
    "topics": TEXTS,
    "following": BOOL,
    "since_ms": INT,
    "search": TEXT,
    "before": TEXT,
    "limit": INT,
    "follow": BOOL,
    "replies_to": TEXT,
    "languages": TEXTS,
}
_CHOICE: Final[Mapping[str, Parameter]] = {"who": TEXT, "section": TEXT, "topic": TEXT}


def _streamed(parameters: Mapping[str, Parameter]) -> Method:
    return Method(parameters, streaming=True, offline=True, part="social")


def _asked(parameters: Mapping[str, Parameter]) -> Method:
    """A method that the store can answer without a daemon."""
    return Method(parameters, offline=True, part="social")


METHODS: Final[Mapping[str, Method]] = {
    "post": Method(
        {
            "text": NAME,
            "reply_to": TEXT,
            "language": TEXT,
            "topics": TEXTS,
            "attach": TEXTS,
            "public": BOOL,
            "force": BOOL,
        },
        waits=True,
        part="social",
    ),
    "post-lines": Method({"lines": LINES, "language": TEXT, "topics": TEXTS, "public": BOOL}, part="social"),
    "react": Method({"id": NAME, "symbol": NAME, "off": BOOL}, part="social"),
    "correct": Method(
        {"id": NAME, "text": NAME, "topics": TEXTS, "language": TEXT, "public": BOOL}, part="social"
    ),
    "translate": Method({"id": NAME, "text": NAME, "language": TEXT, "public": BOOL}, part="social"),
    "read": _streamed(_TIMELINE),
    "timeline": _streamed(_TIMELINE),
    "thread": _streamed({"id": NAME, "limit": INT, "languages": TEXTS}),
    "inbox": _streamed(
        {"all": BOOL, "since_ms": INT, "before": TEXT, "limit": INT, "follow": BOOL, "languages": TEXTS}
    ),
    "inbox/mark": _asked({"ids": LINES}),
    "post/history": _asked({"id": NAME}),
    "topics": _asked({"begins": TEXT, "since_ms": INT, "limit": INT}),
    "search": _streamed(
        {
            "words": NAME,
            "author": TEXT,
            "topic": TEXT,
            "language": TEXT,
            "app": TEXT,
            "since_ms": INT,
            "before": TEXT,
            "limit": INT,
            "follow": BOOL,
        }
    ),
    "choices": _asked({}),
    "follow": _asked(_CHOICE),
    "unfollow": _asked(_CHOICE),
    "mute": _asked(_CHOICE),
    "unmute": _asked(_CHOICE),
    "block": _asked(_CHOICE),
    "unblock": _asked(_CHOICE),
}
"""Every method about the social network."""
