"""What may be asked for, by the names of the control protocol. Values only."""

from collections.abc import Sequence
from typing import TypedDict


class PostsAsked(TypedDict, total=False):
    """Parameters of a timeline."""

    author: str | None
    section: str | None
    topics: Sequence[str] | None
    following: bool
    since_ms: int | None
    search: str | None
    before: str | None
    limit: int | None
    replies_to: str | None
    languages: Sequence[str] | None


class InboxAsked(TypedDict, total=False):
    """Parameters of the inbox."""

    all: bool
    since_ms: int | None
    before: str | None
    limit: int | None
    languages: Sequence[str] | None


class SearchAsked(TypedDict, total=False):
    """Parameters of a search, without its words."""

    author: str | None
    topic: str | None
    language: str | None
    app: str | None
    since_ms: int | None
    before: str | None
    limit: int | None
