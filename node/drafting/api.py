"""The part of the api that is about documents. For the trio thread."""

import os
from collections.abc import Sequence

import trio

from node.apps.documents import bodies as document_bodies
from node.apps.documents import service as documents
from node.desk import Room, written
from node.drafting.queries import DraftingQueries
from node.errors import TextTooLarge
from node.looking import Json
from node.signing import Intent
from store.entry import SALT_BYTES
from store.ids import LOG_DOCS, to_text


class DraftingApi:
    """What a running node does with documents for its owner."""

    def __init__(self, room: Room, queries: DraftingQueries) -> None:
        self._room = room
        self._queries = queries
        self._putting = trio.Lock()
        """One version of a document at a time: the next one follows it."""

    async def doc_put(
        self,
        name: str,
        text: str,
        title: str | None = None,
        media_type: str | None = None,
        follows: Sequence[str] | None = None,
        force_root: bool = False,
    ) -> Json:
        """Publish a version of a document; returns once it is durable."""
        kept = document_bodies.canonical_name(name)
        async with self._putting:
            before = [] if force_root else await self._room.ask(self._queries.version_follows, kept, follows)
            if len(before) > document_bodies.MAX_FOLLOWS:
                raise TextTooLarge(
                    f"A version follows at most {document_bodies.MAX_FOLLOWS} others.",
                    "Merge fewer at a time.",
                )
            version = await self._room.ask(self._complete, kept, text, title, media_type, before)
            body = document_bodies.compose(version, os.urandom(SALT_BYTES))
            links = tuple(row.id for row in before)
            [entry] = await self._room.write(LOG_DOCS, [Intent(body, links)])
        rows = await self._room.ask(self._queries.versions_of, kept)
        is_hidden = entry.id not in {row.id for row in rows}  # our own clock was ahead once
        return {
            **written(entry),
            "name": kept,
            "version": len(rows) + is_hidden,
            "follows": [to_text(link) for link in links],
            "concurrent": [to_text(row.id) for row in documents.heads(rows) if row.id != entry.id],
        }

    def _complete(
        self, name: str, text: str, title: str | None, media_type: str | None, before: Sequence[documents.Row]
    ) -> document_bodies.Version:
        """Title and media type go on from the version before, unless they are given."""
        if before and title is None:
            title = before[0].title
        if before and media_type is None:
            media_type = documents.content_of(self._room.home.entries, before[0]).media_type
        return document_bodies.Version(
            name, title or "", media_type or document_bodies.DEFAULT_MEDIA_TYPE, text
        )

    async def doc_list(self, search: str | None = None, limit: int | None = None) -> Json:
        """`documents`: those changed last first."""
        return await self._room.ask(self._queries.doc_list, search, limit)

    async def doc_show(self, name: str, version: str | None = None) -> Json:
        """A version with its text."""
        return await self._room.ask(self._queries.doc_show, name, version)

    async def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        return await self._room.ask(self._queries.doc_history, name)

    async def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions."""
        return await self._room.ask(self._queries.doc_diff, name, from_, to)
