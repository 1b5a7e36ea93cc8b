"""The part of the api that is about posts. For the trio thread."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import trio

from node.apps.feed import bodies as feed_bodies
from node.apps.feed import service as feed
from node.desk import Room, written
from node.errors import NodeError
from node.following import Following
from node.looking import Json
from node.signing import Intent
from node.social.queries import SocialQueries
from store.entry import SALT_BYTES
from store.ids import LOG_FEED, EntryId, to_text


class SocialApi:
    """What a running node does with posts for its owner."""

    def __init__(self, room: Room, queries: SocialQueries) -> None:
        self._room = room
        self._queries = queries

    async def post(self, text: str, reply_to: str | None = None, language: str | None = None) -> Json:
        """Publish a post; returns once it is durable."""
        body = feed_bodies.compose(text, language or "", os.urandom(SALT_BYTES))
        links: tuple[EntryId, ...] = ()
        if reply_to is not None:
            links = (await self._room.ask(self._queries.linkable, reply_to),)
        [entry] = await self._room.write(LOG_FEED, [Intent(body, links)])
        return {**written(entry), "time_ms": entry.time_ms}

    async def post_lines(self, lines: Sequence[str], language: str | None = None) -> Json:
        """Publish one post for each text, all of them or none; returns once they are durable."""
        intents = await self._room.ask(_compose_lines, lines, language or "")
        written = await self._room.write(LOG_FEED, intents) if intents else []
        ids = await self._room.ask(lambda: [to_text(entry.id) for entry in written])
        return {
            "count": len(written),
            "first_seq": written[0].seq if written else None,
            "last_seq": written[-1].seq if written else None,
            "ids": ids,
        }

    async def read(
        self,
        author: str | None = None,
        since_ms: int | None = None,
        search: str | None = None,
        limit: int | None = None,
        follow: bool = False,
        replies_to: str | None = None,
    ) -> AsyncGenerator[Json, None]:
        """The newest posts, oldest first; with `follow` each new one as it comes."""
        wanted = await self._room.ask(self._queries.wanted_posts, author, since_ms, search, limit, replies_to)
        if follow:
            async with aclosing(self._follow(wanted)) as posts:
                async for shown in posts:
                    yield shown
            return
        for shown in await self._room.ask(self._queries.posts, wanted):
            yield shown

    async def _follow(self, wanted: feed.Wanted) -> AsyncGenerator[Json, None]:
        following = Following(self._queries, wanted)
        for shown in await self._room.ask(following.begin):
            yield shown
        while True:
            seen = self._room.intake.commits
            step = await self._room.ask(following.step)
            for shown in step.posts:
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


def _compose_lines(lines: Sequence[str], language: str) -> list[Intent]:
    """Posts to be written. Raises: BadData, TextTooLarge: with the number of the line."""
    intents = []
    for number, text in enumerate(lines, start=1):
        try:
            intents.append(Intent(feed_bodies.compose(text, language, os.urandom(SALT_BYTES))))
        except NodeError as error:
            raise type(error)(
                f"Line {number}: {error.message} Nothing was published.", error.advice
            ) from error
    return intents
