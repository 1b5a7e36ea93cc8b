"""The pages of a public site, made from its content: paths and bytes, one by one. The door to Jinja2.

Everything is escaped; what is HTML already comes from `node.site.marking`. The same content gives the same
bytes. No I/O but reading the templates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from node.languages import choose
from node.site import marking, places
from node.site.content import Attached, Document, Profile, Said, Site, short_name
from node.site.feeds import feed_entries, feed_languages, feed_name, newest_ms
from node.site.texts import Shown, excerpt, others_of, shown_in, shown_of, texts_of
from node.site.threads import Thread, threads_of
from node.site.wording import Wording, direction, iso, own_name, wording, year_month

MAX_HOME_THREADS: Final = 5
"""Conversations at the entrance."""

MAX_HOME_DOCUMENTS: Final = 10
"""Documents at the entrance."""

MAX_NEWEST: Final = 20
"""Conversations on the page of posts; older ones are on the pages of their months."""

MAX_HEADING_CHARS: Final = 60
"""Of a conversation in the title of its page: the beginning of its first message."""

_STYLE: Final = "style.css"
_UNITS: Final = ("B", "kB", "MB", "GB")
_THOUSAND: Final = 1_000


class ShownPicture(NamedTuple):
    """A picture that lies beside the pages."""

    path: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""


class Copies(NamedTuple):
    """What lies beside the pages."""

    profiles: Mapping[bytes, ShownPicture]
    """Pictures of members and sections, by blob."""
    pictures: Mapping[bytes, ShownPicture]
    """Pictures among attachments, by blob."""
    files: frozenset[str]
    """Paths of files that were copied."""


class Press:
    """Makes the pages of one site."""

    def __init__(self, site: Site, copies: Copies) -> None:
        self._site = site
        self._copies = copies
        self._threads = threads_of(site.posts)
        self._wordings = [wording(tag) for tag in site.languages]
        self._marked: dict[tuple[str, int], Markup] = {}
        self._environment = Environment(
            loader=PackageLoader("node.site", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    @property
    def count(self) -> int:
        """How many pages there will be, about."""
        texts = sum(1 + len(document.translations) for document in self._site.documents)
        return len(self._wordings) * (5 + len(self._threads) + texts) + 2

    def pages(self) -> Iterator[tuple[str, bytes]]:
        """Each page: its path on the site, and its bytes."""
        yield places.STYLE, self._source(_STYLE)
        yield from self._feeds()
        yield "index.html", self._home(self._wordings[0], "index.html")
        for words in self._wordings:
            yield places.page(words.tag, "index"), self._home(words, places.page(words.tag, "index"))
            yield from self._lists(words)
            yield from self._documents(words)
            yield from self._conversations(words)

    # --- pages ----------------------------------------------------------------------------------------

    def _home(self, words: Wording, path: str) -> bytes:
        newest = sorted(self._threads, key=lambda each: (each.root.time_ms, each.root.id), reverse=True)
        return self._page(
            "home.html",
            words,
            path,
            lambda tag: places.page(tag, "index"),
            heading=self._site.title,
            threads=self._linked(words, newest[:MAX_HOME_THREADS]),
            documents=self._titles(words, self._site.documents[:MAX_HOME_DOCUMENTS]),
            is_empty=not (self._site.posts or self._site.documents or self._site.sections),
        )

    def _lists(self, words: Wording) -> Iterator[tuple[str, bytes]]:
        labels, site = words.labels, self._site
        yield self._list(words, "directory", heading=labels["directory"])
        documents = self._titles(words, site.documents)
        yield self._list(words, "documents", heading=labels["documents"], documents=documents)
        if site.files:
            yield self._list(words, "files", heading=labels["files"])
        newest = sorted(self._threads, key=lambda each: (each.root.time_ms, each.root.id), reverse=True)
        months: dict[str, list[Thread]] = {}
        for thread in newest:
            months.setdefault(year_month(thread.root.time_ms), []).append(thread)
        archive = [(month, places.archive(words.tag, month)) for month in months]
        yield self._list(
            words,
            "posts",
            heading=labels["posts"],
            threads=self._linked(words, newest[:MAX_NEWEST]),
            months=archive,
        )
        for month, threads in months.items():
            yield self._list(
                words,
                f"posts-{month}",
                "posts",
                heading=f"{labels['posts']}: {words.month(month)}",
                threads=self._linked(words, threads),
                months=archive,
            )

    def _list(self, words: Wording, name: str, template: str = "", **values: object) -> tuple[str, bytes]:
        path = places.page(words.tag, name)
        data = self._page(
            f"{template or name}.html", words, path, lambda tag: places.page(tag, name), **values
        )
        return path, data

    def _documents(self, words: Wording) -> Iterator[tuple[str, bytes]]:
        for document in self._site.documents:
            texts = texts_of(document)
            for text in texts:
                path = places.document(words.tag, document, text.language)
                yield path, self._document(words, path, document, text, texts)

    def _document(
        self, words: Wording, path: str, document: Document, text: Shown, texts: Sequence[Shown]
    ) -> bytes:
        if document.is_markdown:
            title = text.title or document.shown_title
            tag = document.language
            foreign = {"lang": tag, "dir": direction(tag)} if tag else {"dir": "auto"}
            body = marking.rendered(marking.without_title(text.text, title), 2, text.left, foreign)
        else:
            body = marking.as_it_is(text.text)
        return self._page(
            "document.html",
            words,
            path,
            lambda tag: places.document(tag, document, text.language),
            heading=text.title or document.shown_title,
            document=document,
            text=text,
            body=body,
            versions=[
                {"text": each, "link": places.document(words.tag, document, each.language)} for each in texts
            ],
        )

    def _conversations(self, words: Wording) -> Iterator[tuple[str, bytes]]:
        for thread in self._threads:
            path = places.conversation(words.tag, thread.root)
            yield path, self._conversation(words, path, thread)

    def _conversation(self, words: Wording, path: str, thread: Thread) -> bytes:
        return self._page(
            "conversation.html",
            words,
            path,
            lambda tag: places.conversation(tag, thread.root),
            heading=excerpt(marking.words(shown_in(thread.root, words.tag).text), MAX_HEADING_CHARS),
            root=thread.root,
            answers=thread.answers,
        )

    def _feeds(self) -> Iterator[tuple[str, bytes]]:
        for language in (None, *self._feed_languages):
            entries = feed_entries(self._site, self._threads, language, self._markdown)
            path = places.feed(language)
            text = self._environment.get_template("feed.xml").render(
                site=self._site,
                path=path,
                home="index.html",
                language=language,
                entries=entries,
                updated_ms=newest_ms(entries),
                feed_id=feed_name(self._site, language),
                iso=iso,
                own_name=own_name,
            )
            yield path, text.encode()

    # --- what templates use ---------------------------------------------------------------------------

    def _page(
        self, template: str, words: Wording, path: str, other: Callable[[str], str], **values: object
    ) -> bytes:
        """A page at `path`; `other` says where the same page is in another language."""
        others = {each.tag: other(each.tag) for each in self._wordings}
        values = {**self._standing, **self._of_language(words), **values}
        text = self._environment.get_template(template).render(
            path=path,
            here=others[words.tag],
            others=others,
            to=lambda target: places.relative(path, target),
            out=lambda target: (
                f"{self._site.base_url}{target}" if self._site.base_url else places.relative(path, target)
            ),
            **values,
        )
        return text.encode()

    @cached_property
    def _standing(self) -> dict[str, Any]:
        """What is the same on every page."""
        site = self._site
        return {
            "site": site,
            "wordings": self._wordings,
            "people": {each.id: each for each in site.members},
            "sections": {each.id: each for each in site.sections},
            "feed_languages": self._feed_languages,
            "feed_of": places.feed,
            "own_name": own_name,
            "direction": direction,
            "iso": iso,
            "link_to": marking.link_to,
            "excerpt": excerpt,
            "markdown": self._markdown,
            "anchor": lambda post: short_name(post.id),
            "size": size_shown,
            "copied": self._copied,
            "pictured": self._copies.profiles.get,
            "shown_picture": lambda attached: self._copies.pictures.get(attached.blob),
            "unseen": lambda files: [each for each in files if each.blob not in self._copies.pictures],
        }

    def _of_language(self, words: Wording) -> dict[str, Any]:
        labels, site = words.labels, self._site
        names = ("index", "directory", "documents", "posts", "files")
        pages = {name: places.page(words.tag, name) for name in names}
        menu = [
            (labels["home"], pages["index"], True),
            (labels["directory"], pages["directory"], bool(site.sections or site.members)),
            (labels["documents"], pages["documents"], bool(site.documents)),
            (labels["posts"], pages["posts"], bool(site.posts)),
            (labels["files"], pages["files"], bool(site.files)),
        ]
        return {
            "wording": words,
            "pages": {**pages, "home": pages["index"]},
            "menu": [(label, target) for label, target, is_there in menu if is_there],
            "best": lambda post: shown_in(post, words.tag),
            "other_texts": lambda post, shown: others_of(post, shown),
            "chosen_about": lambda profile: chosen_about(profile, words.tag, site.languages),
        }

    def _markdown(self, text: str, level: int) -> Markup:
        found = self._marked.get((text, level))
        if found is None:
            found = self._marked[text, level] = marking.rendered(text, level)
        return found

    def _copied(self, attached: Attached) -> str | None:
        path = places.file(attached)
        return path if path in self._copies.files else None

    def _linked(self, words: Wording, threads: Sequence[Thread]) -> list[dict[str, Any]]:
        return [
            {
                "root": thread.root,
                "answers": len(thread.answers),
                "link": places.conversation(words.tag, thread.root),
            }
            for thread in threads
        ]

    def _titles(self, words: Wording, documents: Sequence[Document]) -> list[dict[str, Any]]:
        found = []
        for document in documents:
            text = shown_of(document, words.tag)
            link = places.document(words.tag, document, text.language)
            found.append({"document": document, "text": text, "link": link})
        return found

    @cached_property
    def _feed_languages(self) -> tuple[str, ...]:
        return feed_languages(self._site)

    def _source(self, name: str) -> bytes:
        loader = self._environment.loader
        assert loader is not None
        return loader.get_source(self._environment, name)[0].encode()


def chosen_about(profile: Profile, tag: str, others: Sequence[str]) -> Said | None:
    """What a profile says about itself for readers of a language; else in one of the others, or at all."""
    if not profile.about:
        return None
    place = choose([said.tag for said in profile.about], (tag, *others))
    return profile.about[place or 0]


def size_shown(count: int) -> str:
    """A number of bytes for people."""
    size = float(count)
    for unit in _UNITS[:-1]:
        if size < _THOUSAND:
            return f"{size:.0f} {unit}"
        size /= _THOUSAND
    return f"{size:.1f} {_UNITS[-1]}"
