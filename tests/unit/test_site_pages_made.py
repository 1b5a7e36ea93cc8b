"""Pages of a site from its content: whole, the same each time, in every language, safe whoever wrote it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from html.parser import HTMLParser
from posixpath import dirname, join, normpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.site import places
from node.site.content import Attached, Document, Post, Profile, Said, SharedFile, Site, Translated
from node.site.pages import Copies, Press, ShownPicture, excerpt, size_shown
from node.site.threads import MAX_DEPTH, threads_of
from node.site.wording import LABELLED, plain

TIME_MS = 1_795_367_040_000
DAY_MS = 86_400_000
ALICE, BOB, LYON = (bytes([number] * 32) for number in (1, 2, 3))
PICTURE, PLAN, SONG = (bytes([number] * 32) for number in (4, 5, 6))
ATOM = "{http://www.w3.org/2005/Atom}"


def person(identifier: bytes, name: str, **values: object) -> Profile:
    empty = Profile(identifier, name, (), (), (), (), (), (), (), None, (), 0)
    return empty._replace(**values)  # type: ignore[arg-type]


def post(number: int, parent: int | None, text: str, language: str, **values: object) -> Post:
    made = Post(
        bytes([number] * 32),
        None if parent is None else bytes([parent] * 32),
        parent is not None,
        ALICE,
        TIME_MS + number * DAY_MS,
        text,
        language,
        (),
        (),
        (),
    )
    return made._replace(**values)  # type: ignore[arg-type]


SITE = Site(
    "Federation <X>",
    "https://example.org/site/",
    ("de", "ar", "en"),
    (
        person(
            LYON,
            "Lyon & Rhône",
            names=(Said("ar", "ليون"),),
            territories=("Rhône",),
            languages=("fr", "ar", "xx"),
            contacts=(Said("presse", "mailto:presse@example.org"), Said("", "javascript:alert(1)")),
            hubs=("/dns/hub.example.org/tcp/4001",),
            pages=("https://lyon.example.org/",),
            about=(Said("fr", "Du pain."), Said("ar", "خبز")),
            picture=PICTURE,
            members=1,
        ),
    ),
    (person(ALICE, "Alice", about=(Said("de", "Ich backe."),), sections=(LYON,)), person(BOB, "بوب")),
    (
        Document(
            "plan.md",
            "Plan",
            "text/markdown",
            "de",
            ("plan",),
            ALICE,
            TIME_MS,
            "# Plan\n\nWir *backen*.",
            (
                Translated("ar", "خطة", "سنخبز.", True, TIME_MS),
                Translated("ku", "Plan", "Em dipêjin.", False, 1),
            ),
        ),
        Document("notes/a b.txt", "", "text/plain", "", (), None, TIME_MS, "kept  as\n<b>it</b> is", ()),
    ),
    (
        post(
            10,
            None,
            "**Bread** at <noon>",
            "en",
            topics=("bread",),
            translations=(Translated("de", "", "Brot um zwölf", False, TIME_MS),),
            attachments=(
                Attached("plan.pdf", "application/pdf", 1_234, PLAN, True),
                Attached("gone.zip", "application/zip", 5_000_000, SONG, False),
            ),
        ),
        post(11, 10, "نعم", "ar", author=BOB),
        post(12, 11, "oui", "fr", author=None),
        post(13, None, "answers something else", "en", is_answer=True),
    ),
    (
        SharedFile(
            SONG, Attached("song.mp3", "audio/mpeg", 3_000_000, SONG, False), "Ein Lied", "de", ALICE, 1
        ),
    ),
)
COPIES = Copies(
    {PICTURE: ShownPicture("pictures/p.jpg", 512, 300)},
    {},
    frozenset({places.file(SITE.posts[0].attachments[0])}),
)


def pages_of(site: Site, copies: Copies = COPIES) -> dict[str, str]:
    made: dict[str, str] = {}
    for path, data in Press(site, copies).pages():
        assert path not in made, f"{path} is written twice"
        made[path] = data.decode()
    return made


PAGES = pages_of(SITE)
HTML = {path: text for path, text in PAGES.items() if path.endswith(".html")}


class Page(HTMLParser):
    """The elements of a page, the links in it and what can be linked to."""

    VOID = frozenset({"meta", "link", "img", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, attribute: str, *tags: str) -> list[str]:
        return [
            attributes[attribute] or ""
            for tag, attributes in self.elements
            if attribute in attributes and (not tags or tag in tags)
        ]


@pytest.mark.parametrize("path", HTML)
def test_each_page_is_well_formed_and_says_its_language(path: str) -> None:
    page = Page(HTML[path])
    language = path.split("/")[0] if "/" in path else "de"
    [html] = [attributes for tag, attributes in page.elements if tag == "html"]
    assert html == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    assert sum(1 for tag, _ in page.elements if tag in ("h1", "main", "title")) == 3
    assert not {"script", "style", "iframe", "form", "object"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.values("style") == []
    assert len(set(page.values("id"))) == len(page.values("id"))
    [policy] = [each for each in page.values("content", "meta") if "default-src" in each]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'")


@pytest.mark.parametrize("path", HTML)
def test_every_link_inside_the_site_leads_to_something_in_it(path: str) -> None:
    there = {*PAGES, *COPIES.files, *(picture.path for picture in COPIES.profiles.values())}
    for tag, attributes in Page(HTML[path]).elements:
        for link in (attributes.get("href"), attributes.get("src")):
            if link is None or (tag in ("a", "link") and re.match("https://|mailto:", link)):
                continue
            target, _, anchor = link.partition("#")
            found = normpath(join(dirname(path), target)) if target else path
            assert found in there, link
            assert not anchor or anchor in Page(PAGES[found]).values("id"), link


def test_links_to_elsewhere_recommend_nothing() -> None:
    for text in HTML.values():
        for tag, attributes in Page(text).elements:
            address = attributes.get("href") or ""
            if tag == "a" and ":" in address:
                assert attributes["rel"] == "nofollow noopener"


def test_the_same_content_gives_the_same_bytes() -> None:
    assert pages_of(SITE) == PAGES


def test_the_entrance_and_each_language_have_their_pages() -> None:
    assert PAGES["index.html"] != PAGES["de/index.html"]
    for tag in SITE.languages:
        for name in ("index", "directory", "documents", "posts", "posts-2026-12", "files"):
            assert f"{tag}/{name}.html" in PAGES
    slug = places.slug("plan.md")
    for tag in SITE.languages:
        for text_language in ("de", "ar", "ku"):
            assert f"{tag}/documents/{slug}.{text_language}.html" in PAGES


def test_a_reader_gets_the_text_in_his_language_where_there_is_one() -> None:
    thread = places.conversation("de", SITE.posts[0])
    german = PAGES[thread]
    assert '<div class="text" lang="de" dir="ltr">\n<p>Brot um zwölf</p>' in german
    assert '<div class="text" lang="en" dir="ltr">\n<p><strong>Bread</strong> at &lt;noon&gt;</p>' in german
    assert german.index("Brot um zwölf") < german.index("<strong>Bread")
    assert "Brot um zwölf" not in PAGES[places.conversation("en", SITE.posts[0])].split("<details>")[0]


def test_an_old_translation_says_that_it_is_old() -> None:
    slug = places.slug("plan.md")
    assert 'class="warning"' in PAGES[f"de/documents/{slug}.ar.html"]
    assert 'class="warning"' not in PAGES[f"de/documents/{slug}.de.html"]
    assert 'class="warning"' not in PAGES[f"de/documents/{slug}.ku.html"]


def test_a_title_is_not_said_twice() -> None:
    assert PAGES[f"de/documents/{places.slug('plan.md')}.de.html"].count(">Plan</h") == 1


def test_what_strangers_wrote_stays_text() -> None:
    assert "Federation &lt;X&gt;" in PAGES["de/index.html"]
    assert "&lt;b&gt;it&lt;/b&gt;" in PAGES[f"de/documents/{places.slug('notes/a b.txt')}.und.html"]
    assert "javascript:alert(1)" in PAGES["de/directory.html"]
    assert 'href="javascript' not in "".join(PAGES.values())


def test_an_answer_to_what_is_not_public_stands_by_itself() -> None:
    page = PAGES[places.conversation("en", SITE.posts[3])]
    assert "In answer to a message that is not public" in page


def test_files_that_are_not_here_are_named_and_not_linked() -> None:
    page = PAGES[places.conversation("en", SITE.posts[0])]
    assert f'href="../../{places.file(SITE.posts[0].attachments[0])}" download' in page
    assert "<bdi>gone.zip</bdi> (not available here)" in page


@pytest.mark.parametrize("path", [path for path in PAGES if path.endswith(".xml")])
def test_a_feed_is_as_atom_wants_it(path: str) -> None:
    feed = ET.fromstring(PAGES[path])
    assert feed.tag == f"{ATOM}feed"
    for parent in (feed, *feed.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(parent.findall(f"{ATOM}{name}")) == 1
            assert parent.findtext(f"{ATOM}{name}")
    ids = [entry.findtext(f"{ATOM}id") for entry in feed.iter(f"{ATOM}entry")]
    assert ids
    assert len(set(ids)) == len(ids)
    for link in feed.iter(f"{ATOM}link"):
        target = link.attrib["href"].removeprefix(SITE.base_url)
        assert target in PAGES
    content = [entry.findtext(f"{ATOM}content") or "" for entry in feed.iter(f"{ATOM}entry")]
    assert not [text for text in content if "<script" in text or "<noon>" in text]


def test_each_language_has_a_feed_of_what_is_in_it() -> None:
    entries = {
        path: [entry.findtext(f"{ATOM}title") for entry in ET.fromstring(PAGES[path]).iter(f"{ATOM}entry")]
        for path in PAGES
        if path.startswith("feed")
    }
    assert sorted(map(str, entries["feed.de.xml"])) == ["Brot um zwölf", "Plan"]
    assert entries["feed.fr.xml"] == ["oui"]
    assert len(entries["feed.xml"]) == 9


def test_an_entry_keeps_its_name_wherever_the_site_moves() -> None:
    def ids(site: Site) -> list[str | None]:
        feed = ET.fromstring(pages_of(site)["feed.xml"])
        return [each.text for each in feed.iter(f"{ATOM}id")]

    assert ids(SITE._replace(base_url="", languages=("en",))) == ids(SITE)


def test_an_empty_site_says_that_it_is() -> None:
    empty = pages_of(Site("X", "", ("en",), (), (), (), (), ()), Copies({}, {}, frozenset()))
    assert "Nothing has been published yet." in empty["en/index.html"]
    assert set(empty) == {
        "index.html",
        "style.css",
        "feed.xml",
        *(f"en/{name}.html" for name in ("index", "directory", "documents", "posts")),
    }


def test_without_an_address_links_are_relative() -> None:
    made = pages_of(SITE._replace(base_url=""))
    assert "canonical" not in made["de/index.html"]
    assert 'hreflang="ar" href="../ar/index.html"' in made["de/index.html"]
    assert '<link rel="canonical" href="https://example.org/site/de/index.html">' in PAGES["de/index.html"]


def test_the_site_speaks_each_of_its_languages_from_end_to_end() -> None:
    made = pages_of(SITE._replace(languages=LABELLED))
    assert sum(1 for path in made if path.endswith("/directory.html")) == len(LABELLED)


texts = st.text(st.characters(codec="utf-8"), max_size=30).map(plain)


@settings(max_examples=25, deadline=None)
@given(texts, texts, texts.filter(bool))
def test_whatever_people_write_pages_stay_whole(text: str, tag: str, name: str) -> None:
    said = (Said("", text), Said("ar", text))
    site = SITE._replace(
        title=text,
        languages=("fa",),
        sections=(
            person(LYON, text, names=said, contacts=said, about=said, territories=(text,), pages=(text,)),
        ),
        documents=(Document(name, text, "text/markdown", "", (tag,), None, 0, text, ()),),
        posts=(post(10, None, text, "", topics=(tag,), attachments=(Attached(name, text, 1, PLAN, False),)),),
    )
    for path, made in pages_of(site, Copies({}, {}, frozenset())).items():
        if path.endswith(".html"):
            Page(made)
        elif path.endswith(".xml"):
            ET.fromstring(made)


def test_conversations_are_trees_as_far_as_they_are_public() -> None:
    posts = [post(1, None, "a", ""), post(2, 99, "b", ""), post(3, 1, "c", ""), post(4, 2, "d", "")]
    posts += [post(5, 3, "e", ""), post(6, 1, "f", "")]
    shown = [
        [thread.root.text, *((answer.post.text, answer.depth) for answer in thread.answers)]
        for thread in threads_of(posts)
    ]
    assert shown == [["a", ("c", 1), ("e", 2), ("f", 1)], ["b", ("d", 1)]]


def test_a_long_conversation_is_not_set_in_without_end() -> None:
    posts = [post(number, number - 1 or None, "x", "") for number in range(1, 200)]
    [thread] = threads_of(posts)
    assert len(thread.answers) == 198
    assert max(answer.depth for answer in thread.answers) == MAX_DEPTH


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("plan.pdf", "plan.pdf"),
        ("page.html", "page-html.bin"),
        ("logo.SVG", "logo-svg.bin"),
        ("../../etc/passwd", "etc-passwd.bin"),
        ("Résumé (neu).PDF", "resume-neu.pdf"),
        ("程序.md", "file.md"),
        ("noend", "noend.bin"),
        (".htaccess", "htaccess.bin"),
        ("a.b/c.txt", "a-b-c.txt"),
    ],
)
def test_a_copied_file_has_a_name_that_no_server_takes_for_a_page(name: str, ending: str) -> None:
    path = places.file(Attached(name, "x/y", 1, PLAN, True))
    assert path.split("/")[2:] == [ending]


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_a_file_is_called_it_lands_in_its_folder(name: str) -> None:
    path = places.file(Attached(name, "", 1, PLAN, True))
    assert re.fullmatch(r"files/[a-z2-7]{20}/[a-z0-9-]+\.[a-z0-9]+", path)
    assert re.fullmatch(r"([a-z0-9-]+-)?[a-z2-7]{20}", places.slug(name))


def test_documents_of_different_names_have_different_pages() -> None:
    assert places.slug("a/b") != places.slug("a-b")
    assert places.slug("计划") != places.slug("计划二")


def test_sizes_and_beginnings_are_for_people() -> None:
    assert [size_shown(count) for count in (0, 999, 1_234, 5_600_000, 2**40)] == [
        "0 B",
        "999 B",
        "1 kB",
        "6 MB",
        "1099.5 GB",
    ]
    assert excerpt("a  b\nc") == "a b c"
    assert excerpt("x" * 300, 10) == "xxxxxxxxx…"
