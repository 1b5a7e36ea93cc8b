"""What is public in a home, as the content of a site. Nothing that is not public leaves this room.

A member is on the site once one field of his profile is public, and so is a section. His name is the one that
he published; petnames are this home's own. Messages, documents and files are there as far as their current
version is public; who has no public profile is not named beside them. Whom the owner of this home blocks is
left out.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from node.apps.directory.bodies import PICTURE, Field, is_language
from node.contacts.queries import Book, ContactsQueries
from node.errors import BadData
from node.federation.names import RootId, SectionId
from node.languages import read_tags
from node.looking import Look
from node.naming import Names
from node.quoting import quoted
from node.site import marking
from node.site.content import Document, Post, Profile, Said, Site
from node.site.published import Publications
from node.site.wording import FALLBACK, LABELLED, labelled, plain
from node.social.choosing import Sight, look_around
from store.ids import AuthorId
from store.sqlite.choices import BLOCK, SECTION


class Wish(NamedTuple):
    """Which site is wanted."""

    section: str | None = None
    """Of one section alone."""
    languages: tuple[str, ...] = ()
    """In which it shall speak; empty: as its texts do."""
    base_url: str = ""
    """Where it will be."""


class Gathering:
    """Gathers the content of a site."""

    def __init__(self, look: Look, contacts: ContactsQueries) -> None:
        self._look = look
        self._contacts = contacts

    def site(self, wish: Wish) -> Site:
        """The content of the site that is wanted.

        Raises:
            BadData: a language that the site does not speak, or no address.
            Missing, Ambiguous, BadRequest: the section.
        """
        base_url = checked_url(wish.base_url)
        languages = _wanted_languages(wish.languages)
        book, sight = self._contacts.book(), look_around(self._look)
        section = None if wish.section is None else self._contacts.section(book, wish.section)
        only = None if section is None else section.id
        chosen = [each.id for each in (book.sections if section is None else [section])]
        seen = [each for each in chosen if sight.chosen.get((SECTION, each)) != BLOCK]
        sections = self._sections(book, seen)
        members = self._members(book, sections, only, sight)
        published = Publications(self._look, _Authors(book, sight, members, only))
        posts, documents, files = published.posts(), published.documents(), published.files()
        title = self._look.home.charter.name if section is None else book.titles.of_bearer(section.id)
        return Site(
            plain(title),
            base_url,
            languages or _spoken(sections, members, posts, documents),
            tuple(_counted(each, members) for each in sections),
            members,
            documents,
            posts,
            files,
        )

    def _sections(self, book: Book, ids: Iterable[SectionId]) -> tuple[Profile, ...]:
        found = self._contacts.section_fields(book, ids)
        profiles = (_profile(each, book.titles.of_bearer(each), fields) for each, fields in found.items())
        return tuple(profile for profile in profiles if profile is not None)

    def _members(
        self, book: Book, sections: Sequence[Profile], only: SectionId | None, sight: Sight
    ) -> tuple[Profile, ...]:
        people = [each for each in book.people if sight.of(AuthorId(each)) != BLOCK]
        fields = self._contacts.member_fields(book, people)
        public = [each for each, said in fields.items() if any(field.public for field in said)]
        names = Names({}, {each: book.published[each] for each in public if each in book.published})
        shown = {each.id for each in sections}
        found = []
        for each in public:
            belongs = _sections_of(book, each)
            if only is not None and only not in belongs:
                continue
            profile = _profile(each, names.of_bearer(each), fields[each])
            if profile is not None:
                there = tuple(section for section in belongs if section in shown)
                found.append(profile._replace(sections=there))
        return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.id)))


class _Authors:
    """Who may be named beside what he wrote, and whose texts are wanted."""

    def __init__(
        self, book: Book, sight: Sight, members: Sequence[Profile], section: SectionId | None
    ) -> None:
        """`section`: texts of its members alone; None: of everybody."""
        self._book = book
        self._sight = sight
        self._named = {member.id for member in members}
        self._section = section

    def of(self, device: AuthorId) -> bytes | None:
        """The member to name for a device; None: nobody is named."""
        bearer = self._book.names.bearer(device)
        return bearer if bearer in self._named else None

    def is_wanted(self, device: AuthorId) -> bool:
        """Are the texts of a device wanted?"""
        section = self._section
        if self._sight.blocks(device):
            return False
        return section is None or section in _sections_of(self._book, self._book.names.bearer(device))

    def are_one(self, device: AuthorId, other: AuthorId) -> bool:
        """Do two devices belong to one member?"""
        return self._book.names.bearer(device) == self._book.names.bearer(other)


def _sections_of(book: Book, member: bytes) -> tuple[SectionId, ...]:
    found = None if book.census is None else book.census.members.get(RootId(member))
    return () if found is None else found.sections


def _profile(identifier: bytes, name: str, fields: Sequence[Field]) -> Profile | None:
    """What a site shows of a profile; None where nothing of it is public."""
    public = [field for field in fields if field.public and field.called]
    if not public:
        return None
    picture = next((field.value for field in public if field.number == PICTURE), None)
    values: dict[str, list[Said]] = {}
    for field in public:
        if isinstance(field.value, str):
            values.setdefault(field.called, []).append(Said(plain(field.tag), plain(field.value)))

    def texts(called: str) -> tuple[str, ...]:
        return tuple(said.value for said in values.get(called, ()))

    return Profile(
        identifier,
        plain(name),
        tuple(said for said in values.get("name", ()) if said.tag),
        texts("territory"),
        texts("language"),
        tuple(values.get("contact", ())),
        texts("hub"),
        tuple(page for page in texts("page") if marking.is_good_link(page)),
        tuple(values.get("about", ())),
        picture if isinstance(picture, bytes) else None,
        (),
        0,
    )


def _counted(section: Profile, members: Iterable[Profile]) -> Profile:
    return section._replace(members=sum(1 for member in members if section.id in member.sections))


def _wanted_languages(texts: Collection[str]) -> tuple[str, ...]:
    """Languages that a person asks for. Raises: BadData: the site does not speak one of them."""
    found = []
    for tag in read_tags(texts):
        language = labelled(tag)
        if language is None:
            raise BadData(f"The site does not speak {quoted(tag)}.", f"It speaks: {', '.join(LABELLED)}.")
        found.append(language)
    return tuple(dict.fromkeys(found))


def _spoken(
    sections: Sequence[Profile],
    members: Sequence[Profile],
    posts: Sequence[Post],
    documents: Sequence[Document],
) -> tuple[str, ...]:
    """The languages of what is published in which the site can speak, those of most texts first."""
    tags = [post.language for post in posts]
    tags += [each.language for post in posts for each in post.translations]
    for document in documents:
        tags += [document.language, *(each.language for each in document.translations)]
    for profile in (*sections, *members):
        tags += [*profile.languages, *(said.tag for said in profile.about)]
    counted = Counter(language for tag in tags if tag and (language := labelled(tag)) is not None)
    return tuple(sorted(counted, key=lambda tag: (-counted[tag], tag))) or (FALLBACK,)


def checked_url(text: str) -> str:
    """The address of a site with a slash at its end; empty: not known. Raises: BadData."""
    address = text.strip()
    if not address:
        return ""
    is_bare = not any(char in address for char in "?#\"'<>\\")
    if (
        not address.lower().startswith(("http://", "https://"))
        or not marking.is_good_link(address)
        or not is_bare
    ):
        raise BadData(f"{quoted(text)} is no address of a site.", "Give one such as https://example.org/")
    return address if address.endswith("/") else f"{address}/"


def language_of(tag: str) -> str:
    """A tag that somebody else wrote, where it is one; else empty."""
    return tag if is_language(tag) else ""
