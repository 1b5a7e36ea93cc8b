"""What the owner of this home chose to see: whom and what he follows, mutes or blocks.

    follow   what `timeline --following` shows
    mute     left out of timelines and of the inbox; shown in threads, in searches, and when asked for by name
    block    shown nowhere; in a thread its place is

What was said about a person counts before what was said about his section. One's own messages are always
shown. The choices stay in this home: nobody else learns of them. Synchronous.
"""

from collections.abc import Container, Iterable
from typing import Final, NamedTuple

from node.affairs.census import Census
from node.apps.feed.topics import read_topic
from node.errors import BadRequest, Missing, TextTooLarge
from node.looking import Json, Look
from node.naming import Names
from node.social.people import find_section_id, find_who, section_name, sections_of
from node.store_faults import told_plainly
from store.errors import NotFound, TooLarge
from store.ids import AuthorId, NotAnId, from_text, to_text
from store.sqlite.choices import BLOCK, FOLLOW, MUTE, SECTION, TOPIC, WHO, Choice, ChoiceTable

VERDICTS: Final = (FOLLOW, MUTE, BLOCK)
"""Of each person, section and topic one counts at a time."""


class Sight(NamedTuple):
    """The choices at one moment, ready to be asked."""

    names: Names
    census: Census | None
    me: bytes
    """Who the owner is, 32 bytes."""
    chosen: dict[tuple[str, bytes], str]
    """The verdict about each kind and thing."""

    def of(self, device: AuthorId) -> str:
        """The verdict about whom a device speaks for; empty: none."""
        who = self.names.bearer(device)
        if who == self.me or not self.chosen:
            return ""
        said = self.chosen.get((WHO, who))
        if said is not None:
            return said
        verdicts = {self.chosen.get((SECTION, section), "") for section in sections_of(self.census, who)}
        return next((verdict for verdict in (BLOCK, MUTE, FOLLOW) if verdict in verdicts), "")

    def same(self, one: AuthorId, other: AuthorId) -> bool:
        """Are two devices of one person?"""
        return one == other or self.names.bearer(one) == self.names.bearer(other)

    def blocks(self, device: AuthorId) -> bool:
        """Is nothing of this device shown anywhere?"""
        return self.of(device) == BLOCK

    def passes(self, device: AuthorId, topics: Iterable[str], asked: Container[str] = ()) -> bool:
        """Is a message of this device with these topics shown where nobody asked for its author by name?

        `asked`: topics that were asked for by name.
        """
        if not self.chosen or self.names.bearer(device) == self.me:
            return True
        return self.of(device) not in (MUTE, BLOCK) and not any(
            self.chosen.get((TOPIC, topic.encode())) == MUTE for topic in topics if topic not in asked
        )

    def follows(self, device: AuthorId, topics: Iterable[str]) -> bool:
        """Is a message of this device with these topics one that the owner follows, or his own?"""
        return (
            self.names.bearer(device) == self.me
            or self.of(device) == FOLLOW
            or any(self.chosen.get((TOPIC, topic.encode())) == FOLLOW for topic in topics)
        )

    def followed(self, kind: str) -> list[bytes]:
        """What of a kind is followed."""
        return [what for (each, what), verdict in self.chosen.items() if each == kind and verdict == FOLLOW]


def look_around(look: Look) -> Sight:
    """The choices of a home as they are now."""
    names, census = look.names.now(), look.names.census()
    chosen = {(each.kind, each.what): each.verdict for each in ChoiceTable(look.home.database).all()}
    return Sight(names, census, names.bearer(look.home.device), chosen)


class Choosing:
    """Makes choices, takes them back and lists them. To change any the home must be open for writing."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._table = ChoiceTable(look.home.database)

    @told_plainly()
    def make(
        self, verdict: str, who: str | None = None, section: str | None = None, topic: str | None = None
    ) -> Json:
        """Follow, mute or block; what was chosen about the same before no longer counts.

        Raises: BadRequest: not exactly one is named, one mutes or blocks oneself, or blocks a topic.
            Missing, Ambiguous, BadData: as they say. TextTooLarge: too many choices.
        """
        kind, what = self._meant(who, section, topic)
        if verdict != FOLLOW and kind == WHO and what == self._me():
            raise BadRequest(f"You cannot {verdict} yourself.", "Name somebody else.")
        if verdict == BLOCK and kind == TOPIC:
            raise BadRequest("A topic cannot be blocked.", "Mute it: aster mute --topic TOPIC")
        others = tuple(each for each in VERDICTS if each != verdict)
        try:
            is_new = self._table.put(Choice(verdict, kind, what, self._look.now_ms()), others)
        except TooLarge as error:
            raise TextTooLarge(f"No more can be kept: {error}.", "Take one back first.") from error
        return {**self._shown(verdict, kind, what), "new": is_new}

    @told_plainly()
    def take_back(
        self, verdict: str, who: str | None = None, section: str | None = None, topic: str | None = None
    ) -> Json:
        """Follow, mute or block no longer. Raises: Missing: it was not chosen; else as `make`."""
        kind, what = self._kept(who, section) or self._meant(who, section, topic)
        try:
            self._table.remove(verdict, kind, what)
        except NotFound as error:
            named = self._shown(verdict, kind, what)["name"]
            raise Missing(f"You do not {verdict} {named}.", "See: aster choices") from error
        return self._shown(verdict, kind, what)

    @told_plainly()
    def listed(self) -> Json:
        """`choices`: everything that was chosen, by kind."""
        return {
            "choices": [
                {**self._shown(each.verdict, each.kind, each.what), "since_ms": each.since_ms}
                for each in self._table.all()
            ]
        }

    def _me(self) -> bytes:
        return self._look.names.now().bearer(self._look.home.device)

    def _meant(self, who: str | None, section: str | None, topic: str | None) -> tuple[str, bytes]:
        if sum(each is not None for each in (who, section, topic)) != 1:
            raise BadRequest(
                "Name one person, one section or one topic.", "For example: bob, or --topic bread"
            )
        if who is not None and who.strip().startswith("#"):
            topic, who = who, None
        if topic is not None:
            return TOPIC, read_topic(topic).encode()
        if section is not None:
            return SECTION, find_section_id(self._look, section)
        return WHO, find_who(self._look, who or "")

    def _kept(self, who: str | None, section: str | None) -> tuple[str, bytes] | None:
        """What a whole id names that was chosen and that nobody may know any more."""
        try:
            whole = from_text((who or section or "").strip())
        except NotAnId:
            return None
        kept = {(each.kind, each.what) for each in self._table.all()}
        return next((each for each in ((WHO, whole), (SECTION, whole)) if each in kept), None)

    def _shown(self, verdict: str, kind: str, what: bytes) -> Json:
        if kind == TOPIC:
            topic = what.decode()
            return {"choice": verdict, "kind": kind, "topic": topic, "name": f"#{topic}"}
        if kind == SECTION:
            name = section_name(self._look.names.census(), what)
            return {"choice": verdict, "kind": kind, "section": to_text(what), "name": name}
        name = self._look.names.now().of_bearer(what)
        return {"choice": verdict, "kind": kind, "who": to_text(what), "name": name}
