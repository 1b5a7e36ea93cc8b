"""A site built from a home: what is public is there, and nothing else is, in any byte of it."""

import random
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from node.apps.documents.bodies import Version
from node.apps.documents.bodies import compose as compose_text
from node.apps.documents.units import Unit
from node.apps.feed.bodies import Post, compose
from node.doors.offline import OfflineDoor
from node.errors import BadData, BadRequest, Conflict, Missing
from node.signing import Intent
from node.testing import showcase
from node.testing.gatherings import gathering, homes, meet
from node.testing.nodes import Node, running
from node.testing.showcase import ALICE, CHARTER, PEOPLE, SECRET
from store.ids import LOG_DOCS, LOG_FEED, to_text

PUBLIC = (
    "Boulangerie coopérative",
    "ليون",
    "mailto:bonjour@lyon.example.org",
    "Ich backe Brot und übersetze.",
    "بوب",
    "one o’clock",
    "Die Bäckerei öffnet um",
    "نانوایی ساعت",
    "أنا قادم غدًا",
    "好的，明天见！",
    "Une réponse à quelque chose de privé.",
    "جلسهٔ آینده",
    "Wir backen Brot für alle.",
    "我们为所有人烤面包。",
    "نخبز الخبز للجميع.",
    "as they &lt;b&gt;are&lt;/b&gt;",
    "Ein Lied der Bäckerei",
)
"""Words of each thing that is public."""


def draw(colour: str, size: tuple[int, int]) -> bytes:
    notes, out = PngImagePlugin.PngInfo(), BytesIO()
    notes.add_text("Comment", SECRET)
    Image.new("RGB", size, colour).save(out, "PNG", pnginfo=notes)
    return out.getvalue()


async def build(node: Node, out: Path, **wanted: Any) -> dict[str, Any]:
    events = [event async for event in node.api.contacts.site_build(str(out), **wanted)]
    return events[-1]


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def text_of(site: Mapping[str, bytes]) -> str:
    return "\n".join(data.decode() for path, data in site.items() if path.endswith((".html", ".xml")))


def folder(base: Path, name: str) -> Path:
    (base / name).mkdir()
    return base / name


async def test_what_is_public_is_on_the_site_and_nothing_else_in_any_byte(tmp_path: Path) -> None:
    async with gathering(CHARTER, *PEOPLE) as [alice, bob, carol]:
        await showcase.show(alice, bob, carol, folder(tmp_path, "given"), draw)
        result = await build(alice, tmp_path / "site")
        site = files(tmp_path / "site")
        for path, data in site.items():
            assert SECRET.casefold().encode() not in data.lower(), path
            assert SECRET.casefold() not in path, path
        counted = {name: result[name] for name in ("sections", "members", "documents", "posts")}
        assert counted == {"sections": 1, "members": 2, "documents": 2, "posts": 6}
        assert result["files"] == len(site) - 1
        shown = text_of(site)
        assert [public for public in PUBLIC if public not in shown] == []
        assert "noon" not in shown
        half = next(
            site[path].decode() for path in site if path.startswith("ar/documents/p") and ".ar." in path
        )
        assert '<ul lang="de" dir="ltr">\n<li>Jeder Ort entscheidet selbst.</li>' in half
        assert "<p>نخبز الخبز للجميع.</p>" in half
        names = sorted(path.rsplit("/")[-1] for path in site if path.startswith("files/"))
        assert names == ["page-html.bin", "plan.pdf", "song.ogg"]
        pictures = [path for path in site if path.startswith("pictures/")]
        assert sorted(Image.open(BytesIO(site[path])).size for path in pictures) == [
            (398, 512),
            (512, 398),
            (1_600, 720),
        ]


async def test_the_same_home_gives_the_same_bytes_with_and_without_a_daemon(tmp_path: Path) -> None:
    with homes(CHARTER, PEOPLE) as made:
        async with running(made[0]) as alice, running(made[1]) as bob, running(made[2]) as carol:
            await showcase.show(alice, bob, carol, folder(tmp_path, "given"), draw)
            await build(alice, tmp_path / "one")
            await build(alice, tmp_path / "one")
            await build(alice, tmp_path / "two")
        paths = made[0].paths
        made[0].close()
        door = OfflineDoor(paths, lambda: None)
        *_, result = door.stream("site/build", {"out": str(tmp_path / "three")})
        assert result["event"] == "result"
    sites = [files(tmp_path / name) for name in ("one", "two", "three")]
    assert sites[0] == sites[1] == sites[2]


async def test_the_site_of_a_section_has_its_members_and_their_texts_alone(tmp_path: Path) -> None:
    async with gathering(CHARTER, *PEOPLE) as [alice, bob, carol]:
        await showcase.show(alice, bob, carol, folder(tmp_path, "given"), draw)
        result = await build(alice, tmp_path / "site", section="lyon", languages=["ar"])
        assert (result["languages"], result["posts"]) == (["ar"], 6)
        assert b'<html lang="ar" dir="rtl">' in files(tmp_path / "site")["index.html"]
        with pytest.raises(Missing):
            await build(alice, tmp_path / "site", section="Paris")


async def test_whom_the_owner_blocks_is_not_on_the_site(tmp_path: Path) -> None:
    async with gathering(CHARTER, *PEOPLE) as [alice, bob, carol]:
        await showcase.show(alice, bob, carol, folder(tmp_path, "given"), draw)
        await alice.api.social.block(who=to_text(showcase.BOB.root))
        result = await build(alice, tmp_path / "site")
        assert (result["members"], result["posts"]) == (1, 4)
        assert "بوب" not in text_of(files(tmp_path / "site"))


async def test_an_empty_home_has_a_site_that_says_so(tmp_path: Path) -> None:
    async with gathering(CHARTER, ALICE) as [alice]:
        result = await build(alice, tmp_path / "site")
        assert (result["posts"], result["languages"]) == (0, ["en"])
        assert "Nothing has been published yet." in text_of(files(tmp_path / "site"))


async def test_what_cannot_be_built_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    async with gathering(CHARTER, ALICE) as [alice]:
        for wrong, error in (
            ({"languages": ["xx"]}, BadData),
            ({"languages": ["not a tag"]}, BadData),
            ({"base_url": "javascript:alert(1)"}, BadData),
            ({"base_url": "https://a.example/?q"}, BadData),
        ):
            with pytest.raises(error):
                await build(alice, tmp_path / "site", **wrong)
        with pytest.raises(BadRequest):
            await build(alice, Path("relative"))
        with pytest.raises(Conflict):
            await build(alice, tmp_path / "mine")
    assert files(tmp_path) == {"mine/letter.txt": b"dear"}


async def test_a_picture_that_is_none_and_a_file_that_is_gone_are_left_out(tmp_path: Path) -> None:
    async with gathering(CHARTER, ALICE) as [alice]:
        fake = tmp_path / "fake.png"
        fake.write_bytes(b"\x89PNG\r\n\x1a\n no picture")
        real = tmp_path / "real.txt"
        real.write_text("some text")
        await alice.api.social.post("with files", attach=[str(fake), str(real)], public=True)
        for blob in alice.home.blobs.listed():
            if blob.size == len("some text"):
                alice.home.blobs.drop(blob.blob)
        await build(alice, tmp_path / "site")
        site = files(tmp_path / "site")
        assert [path.rsplit("/")[-1] for path in site if path.startswith("files/")] == ["fake.png"]
        assert not [path for path in site if path.startswith("pictures/")]
        assert "<bdi>real.txt</bdi> (not available here)" in text_of(site)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_marked_how_only_what_is_public_goes_out(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with gathering(CHARTER, *PEOPLE) as nodes:
        for person in PEOPLE[1:]:
            await nodes[0].api.federation.member_admit(to_text(person.root))
        await meet(*nodes)
        marks: dict[str, bool] = {}

        def word() -> tuple[str, bool]:
            public = chance.random() < 0.5
            token = f"tok{len(marks)}x{chance.randrange(10**9)}"
            marks[token] = public
            return token, public

        for node in nodes:
            for number in range(4):
                token, public = word()
                post = Post(token, chance.choice(("", "de", "ar")), public=public)
                await node.author.write(LOG_FEED, [Intent(compose(post, bytes(16)))])
                token, public = word()
                units = (Unit(bytes(8), token),)
                document = Version(
                    f"{node.home.device.hex()}{number}", "", "text/markdown", "", (), public, units
                )
                await node.author.write(LOG_DOCS, [Intent(compose_text(document, bytes(16)))])
            fields = []
            for name, tag in (("about", "de"), ("about", "fa"), ("contact", "x"), ("territory", "")):
                token, public = word()
                fields.append({"field": name, "tag": tag, "value": token, "public": public})
            await node.api.contacts.profile_set(fields)
        await meet(*nodes)
        await build(nodes[0], tmp_path / "site")
        shown = text_of(files(tmp_path / "site"))
        assert {token: token in shown for token in marks} == marks
