"""What can be asked about profiles and the directory. Synchronous.

Answers are records (`node.contacts.records`). Nothing here is asked of the network: what is held counts.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from node.affairs.census import Census, member_names
from node.affairs.plans import find_section
from node.affairs.shown import titles_of
from node.apps.directory import service as directory
from node.apps.directory.bodies import Field
from node.contacts import choosing
from node.contacts.choosing import Chosen, SectionSaid
from node.contacts.records import Json, Sought, fields_shown, public_part, speaks
from node.errors import BadData, BadRequest, Missing, Refused
from node.federation.names import RootId, SectionId
from node.federation.views import Section
from node.languages import read_tag
from node.limits import HIDE_AHEAD_MS
from node.looking import Look
from node.naming import Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.errors import NotFound
from store.ids import LOG_PROFILE, AuthorId, EntryId, to_text
from store.sqlite.views import ReadViews


class Book(NamedTuple):
    """Who is in the directory at one moment, and whose word counts there."""

    census: Census | None
    """None in an open circle, whose devices speak for themselves."""
    names: Names
    """As they are shown here."""
    published: Mapping[bytes, str]
    """What each calls himself, by member or device: no petnames."""
    titles: Names
    """Of sections."""
    chosen: Chosen

    @property
    def people(self) -> list[bytes]:
        """The ids of all members, or of the devices that said something in a circle, by shown name."""
        census = self.census
        if census is None:
            known = set(self.published) | set(self.chosen.by_bearer)
        else:
            known = {member.id for member in census.members.values() if member.sections}
        return sorted(known, key=lambda each: (self.names.of_bearer(each).casefold(), each))

    @property
    def sections(self) -> list[Section]:
        """The valid sections, by shown name."""
        if self.census is None:
            return []
        valid = [section for section in self.census.sections.values() if section.valid]
        return sorted(valid, key=lambda each: (self.titles.of_bearer(each.id).casefold(), each.id))


class ContactsQueries:
    """Reading methods about profiles and the directory over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look

    # --- what doors ask for ---------------------------------------------------------------------------

    @told_plainly()
    def profile_show(self, section: str | None = None) -> Json:
        """One's own record, or that of a section."""
        book = self.book()
        if section is not None:
            return self.section_record(book, self.section(book, section))
        return self.member_records(book, [self.own_id(book)])[0]

    @told_plainly()
    def directory_show(self, who: str | None = None, section: str | None = None) -> Json:
        """The record of a member, or of a section. Raises: Missing, Ambiguous, BadRequest."""
        book = self.book()
        if section is not None:
            return self.section_record(book, self.section(book, section))
        if who is None:
            raise BadRequest("Say whose record is wanted.", "For example: aster directory show bob")
        try:
            return self.member_records(book, [self.person(book, who)])[0]
        except Missing:
            if book.census is None:
                raise
            try:
                return self.section_record(book, self.section(book, who))
            except Missing as error:
                raise Missing(
                    f"Nobody and no section here is called {quoted(who)}.", "See: aster directory list"
                ) from error

    def directory_list(
        self,
        section: str | None = None,
        language: str | None = None,
        public: bool = False,
        search: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        """Records: sections first, then members, by name. Raises: BadData; Missing, Ambiguous: a section."""
        with told_plainly():
            found = self._records(section, language, public, search)
        yield from found if limit is None else found[:limit]

    def _records(
        self, section: str | None, language: str | None, public: bool, search: str | None
    ) -> list[Json]:
        book = self.book()
        sought = None if search is None else Sought(search)
        if sought is not None and sought.is_empty:
            raise BadData("There is no word to search for.", "Give a word, or the beginning of one.")
        records = self.all_records(book, None if section is None else self.section(book, section))
        if public:
            records = [public_part(record) for record in records if record["public"]]
        if language is not None:
            wanted = read_tag(language)
            records = [record for record in records if speaks(record, wanted)]
        return [record for record in records if sought is None or sought.is_in(record)]

    def site_build(
        self,
        out: str,
        section: str | None = None,
        languages: Sequence[str] = (),
        base_url: str = "",
    ) -> Generator[Json, None, None]:
        """Write the public site to a folder (an absolute path): progress, and a result at the end.

        Raises: as `node.site.building.SiteQueries.build`.
        """
        from node.site.building import SiteQueries  # late: with what it stands on it takes 0.2 s
        from node.site.gathering import Wish

        yield from SiteQueries(self._look, self).build(out, Wish(section, tuple(languages), base_url))

    # --- the directory --------------------------------------------------------------------------------

    def book(self) -> Book:
        """The directory as it stands."""
        look, census = self._look, self._look.names.census()
        names, until_ms = look.names.now(), look.until()
        with look.home.entries.views() as views:
            sayings = directory.sayings(views)
            if census is None:
                published: Mapping[bytes, str] = dict(directory.names(views).items())
            else:
                said = directory.profiles(views)
                published = member_names(census, said, LOG_PROFILE, until_ms, HIDE_AHEAD_MS).names
        if census is None:
            return Book(None, names, published, Names({}, {}), choosing.of_devices(sayings))
        chosen = choosing.of_members(census, look.home.device, sayings, until_ms, HIDE_AHEAD_MS)
        return Book(census, names, published, titles_of(census), chosen)

    def all_records(self, book: Book, section: Section | None = None) -> list[Json]:
        """Every section and member, or one section with its members."""
        census, people = book.census, book.people
        if section is not None and census is not None:
            people = [each for each in people if section.id in census.members[RootId(each)].sections]
        sections = book.sections if section is None else [section]
        return [*self._section_records(book, sections), *self.member_records(book, people)]

    def member_records(self, book: Book, people: Sequence[bytes]) -> list[Json]:
        """The records of these members, or devices in a circle (32 bytes each)."""
        with self._look.home.entries.views() as views:
            fields = self._fields_of(views, book, people)
        return [self._member_record(book, each, fields.get(each, ())) for each in people]

    def _fields_of(
        self, views: ReadViews, book: Book, people: Iterable[bytes]
    ) -> dict[bytes, tuple[Field, ...]]:
        said = {each: book.chosen.by_bearer[each] for each in people if each in book.chosen.by_bearer}
        found = directory.fields_at(views, said.values())
        return {each: found[place] for each, place in said.items() if place in found}

    def _member_record(self, book: Book, member: bytes, fields: Sequence[Field]) -> Json:
        census, said = book.census, book.chosen.by_bearer.get(member)
        found = None if census is None else census.members.get(RootId(member))
        shown = fields_shown(fields, self._holds)
        return {
            "type": "member",
            "id": to_text(member),
            "member": None if census is None else to_text(member),
            "name": book.names.of_bearer(member),
            "published": book.published.get(member),
            "sections": [
                {"id": to_text(each), "name": book.titles.of_bearer(each)}
                for each in (() if found is None else found.sections)
            ],
            "fields": shown,
            "public": any(field["public"] for field in shown),
            "time_ms": None if said is None else said.time_ms,
        }

    def section_record(self, book: Book, section: Section) -> Json:
        """The record of one section."""
        return self._section_records(book, [section])[0]

    def _section_records(self, book: Book, sections: Sequence[Section]) -> list[Json]:
        if book.census is None:
            return []
        with self._look.home.entries.views() as views:
            said = [self._said_of(views, book.census, section) for section in sections]
        return [self._section_record(book, *each) for each in zip(sections, said, strict=True)]

    def _said_of(self, views: ReadViews, census: Census, section: Section) -> SectionSaid | None:
        devices = choosing.devices_for(census, section)
        return choosing.of_section(
            census, directory.said_of_section(views, section.id, devices), self._look.until()
        )

    def _section_record(self, book: Book, section: Section, said: SectionSaid | None) -> Json:
        current = None if said is None else said.current
        shown = fields_shown(() if current is None else current.fields, self._holds)
        return {
            "type": "section",
            "id": to_text(section.id),
            "name": book.titles.of_bearer(section.id),
            "territory": section.terms.territory,
            "languages": list(section.terms.languages),
            "members": section.members,
            "fields": shown,
            "public": any(field["public"] for field in shown),
            "time_ms": None if current is None else current.time_ms,
            "by": None if current is None else self._author(book, current.device),
        }

    def _author(self, book: Book, device: AuthorId) -> Json:
        return {
            "author": to_text(device),
            "name": book.names.of(device),
            "member": book.names.member(device),
        }

    def _holds(self, blob: bytes) -> bool:
        try:
            return not self._look.home.blobs.missing(blob)
        except NotFound:
            return False

    def member_fields(self, book: Book, people: Iterable[bytes]) -> dict[bytes, tuple[Field, ...]]:
        """What these members (devices in a circle) say of themselves; without those who say nothing."""
        with self._look.home.entries.views() as views:
            return self._fields_of(views, book, people)

    def section_fields(self, book: Book, sections: Iterable[SectionId]) -> dict[SectionId, tuple[Field, ...]]:
        """What counts of what is said of these sections; without those of which nothing does."""
        census = book.census
        if census is None:
            return {}
        with self._look.home.entries.views() as views:
            said = {each: self._said_of(views, census, census.sections[each]) for each in sections}
        return {each: found.current.fields for each, found in said.items() if found is not None}

    def said_of(self, book: Book, section: SectionId) -> SectionSaid | None:
        """What counts of what is said of a section."""
        census = book.census
        if census is None:
            return None
        with self._look.home.entries.views() as views:
            return self._said_of(views, census, census.sections[section])

    # --- who is meant ---------------------------------------------------------------------------------

    def own_id(self, book: Book) -> bytes:
        """The member whose home this is, else its device."""
        me = None if book.census is None else book.census.me
        return self._look.home.device if me is None else me

    def person(self, book: Book, who: str) -> bytes:
        """The member, in a circle the device, that a text stands for. Raises: Missing, Ambiguous, BadData."""
        census, known = book.census, frozenset(book.people) | {self.own_id(book)}
        if census is None:
            return book.names.find_bearer(who, known, {})
        others: dict[bytes, bytes] = {}
        for each, member in (*census.owners.items(), *census.roots.items()):
            if member in known:
                others[each] = member
        return book.names.find_bearer(who, known, others)

    def section(self, book: Book, text: str) -> Section:
        """The section that a text stands for. Raises: Missing, Ambiguous; BadRequest: there are none."""
        if book.census is None:
            raise BadRequest(
                f"{self._look.home.charter.name} is an open circle: it has no sections.",
                "Name a member instead.",
            )
        return find_section(book.census, book.titles, text)

    # --- what a new profile goes on from --------------------------------------------------------------

    @told_plainly()
    def own_words(self) -> tuple[str, tuple[Field, ...]]:
        """The name and the fields that this home's member, or device, has published."""
        book = self.book()
        own = self.own_id(book)
        with self._look.home.entries.views() as views:
            name = book.published.get(own) or directory.names(views).get(self._look.home.device, "")
            return name, self._fields_of(views, book, [own]).get(own, ())

    @told_plainly()
    def section_words(self, text: str) -> tuple[SectionId, tuple[EntryId, ...], tuple[Field, ...]]:
        """A section of which this home's member is a steward, what a new profile follows, and the fields.

        Raises: Missing, Ambiguous, BadRequest; Refused: he is no steward of it.
        """
        book = self.book()
        section = self.section(book, text)
        census = book.census
        if census is None or census.me not in census.stewards(section):
            stewards = () if census is None else census.stewards(section)
            listed = ", ".join(map(book.names.of_bearer, stewards))
            raise Refused(
                f"You are no steward of {book.titles.of_bearer(section.id)}.",
                f"Ask one of its stewards: {listed}.",
            )
        with self._look.home.entries.views() as views:
            said = self._said_of(views, census, section)
        return section.id, () if said is None else said.heads, () if said is None else said.current.fields
