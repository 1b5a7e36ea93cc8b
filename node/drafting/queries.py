"""What can be asked about documents: lists, versions, what changed, translations, merges. Synchronous."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from node.apps.documents import differences
from node.apps.documents import service as documents
from node.apps.documents.bodies import read_document_tag
from node.apps.documents.reading import turn
from node.apps.documents.service import Row
from node.drafting.lookup import Lookup, author_of
from node.drafting.merges import Merges, Plan
from node.drafting.turning import Draft, Turning, shown_counts, shown_lines
from node.errors import Missing
from node.languages import read_tag, suits
from node.looking import Json, Look
from node.naming import Names
from node.social.people import devices_of_section, find_section_id
from node.store_faults import told_plainly
from store.ids import EntryId, short, to_text


class DraftingQueries:
    """Reading methods about documents over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.lookup = Lookup(look)
        self.merges = Merges(self.lookup)
        self.turning = Turning(self.lookup)

    @told_plainly()
    def doc_list(
        self,
        search: str | None = None,
        limit: int | None = None,
        tags: Sequence[str] | None = None,
        language: str | None = None,
        author: str | None = None,
        section: str | None = None,
        before: str | None = None,
    ) -> Json:
        """`documents`: those changed last first; with `search` those of which a current version has it.

        `before`: the last document of the page before.
        """
        limit = documents.MAX_LISTED if limit is None else limit
        until = self._look.until()
        is_wanted = self._filter(tags, language, author, section)
        found = (
            None
            if search is None
            else documents.with_words(self._look.home.entries, self._look.words(search), until)
        )
        with self._look.home.entries.views() as views:
            listed = documents.listed(views, until, limit, found, is_wanted, before)
        names = self._look.names.now()
        return {"documents": [_listed(each, names) for each in listed]}

    def _filter(
        self, tags: Sequence[str] | None, language: str | None, author: str | None, section: str | None
    ) -> documents.Filter | None:
        """Which documents a list shall have. Raises: NodeError: what is named is not known."""
        wanted = {read_document_tag(tag) for tag in tags or ()}
        read = None if language is None else read_tag(language)
        devices = None if author is None else self._look.authors(author)
        if section is not None:
            found = devices_of_section(self._look.names.census(), find_section_id(self._look, section))
            devices = found if devices is None else devices & found
        if not wanted and read is None and devices is None:
            return None

        def is_wanted(listed: documents.Listed) -> bool:
            languages = [*(row.language for row in listed.heads), *listed.languages]
            return (
                any(wanted <= set(row.tags) for row in listed.heads)
                and (devices is None or any(row.author in devices for row in listed.heads))
                and (read is None or any(suits(each, read) for each in languages))
            )

        return is_wanted

    def version_follows(self, name: str, chosen: Sequence[str] | None) -> list[Row]:
        """What a new version of a document (canonical name) follows. Raises: as `documents.what_follows`."""
        return documents.what_follows(self.lookup.versions_of(name), chosen, name)

    @told_plainly()
    def doc_show(self, name: str, version: str | None = None, language: str | None = None) -> Json:
        """A version with its text; the newest current one unless another is named."""
        rows, row = self.lookup.version(name, version)
        current = documents.heads(rows)
        stand = None if language is None else self.turning.suiting(row, language)
        names = self._look.names.now()
        text = self.lookup.reader.text(row) if stand is None else stand.turned.text
        return {
            **_shown(row, names),
            "media_type": row.media_type,
            "text": text,
            "follows": [to_text(each) for each in self.lookup.follows(rows)[row.id]],
            "concurrent": [to_text(each.id) for each in current if row.head and each.id != row.id],
            "languages": sorted({each.turned for each in self.lookup.translations(row.name)}),
            "translation": None if stand is None else shown_counts(stand.turned),
        }

    @told_plainly()
    def doc_history(self, name: str) -> Json:
        """`versions`: newest first."""
        kept, rows = self.lookup.versions(name)
        follows = self.lookup.follows(rows)
        names = self._look.names.now()
        return {
            "name": kept,
            "versions": [
                {
                    **_shown(row, names),
                    "size": row.size,
                    "follows": [to_text(each) for each in follows[row.id]],
                    "head": row.head,
                    "here": self.lookup.is_here(row),
                }
                for row in rows
            ],
        }

    @told_plainly()
    def doc_diff(self, name: str, from_: str | None = None, to: str | None = None) -> Json:
        """What changed between two versions, as a unified diff."""
        kept, rows = self.lookup.versions(name)
        older, newer = self._ends(kept, rows, from_, to)
        reader = self.lookup.reader
        diff = differences.unified(
            "" if older is None else reader.text(older),
            reader.text(newer),
            f"{kept} {short(older.id)}" if older is not None else "/dev/null",
            f"{kept} {short(newer.id)}",
        )
        before = None if older is None else to_text(older.id)
        return {"name": kept, "from": before, "to": to_text(newer.id), "diff": diff}

    def _ends(
        self, name: str, rows: Sequence[Row], from_: str | None, to: str | None
    ) -> tuple[Row | None, Row]:
        """The two versions to compare; see `aster doc diff --help`."""
        current = documents.heads(rows)
        newer = current[0] if to is None else documents.pick(rows, to, name)
        if from_ is not None:
            return documents.pick(rows, from_, name), newer
        if to is None and len(current) > 1:
            return current[1], newer
        before = self.lookup.follows(rows)[newer.id]
        return next((row for row in rows if row.id in before), None), newer

    @told_plainly()
    def doc_blame(self, name: str, version: str | None = None) -> Json:
        """`lines`: each line of a version with the version in which it first stood."""
        rows, row = self.lookup.version(name, version)
        by_id = {each.id: each for each in rows}
        texts: dict[EntryId, str | None] = {}
        read = [0]

        def text_of(wanted: EntryId) -> str | None:
            if wanted not in texts:
                if len(texts) >= _KEPT_TEXTS:
                    texts.clear()
                texts[wanted] = None
                left = MAX_BLAMED_BYTES - read[0]
                read[0] += by_id[wanted].size
                with suppress(Missing):
                    texts[wanted] = self.lookup.text_of(by_id, wanted) if left > 0 else None
            return texts[wanted]

        text = self.lookup.reader.text(row)
        order = [each.id for each in rows[rows.index(row) :][:MAX_BLAMED]]
        ancestry = differences.Ancestry(order, self.lookup.follows(rows))
        blamed = differences.blame(row.id, ancestry, text_of)
        names = self._look.names.now()
        shown = {each: _shown(by_id[each], names) for each in set(blamed)}
        lines = zip(blamed, differences.lines_of(text), strict=True)
        return {
            "name": row.name,
            "id": to_text(row.id),
            "lines": [{"line": line.removesuffix("\n"), **_who(shown[each])} for each, line in lines],
        }

    @told_plainly()
    def doc_merge(self, name: str) -> Json:
        """What would come of the current versions: the text, and how many conflicts are left to a person."""
        kept, rows = self.lookup.versions(name)
        plan = self.merges.plan(rows)
        names = self._look.names.now()
        return {
            "name": kept,
            "current": len(documents.heads(rows)),
            "versions": [_shown(row, names) for row in (*plan.follows, *plan.left)],
            **plan.shown(),
            **plan.heading._asdict(),
        }

    def merge_plan(self, name: str) -> Plan:
        """The same as a value. Raises: NodeError."""
        return self.merges.plan(self.lookup.versions(name)[1])

    @told_plainly()
    def doc_status(self, name: str, language: str | None = None, version: str | None = None) -> Json:
        """How far translations have got: into all languages, or into one with its units."""
        names = self._look.names.now()
        if language is not None:
            stand = self.turning.stand(name, language, version)
            return {
                **_shown(stand.row, names),
                "translations": [shown_counts(stand.turned)],
                "units": shown_lines(stand.turned.lines),
            }
        _, row = self.lookup.version(name, version)
        units, rows = self.lookup.reader.units(row), self.lookup.translations(row.name)
        languages = sorted({each.turned for each in rows})
        turned = [turn(self.lookup.reader, units, each, rows) for each in languages]
        return {**_shown(row, names), "translations": [shown_counts(each) for each in turned]}

    @told_plainly()
    def doc_sheet(self, name: str, language: str, version: str | None = None, due: bool = False) -> Json:
        """A sheet for a translator. `due`: only what is missing or out of date."""
        stand = self.turning.stand(name, language, version)
        names = self._look.names.now()
        sheet = self.turning.sheet(stand, due)
        return {**_shown(stand.row, names), **shown_counts(stand.turned), "sheet": sheet}

    def translation_draft(self, sheet: str) -> Draft:
        """What a sheet makes. Raises: NodeError."""
        return self.turning.draft(sheet)


_KEPT_TEXTS: Final = 4
"""Texts that `blame` keeps at a time, so that a long history does not fill the memory."""

MAX_BLAMED: Final = 1_000
"""Versions that `blame` looks through; what is older is given to the oldest of them."""

MAX_BLAMED_BYTES: Final = 128 * 1024 * 1024
"""Text that `blame` reads for one answer, some ten seconds of comparing; beyond it the same."""


def _shown(row: Row, names: Names) -> Json:
    return {
        "name": row.name,
        "title": row.title,
        "id": to_text(row.id),
        **author_of(row.author, names),
        "time_ms": row.time_ms,
        "language": row.language,
        "tags": list(row.tags),
        "public": row.public,
        "long": row.blob is not None,
    }


def _listed(listed: documents.Listed, names: Names) -> Json:
    return {
        **_shown(listed.heads[0], names),
        "versions": listed.versions,
        "heads": [to_text(row.id) for row in listed.heads],
        "concurrent": len(listed.heads) > 1,
        "languages": listed.languages,
    }


def _who(shown: Json) -> Json:
    return {key: shown[key] for key in ("id", "author", "author_name", "member", "time_ms")}
