"""The part of the api that is about documents. For the trio thread."""

import os
from collections.abc import Sequence
from typing import Final

import trio

from node.apps.documents import bodies, contents
from node.apps.documents import service as documents
from node.apps.documents.bases import Heading
from node.apps.documents.bodies import LongText, Translation, Version
from node.apps.documents.merging import has_marks
from node.apps.documents.service import Row
from node.apps.documents.units import Unit, join, units_of
from node.desk import Room, written
from node.drafting.merges import Plan, heading_of
from node.drafting.queries import DraftingQueries
from node.errors import BadData, Conflict, Missing, NodeError, TextTooLarge, Unavailable
from node.languages import read_tag
from node.looking import Json
from node.quoting import quoted
from node.sharing.api import SharingApi
from node.signing import Intent
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_DOCS, EntryId, to_text

FETCH_S: Final = 5.0
"""Seconds for which whoever opens a long text waits for more of it. Then it is said that it is not here."""


class DraftingApi:
    """What a running node does with documents for its owner."""

    def __init__(self, room: Room, queries: DraftingQueries, sharing: SharingApi) -> None:
        """`sharing`: keeps and fetches what does not fit into a body."""
        self._room = room
        self._queries = queries
        self._sharing = sharing
        self._putting = trio.Lock()
        """One version of a document at a time: the next one follows it."""

    # --- writing ------------------------------------------------------------------------------------

    async def doc_put(
        self,
        name: str,
        text: str,
        title: str | None = None,
        media_type: str | None = None,
        follows: Sequence[str] | None = None,
        force_root: bool = False,
        language: str | None = None,
        tags: Sequence[str] | None = None,
        public: bool | None = None,
        catch_up: bool = False,
        force: bool = False,
    ) -> Json:
        """Publish a version of a document; returns once it is durable.

        What is None goes on from the version before. `catch_up`: what others wrote since the versions that
        this one follows is merged in; where that has conflicts nothing is published, and `conflicts` says so.
        `force`: marks of conflicts are part of the text.
        """
        kept = bodies.canonical_name(name)
        bodies.check_text(text)
        if has_marks(text) and not force:
            raise BadData(
                "The text has conflicts that nobody has settled: lines that begin with <<<<<<< and >>>>>>>.",
                "Choose between them and take the marks out. If they belong to the text: --force",
            )
        async with self._putting:
            before = [] if force_root else await self._room.ask(self._queries.version_follows, kept, follows)
            self._check_follows(before)
            heading = heading_of(before[0]) if before else None
            merged = 0
            if catch_up and before:
                plan = await self._room.ask(self._caught_up, kept, before, text)
                if plan.conflicts:
                    return {"name": kept, "published": False, **plan.shown()}
                merged = sum(row.id not in {each.id for each in before} for row in plan.follows)
                text, before, heading = plan.text, plan.follows, plan.heading
            chosen = _completed(heading, title, media_type, language, tags, public)
            answer = await self._publish(kept, text, chosen, before)
        return {**answer, "published": True, "merged": merged, "conflicts": 0}

    def _caught_up(self, name: str, before: Sequence[Row], text: str) -> Plan:
        return self._queries.merges.catch_up(self._queries.lookup.versions_of(name), before, text)

    def _check_follows(self, before: Sequence[Row]) -> None:
        if len(before) > bodies.MAX_FOLLOWS:
            raise TextTooLarge(
                f"A version follows at most {bodies.MAX_FOLLOWS} others.", "Merge fewer at a time."
            )

    async def _publish(self, name: str, text: str, heading: Heading, before: Sequence[Row]) -> Json:
        """Publish a text as the version that follows `before`. Raises: NodeError."""
        bodies.check_text(text)
        units = await self._room.ask(self._units, text, before)
        version = Version(name, *heading, units)
        links = tuple(row.id for row in before)
        entry = await self._write(version, join(units), links)
        rows = await self._room.ask(self._queries.lookup.versions_of, name)
        is_hidden = entry.id not in {row.id for row in rows}  # our own clock was ahead once
        return {
            **written(entry),
            "name": name,
            "version": len(rows) + is_hidden,
            "follows": [to_text(link) for link in links],
            "concurrent": [to_text(row.id) for row in documents.heads(rows) if row.id != entry.id],
            **heading._asdict(),
        }

    def _units(self, text: str, before: Sequence[Row]) -> tuple[Unit, ...]:
        earlier = []
        for row in before:
            try:
                earlier.append(self._queries.lookup.reader.units(row))
            except Missing:
                continue  # a long text that is not here: its paragraphs get new ids
        return units_of(text, earlier, os.urandom)

    async def _write(self, text: Version | Translation, whole: str, links: Sequence[EntryId]) -> Entry:
        """Write the entry; what does not fit into its body goes into a blob first. Raises: NodeError."""
        salt = os.urandom(SALT_BYTES)
        held = text.held
        blob = None
        try:
            body = bodies.compose(text, salt)
        except TextTooLarge:
            if isinstance(held, LongText):
                raise
            name = text.name.rpartition("/")[2][:60] or "document"
            kept = await self._sharing.keep(contents.pack(held), name, "application/octet-stream")
            blob = kept.blob
            long = LongText(kept.blob, kept.size, bodies.excerpt_of(whole))
            body = bodies.compose(text._replace(held=long), salt)
        try:
            [entry] = await self._room.write(LOG_DOCS, [Intent(body, tuple(links))])
        except NodeError:
            if blob is not None:
                await self._room.ask(self._room.home.blobs.pin, blob, False)
            raise
        return entry

    async def doc_merge_publish(self, name: str, follows: Sequence[str]) -> Json:
        """Publish the merge of the current versions, which has to be clean and of these versions still."""
        async with self._putting:
            plan = await self._room.ask(self._queries.merge_plan, name)
            if plan.conflicts:
                raise Conflict("These versions cannot be merged without a person.", f"aster doc merge {name}")
            if {to_text(row.id) for row in plan.follows} != set(follows):
                raise Conflict("Other versions have come meanwhile.", f"Look again: aster doc merge {name}")
            if len(plan.follows) == 1:
                raise BadData(f"{quoted(name)} has nothing to merge.", f"See: aster doc history {name}")
            kept = plan.follows[0].name
            return await self._publish(kept, plan.text, plan.heading, plan.follows)

    async def doc_translate(self, sheet: str, public: bool | None = None) -> Json:
        """Publish what a translator wrote into a sheet (see `doc_sheet`)."""
        async with self._putting:
            draft = await self._room.ask(self._queries.translation_draft, sheet)
            is_public = public if public is not None else any(row.public for row in draft.stand.current)
            if is_public and not draft.row.public:
                raise BadData(
                    f"{quoted(draft.row.name)} is not public, so its translation cannot be.",
                    "Leave --public out, or make the document public first: aster doc put --public",
                )
            links = (draft.row.id, *draft.follows)[: bodies.MAX_FOLLOWS]
            units = tuple(draft.units)
            text = Translation(draft.row.name, draft.title, draft.language, is_public, units)
            entry = await self._write(text, "".join(each.text for each in units), links)
        status = await self._room.ask(
            self._queries.doc_status, draft.row.name, draft.language, to_text(draft.row.id)
        )
        [counts] = status["translations"]
        return {**written(entry), "name": draft.row.name, "public": is_public, **counts}

    # --- reading ------------------------------------------------------------------------------------

    async def doc_list(
        self,
        search: str | None = None,
        limit: int | None = None,
        tags: Sequence[str] | None = None,
        language: str | None = None,
        author: str | None = None,
        section: str | None = None,
        before: str | None = None,
    ) -> Json:
        """`documents`: those changed last first."""
        ask = self._queries.doc_list
        return await self._room.ask(ask, search, limit, tags, language, author, section, before)

    async def doc_show(self, name: str, version: str | None = None, language: str | None = None) -> Json:
        """A version with its text; a long one that is not here is fetched, if it comes soon."""
        await self._fetch(name, version)
        return await self._room.ask(self._queries.doc_show, name, version, language)

    async def _fetch(self, name: str, version: str | None) -> None:
        """Have the text of a version fetched where it is not here. Raises: NodeError: no such version."""
        _, row = await self._room.ask(self._queries.lookup.version, name, version)
        if row.blob is None or await self._room.ask(self._queries.lookup.is_here, row):
            return
        try:
            await self._sharing.fetch(row.blob, row.size, FETCH_S)
        except Unavailable:
            return  # whoever reads it says that it is not here

    async def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        return await self._room.ask(self._queries.doc_history, name)

    async def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions."""
        return await self._room.ask(self._queries.doc_diff, name, from_, to)

    async def doc_blame(self, name: str, version: str | None = None) -> Json:
        """Which line came with which version."""
        return await self._room.ask(self._queries.doc_blame, name, version)

    async def doc_merge(self, name: str) -> Json:
        """What would come of the current versions."""
        return await self._room.ask(self._queries.doc_merge, name)

    async def doc_edit(self, name: str) -> Json:
        """What an editor opens with: `doc_merge`, or an empty text for a document that is not there yet."""
        kept = bodies.canonical_name(name)
        current = documents.heads(await self._room.ask(self._queries.lookup.versions_of, kept))
        if not current:
            return {"name": kept, "current": 0, "text": "", "conflicts": 0, "follows": [], "left": []}
        for row in current:
            await self._fetch(kept, to_text(row.id))
        return await self._room.ask(self._queries.doc_merge, kept)

    async def doc_status(self, name: str, language: str | None = None, version: str | None = None) -> Json:
        """How far translations have got."""
        return await self._room.ask(self._queries.doc_status, name, language, version)

    async def doc_sheet(
        self, name: str, language: str, version: str | None = None, due: bool = False
    ) -> Json:
        """A sheet for a translator."""
        await self._fetch(name, version)
        return await self._room.ask(self._queries.doc_sheet, name, language, version, due)


def _completed(
    before: Heading | None,
    title: str | None,
    media_type: str | None,
    language: str | None,
    tags: Sequence[str] | None,
    public: bool | None,
) -> Heading:
    """What is said goes before what was said; else defaults. Raises: BadData."""
    if before is None:
        before = Heading("", bodies.DEFAULT_MEDIA_TYPE, "", (), False)
    return Heading(
        before.title if title is None else title,
        before.media_type if media_type is None else media_type,
        before.language if language is None else language and read_tag(language),
        before.tags if tags is None else tuple(dict.fromkeys(map(bodies.read_document_tag, tags))),
        before.public if public is None else public,
    )
