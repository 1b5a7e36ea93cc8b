"""The part of the api that is about profiles and the directory. For the trio thread."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import trio

from node import pictures
from node.apps.directory import bodies
from node.apps.directory.bodies import NAME, PICTURE, Field
from node.contacts.changes import Wish, changed, number_of, read_wishes, without
from node.contacts.queries import ContactsQueries
from node.contacts.records import Json
from node.desk import Room
from node.errors import BadRequest, Missing
from node.network_file import check_name
from node.quoting import quoted
from node.sharing.api import SharingApi
from node.signing import Intent
from store.entry import MAX_LINKS, SALT_BYTES, Entry
from store.ids import LOG_PROFILE, EntryId, to_text

_OWN_NAME: Final = "name"


class ContactsApi:
    """What a running node does with profiles for its owner."""

    def __init__(self, room: Room, queries: ContactsQueries, sharing: SharingApi) -> None:
        self._room = room
        self._queries = queries
        self._sharing = sharing
        self._writing = trio.Lock()
        """A change begins with what is there; two at a time would undo each other."""
        self._building = trio.Lock()
        """Two sites at a time could meet in one folder."""

    async def run(self) -> None:
        """Nothing is done in the background."""

    # --- questions ------------------------------------------------------------------------------------

    async def profile_show(self, section: str | None = None) -> Json:
        """One's own record, or that of a section."""
        return await self._room.ask(self._queries.profile_show, section)

    async def directory_show(self, who: str | None = None, section: str | None = None) -> Json:
        """The record of a member, or of a section."""
        return await self._room.ask(self._queries.directory_show, who, section)

    async def directory_list(
        self,
        section: str | None = None,
        language: str | None = None,
        public: bool = False,
        search: str | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Json, None]:
        """Records: sections first, then members."""
        wanted = (section, language, public, search, limit)
        for record in await self._room.ask(lambda: list(self._queries.directory_list(*wanted))):
            yield record

    async def site_build(
        self,
        out: str,
        section: str | None = None,
        languages: Sequence[str] = (),
        base_url: str = "",
    ) -> AsyncGenerator[Json, None]:
        """Write the public site to a folder (an absolute path): progress, and a result at the end."""
        async with self._building:
            steps = self._queries.site_build(out, section, languages, base_url)
            try:
                while (event := await self._room.ask(next, steps, None)) is not None:
                    yield event
            finally:
                with trio.CancelScope(shield=True):
                    await self._room.ask(steps.close)

    # --- changes --------------------------------------------------------------------------------------

    async def profile_set(self, fields: Sequence[Json], section: str | None = None) -> Json:
        """Say something about oneself, or for a section. The record as it stands then, with `entry`.

        Raises:
            BadRequest, BadData, TextTooLarge, Missing: a field is none, or breaks a rule.
            Refused: somebody else's section.
        """
        wishes = read_wishes(fields)
        if not wishes:
            raise BadRequest("Nothing is to change.", "For example: aster profile set about:en=TEXT")
        async with self._writing:
            with_pictures = [await self._with_picture(wish) for wish in wishes]
            if section is not None:
                return await self._change_section(section, lambda old: changed(old, with_pictures))
            return await self._change_own(with_pictures, lambda old: changed(old, _fields_in(with_pictures)))

    async def profile_unset(self, fields: Sequence[str], section: str | None = None) -> Json:
        """Take fields out of one's own profile, or a section's. The answer is that of `profile_set`."""
        if not fields:
            raise BadRequest("Nothing is named.", "For example: aster profile unset about:en")
        async with self._writing:
            if section is not None:
                return await self._change_section(section, lambda old: without(old, fields))
            if _OWN_NAME in fields:
                raise BadRequest("A name cannot be taken away.", "Change it: aster profile set name=NAME")
            return await self._change_own((), lambda old: without(old, fields))

    async def _change_own(
        self, wishes: Sequence[Wish], change: Callable[[Sequence[Field]], tuple[Field, ...]]
    ) -> Json:
        name, old = await self._room.ask(self._queries.own_words)
        name, old = _renamed(name, old, [wish for wish in wishes if _is_own_name(wish)])
        new = change(old)
        return await self._written(bodies.compose(name, os.urandom(SALT_BYTES), new), (), None)

    async def _change_section(
        self, section: str, change: Callable[[Sequence[Field]], tuple[Field, ...]]
    ) -> Json:
        section_id, heads, old = await self._room.ask(self._queries.section_words, section)
        new = change(old)
        if any(field.number == NAME and not field.tag for field in new):
            raise BadRequest(
                "A section's name is changed by its stewards together.",
                "See: aster section change --help. In another script: name:ru=…",
            )
        body = bodies.compose_section(section_id, new, os.urandom(SALT_BYTES))
        return await self._written(body, heads[:MAX_LINKS], to_text(section_id))

    async def _written(self, body: bytes, links: Sequence[EntryId], section: str | None) -> Json:
        [entry] = await self._room.write(LOG_PROFILE, [Intent(body, tuple(links))])
        return {**await self.profile_show(section), "entry": _named(entry)}

    async def _with_picture(self, wish: Wish) -> Wish:
        """A wish whose picture, a file of this machine, is kept as a blob."""
        if number_of(wish.field) != PICTURE or wish.value is None:
            return wish
        picture = await self._room.ask(_prepared, str(wish.value))
        kept = await self._sharing.keep(picture.data, f"picture{picture.suffix}", picture.media_type)
        return wish._replace(tag=str(kept.size), value=kept.blob)


def _is_own_name(wish: Wish) -> bool:
    return wish.field == _OWN_NAME and not wish.tag


def _fields_in(wishes: Sequence[Wish]) -> list[Wish]:
    return [wish for wish in wishes if not _is_own_name(wish)]


def _renamed(name: str, fields: Sequence[Field], wishes: Sequence[Wish]) -> tuple[str, tuple[Field, ...]]:
    """The name with wishes for it fulfilled. It is a field as well where it is to be public by itself."""
    is_public = any(_is_plain_name(field) and field.public for field in fields)
    for wish in wishes:
        name = str(wish.value) if wish.value is not None else name
        is_public = is_public if wish.public is None else wish.public
    others = tuple(field for field in fields if not _is_plain_name(field))
    checked = check_name(name)
    return checked, (Field(NAME, "", checked, True), *others) if is_public else others


def _is_plain_name(field: Field) -> bool:
    return field.number == NAME and not field.tag


def _prepared(path: str) -> pictures.Picture:
    """The picture in a file of this machine. Raises: Missing, BadRequest; as `pictures.prepare`."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(pictures.MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise Missing(f"There is no file {quoted(path)}.", "Look at the path.") from error
    except (OSError, ValueError) as error:
        raise BadRequest(f"{quoted(path)} cannot be read: {error}.", "Give a file.") from error
    return pictures.prepare(data)


def _named(entry: Entry) -> dict[str, Any]:
    return {"id": to_text(entry.id), "seq": entry.seq}
