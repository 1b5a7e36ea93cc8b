"""What a search over everything shows of profiles: of each member, and of each section, what counts now."""

from collections.abc import Iterable, Sequence

from node.apps.directory import service as directory
from node.apps.directory.bodies import Profile, SectionProfile, parse, words_of
from node.apps.directory.service import Said
from node.apps.found import Found
from node.contacts import choosing
from node.contacts.choosing import Chosen
from node.contacts.queries import Book, ContactsQueries
from node.federation.names import SectionId
from node.limits import HIDE_AHEAD_MS
from node.looking import Look
from store.entry import Entry
from store.ids import LOG_PROFILE, EntryId, short
from store.log import LogId

_ANY_BYTES = 2**20
"""More than one entry has."""


def hits(look: Look, keys: Sequence[int], until: int) -> list[Found | None]:
    """What is shown of entries of the log `profile`; None for those that do not count (any more)."""
    finding = look.kept("profiles found", lambda: _finding(look, until))
    return [None if entry is None else finding.found(entry) for entry in look.home.entries.at_keys(keys)]


def _finding(look: Look, until: int) -> "_Finding":
    """A look at all profiles, some 5 µs each."""
    contacts = ContactsQueries(look)
    book = contacts.book()
    with look.home.entries.views() as views:
        named = [Said(each.device, each.seq, each.time_ms) for each in directory.profiles(views)]
    return _Finding(look, contacts, book, _chosen(look, book, named, until))


def _chosen(look: Look, book: Book, said: Iterable[Said], until: int) -> Chosen:
    if book.census is None:
        return choosing.of_devices(said)
    return choosing.of_members(book.census, look.home.device, said, until, HIDE_AHEAD_MS)


class _Finding:
    """Profiles at one moment."""

    def __init__(self, look: Look, contacts: ContactsQueries, book: Book, named: Chosen) -> None:
        """`named`: the newest profile of each, whose name counts."""
        self._look = look
        self._contacts = contacts
        self._book = book
        self._people = frozenset(book.people)
        self._named = named

    def found(self, entry: Entry) -> Found | None:
        """What is shown of an entry; None: it does not count."""
        profile = None if entry.body is None or entry.log != LOG_PROFILE else parse(entry.body)
        if isinstance(profile, Profile):
            return self._member(entry, profile)
        return None if profile is None else self._section(entry, profile)

    def _member(self, entry: Entry, profile: Profile) -> Found | None:
        bearer = self._book.names.bearer(entry.author)
        place = Said(entry.author, entry.seq, entry.time_ms)
        fields, name = self._book.chosen.by_bearer.get(bearer), self._named.by_bearer.get(bearer)
        if place not in (fields, name) or bearer not in self._people:
            return None
        shown = self._id_at(fields) if fields is not None and place != fields else entry.id
        opens = ("directory", "show", short(bearer))
        said = words_of(profile._replace(name="")).strip() if profile.fields else profile.name
        return _shown("member", shown, entry, self._book.names.of_bearer(bearer), said, opens)

    def _id_at(self, place: Said) -> EntryId:
        log_id = LogId(place.device, LOG_PROFILE)
        [entry] = self._look.home.entries.range(log_id, place.seq, place.seq, _ANY_BYTES)
        return entry.id

    def _section(self, entry: Entry, profile: SectionProfile) -> Found | None:
        section = SectionId(profile.section)
        if section not in {each.id for each in self._book.sections}:
            return None
        said = self._contacts.said_of(self._book, section)
        if said is None or said.current.id != entry.id:
            return None
        opens = ("directory", "show", "--section", short(section))
        title = self._book.titles.of_bearer(section)
        return _shown("section", entry.id, entry, title, words_of(profile), opens)


def _shown(what: str, shown: EntryId, entry: Entry, title: str, text: str, opens: tuple[str, ...]) -> Found:
    times = (entry.time_ms, entry.time_ms)
    return Found("profile", what, shown, entry.author, *times, title, text, "", (), opens)
