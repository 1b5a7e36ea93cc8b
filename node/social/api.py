"""The part of the api that is about posts. For the trio thread."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Unpack

import trio

from node.apps.feed.bodies import Attachment
from node.desk import Room, written
from node.errors import TextTooLarge
from node.looking import Json
from node.sharing.api import SharingApi
from node.social.asked import InboxAsked, PostsAsked, SearchAsked
from node.social.following import Following, Source
from node.social.queries import SocialQueries
from node.social.sources import InboxSource, SearchSource, TimelineSource
from node.social.writing import Change, Said, check_size
from store.ids import LOG_FEED, to_text

MAX_ATTACHMENTS: Final = 16
"""Files of one post, the limit of bodies; more are a folder."""


class SocialApi:
    """What a running node does with posts for its owner."""

    def __init__(self, room: Room, queries: SocialQueries, sharing: SharingApi) -> None:
        self._room = room
        self._queries = queries
        self._sharing = sharing

    # --- writing --------------------------------------------------------------------------------------

    async def post(
        self,
        text: str,
        reply_to: str | None = None,
        language: str | None = None,
        topics: Sequence[str] | None = None,
        attach: Sequence[str] | None = None,
        public: bool = False,
        force: bool = False,
    ) -> Json:
        """Publish a post; returns once it is durable. `attach`: paths of files of this machine."""
        said = Said(text, language, topics or (), (), public)
        intent = await self._room.ask(lambda: self._queries.desk().post(said, reply_to, force))
        if attach:
            files = await self._attached(attach)
            intent = await self._room.ask(
                lambda: self._queries.desk().post(said._replace(attachments=files), reply_to, force)
            )
        [entry] = await self._room.write(LOG_FEED, [intent])
        return {**written(entry), "time_ms": entry.time_ms}

    async def _attached(self, paths: Sequence[str]) -> list[Attachment]:
        """Files, kept here and ready to be named by a post. Raises: as `SharingApi.attach`."""
        if len(paths) > MAX_ATTACHMENTS:
            raise TextTooLarge(
                f"A message has at most {MAX_ATTACHMENTS} files, this one {len(paths)}.",
                "Share them as a folder: aster file add DIR",
            )
        kept = [await self._sharing.attach(path) for path in paths]
        return [Attachment(each.blob, each.name, each.media_type, each.size) for each in kept]

    async def post_lines(
        self,
        lines: Sequence[str],
        language: str | None = None,
        topics: Sequence[str] | None = None,
        public: bool = False,
    ) -> Json:
        """Publish one post for each text, all of them or none; returns once they are durable."""
        said = Said("", language, topics or (), (), public)
        intents = await self._room.ask(lambda: self._queries.desk().lines(lines, said))
        entries = await self._room.write(LOG_FEED, intents) if intents else []
        ids = await self._room.ask(lambda: [to_text(entry.id) for entry in entries])
        return {
            "count": len(entries),
            "first_seq": entries[0].seq if entries else None,
            "last_seq": entries[-1].seq if entries else None,
            "ids": ids,
        }

    async def react(self, id: str, symbol: str, off: bool = False) -> Json:
        """React to a post, or take it back; `new`: it was not so before."""
        change = await self._room.ask(
            lambda: self._queries.desk().reaction(id, symbol, self._queries.reader(), on=not off)
        )
        said = {"to": to_text(change.target), "symbol": symbol.strip(), "on": not off}
        if change.intent is None:
            return {**said, "new": False}
        [entry] = await self._room.write(LOG_FEED, [change.intent])
        return {**written(entry), **said, "new": True}

    async def correct(
        self,
        id: str,
        text: str,
        topics: Sequence[str] | None = None,
        language: str | None = None,
        public: bool | None = None,
    ) -> Json:
        """Put another text in the place of one's own post."""
        check_size(text)
        said = Said(text, language, topics or ())
        change = await self._room.ask(
            lambda: self._queries.desk().correction(id, said, public, self._queries.reader())
        )
        return {**await self._change(change), "corrects": to_text(change.target)}

    async def translate(self, id: str, text: str, language: str | None = None, public: bool = False) -> Json:
        """Translate a post."""
        check_size(text)
        said = Said(text, language, (), (), public)
        change = await self._room.ask(
            lambda: self._queries.desk().translation(id, said, self._queries.reader())
        )
        answer = await self._change(change)
        return {**answer, "translates": to_text(change.target), "language": change.language}

    async def _change(self, change: Change) -> Json:
        assert change.intent is not None
        [entry] = await self._room.write(LOG_FEED, [change.intent])
        return {**written(entry), "time_ms": entry.time_ms}

    # --- reading --------------------------------------------------------------------------------------

    async def timeline(
        self, *, follow: bool = False, **wanted: Unpack[PostsAsked]
    ) -> AsyncGenerator[Json, None]:
        """The newest posts, oldest first; with `follow` each new one as it comes."""
        asked = await self._room.ask(lambda: self._queries.wanted_posts(**wanted))
        if not follow:
            for shown in await self._room.ask(self._queries.posts, asked):
                yield shown
            return
        async with aclosing(self._follow(TimelineSource(self._queries, asked))) as posts:
            async for shown in posts:
                yield shown

    read = timeline

    async def thread(
        self, id: str, limit: int | None = None, languages: Sequence[str] | None = None
    ) -> AsyncGenerator[Json, None]:
        """A whole thread."""
        for shown in await self._room.ask(lambda: list(self._queries.thread(id, limit, languages))):
            yield shown

    async def inbox(
        self, *, follow: bool = False, **wanted: Unpack[InboxAsked]
    ) -> AsyncGenerator[Json, None]:
        """What is addressed to the owner, oldest first; with `follow` each new one as it comes."""
        if not follow:
            for shown in await self._room.ask(lambda: self._queries.addressed(**wanted)):
                yield shown
            return
        async with aclosing(self._follow(InboxSource(self._queries, wanted))) as posts:
            async for shown in posts:
                yield shown

    async def search(
        self, words: str, *, follow: bool = False, **wanted: Unpack[SearchAsked]
    ) -> AsyncGenerator[Json, None]:
        """Entries of all apps, the newest first; with `follow` each new one as it comes."""
        asked = await self._room.ask(lambda: self._queries.search_queries.wanted(words, **wanted))
        if not follow:
            for shown in await self._room.ask(self._queries.search_queries.found, asked):
                yield shown
            return
        async with aclosing(self._follow(SearchSource(self._queries, asked))) as hits:
            async for shown in hits:
                yield shown

    async def inbox_mark(self, ids: Sequence[str]) -> Json:
        """Mark messages as read."""
        return await self._room.ask(self._queries.inbox_mark, ids)

    async def post_history(self, id: str) -> Json:
        """Every text that a post has had."""
        return await self._room.ask(self._queries.post_history, id)

    async def topics(
        self, begins: str | None = None, since_ms: int | None = None, limit: int | None = None
    ) -> Json:
        """`topics`, the liveliest first."""
        return await self._room.ask(self._queries.topics, begins, since_ms, limit)

    async def choices(self) -> Json:
        """`choices` of the owner."""
        return await self._room.ask(self._queries.choices)

    async def follow(self, **named: str | None) -> Json:
        """Follow a person, a section or a topic."""
        return await self._room.ask(lambda: self._queries.follow(**named))

    async def unfollow(self, **named: str | None) -> Json:
        """Follow no longer."""
        return await self._room.ask(lambda: self._queries.unfollow(**named))

    async def mute(self, **named: str | None) -> Json:
        """Mute a person, a section or a topic."""
        return await self._room.ask(lambda: self._queries.mute(**named))

    async def unmute(self, **named: str | None) -> Json:
        """Mute no longer."""
        return await self._room.ask(lambda: self._queries.unmute(**named))

    async def block(self, **named: str | None) -> Json:
        """Block a person or a section."""
        return await self._room.ask(lambda: self._queries.block(**named))

    async def unblock(self, **named: str | None) -> Json:
        """Block no longer."""
        return await self._room.ask(lambda: self._queries.unblock(**named))

    # --- following ------------------------------------------------------------------------------------

    async def _follow(self, source: Source) -> AsyncGenerator[Json, None]:
        following = Following(self._queries.look, source)
        for shown in await self._room.ask(following.begin):
            yield shown
        while True:
            seen = self._room.intake.commits
            step = await self._room.ask(following.step)
            for shown in step.shown:
                yield shown
            if step.is_last:
                with trio.move_on_after(following.patience_s()):
                    await self._news_for(following, seen)

    async def _news_for(self, following: Following, seen: int) -> None:
        """Wait for a commit after number `seen` that brings a follower something."""
        while True:
            await self._room.intake.changed(seen)
            seen = self._room.intake.commits
            if following.has_news():
                return
