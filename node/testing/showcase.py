"""A federation with something to show, in many languages, and with things that nobody outside may see.

Every text that is not public has the word `SECRET` in it, and so have the names of who is not.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from node.apps.documents.bodies import Rendered, Translation, Version, source_digest
from node.apps.documents.bodies import compose as compose_text
from node.apps.documents.units import Unit
from node.looking import Json
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import meet
from node.testing.nodes import Node
from store.entry import SALT_BYTES
from store.ids import LOG_DOCS, EntryId, to_text

SECRET: Final = "Hushhush"
"""Stands in everything that is not public. No id has it by chance."""

ALICE: Final = Citizen("Alice")
BOB: Final = Citizen("بوب")
CAROL: Final = Citizen(f"Carol {SECRET}")
PEOPLE: Final = (ALICE, BOB, CAROL)
CHARTER: Final = found([inception("Lyon", [ALICE])])

PROGRAMME: Final = (
    "# Programm\n\n",
    "Wir backen Brot für alle. Wer Mehl hat, gibt Mehl; wer Zeit hat, gibt Zeit.\n\n",
    "## Erstens\n\n",
    "* Jeder Ort entscheidet selbst.\n* Niemand steht über den anderen.\n\n",
    "| Tag | Ort | Stunde |\n|---|---|--:|\n| Montag | Lyon | 18 |\n| Freitag | Berlin | 20 |\n\n",
    "Mehr steht auf https://example.org/programm?sprache=de.\n",
)
_NAME: Final = "programme.md"

Draw: TypeAlias = Callable[[str, tuple[int, int]], bytes]
"""A picture of a colour and size in pixels, as a file that also has `SECRET` in it."""


def _field(name: str, value: str, tag: str = "", public: bool = True) -> Json:
    return {"field": name, "tag": tag, "value": value, "public": public}


async def show(alice: Node, bob: Node, carol: Node, folder: Path, draw: Draw) -> None:
    """Let three people, of whom Alice is a steward, say all of it; afterwards each holds everything.

    `folder`: where files are made that they share.
    """
    for person in (BOB, CAROL):
        await alice.api.federation.member_admit(to_text(person.root))
    await meet(alice, bob, carol)
    await alice.api.federation.petname_set(to_text(BOB.root), f"{SECRET} petname")
    (folder / "lyon.png").write_bytes(draw("orange", (900, 700)))
    (folder / "alice.png").write_bytes(draw("teal", (700, 900)))
    (folder / "oven.png").write_bytes(draw("crimson", (2_000, 900)))
    await _introduce(alice, bob, carol, folder)
    await _converse(alice, bob, carol, folder)
    await _write_documents(alice)
    await _share_files(alice, folder)
    await meet(alice, bob, carol)


async def _introduce(alice: Node, bob: Node, carol: Node, folder: Path) -> None:
    section = [
        _field(
            "about", "Boulangerie coopérative et centre social.\nOuvert chaque jour de 7 à 19 heures.", "fr"
        ),
        _field("about", "مخبز تعاوني ومركز اجتماعي، مفتوح كل يوم.", "ar"),
        _field("name", "ليون", "ar"),
        _field("name", "里昂", "zh"),
        _field("territory", "Rhône"),
        _field("language", "fr"),
        _field("language", "ar"),
        _field("contact", "mailto:bonjour@lyon.example.org", "accueil"),
        _field("contact", f"{SECRET} number", "stewards", public=False),
        _field("page", "https://lyon.example.org/"),
        _field("picture", str(folder / "lyon.png")),
    ]
    await alice.api.contacts.profile_set(section, "Lyon")
    await alice.api.contacts.profile_set(
        [
            _field("about", "Ich backe Brot und übersetze.", "de"),
            _field("about", "نان می‌پزم و ترجمه می‌کنم.", "fa"),
            _field("about", f"{SECRET} about me", "en", public=False),
            _field("name", "Алиса", "ru"),
            _field("language", "de"),
            _field("language", "fa"),
            _field("picture", str(folder / "alice.png")),
        ]
    )
    await bob.api.contacts.profile_set(
        [
            _field("about", "أخبز الخبز كل ليلة في ليون، وأكتب عن ذلك.", "ar"),
            _field("language", "ar"),
            _field("contact", "mailto:bob@example.org"),
            _field("territory", f"{SECRET} street", public=False),
        ]
    )
    await carol.api.contacts.profile_set([_field("about", f"{SECRET} life", "zh", public=False)])


async def _converse(alice: Node, bob: Node, carol: Node, folder: Path) -> None:
    (folder / "plan.pdf").write_bytes(b"%PDF-1.7\n" + b"plan " * 5_000)
    text = "# Bread\n\nThe bakery opens at **noon**. Bring `bags`, and see https://example.org/bread."
    files = [str(folder / "oven.png"), str(folder / "plan.pdf")]
    social = alice.api.social
    bread = (await social.post(text, language="en", topics=["bread"], attach=files, public=True))["id"]
    await social.translate(bread, "Die Bäckerei öffnet um **zwölf**.", "de", public=True)
    await social.correct(bread, text.replace("noon", "one o’clock"))
    await social.translate(bread, "نانوایی ساعت **یک** باز می‌شود. کیسه بیاورید.", "fa", public=True)
    await social.translate(bread, f"{SECRET} çeviri", "tr")
    await meet(alice, bob, carol)
    answer = await bob.api.social.post(
        "أنا قادم غدًا مع الخبز والزيت.", reply_to=bread, language="ar", public=True
    )
    await meet(alice, bob, carol)
    await carol.api.social.post("好的，明天见！我带茶来。", reply_to=answer["id"], language="zh", public=True)
    whisper = (await carol.api.social.post(f"{SECRET} answer", reply_to=answer["id"], topics=[SECRET]))["id"]
    await meet(alice, bob, carol)
    await bob.api.social.post(
        "Une réponse à quelque chose de privé.", reply_to=whisper, language="fr", public=True
    )
    await social.post(f"{SECRET} meeting at dawn")
    withdrawn = (await social.post(f"{SECRET} too early", public=True))["id"]
    await social.correct(withdrawn, f"{SECRET} still", public=False)
    opened = (await social.post(f"{SECRET} draft"))["id"]
    await social.correct(
        opened, "جلسهٔ آینده روز شنبه است. نشانی: https://example.org/fa", language="fa", public=True
    )
    await social.post("Bir sonraki toplantı cumartesi günü.", language="tr", public=True)


async def _write_documents(alice: Node) -> None:
    first = await _put(
        alice, Version(_NAME, "Programm", "text/markdown", "de", ("programm",), True, _units(PROGRAMME))
    )
    whole = _rendered(
        PROGRAMME,
        ("# 纲领\n\n", "我们为所有人烤面包。\n\n", "## 第一\n\n", "* 各地自行决定。\n\n", "", "更多。\n"),
    )
    await _put(alice, Translation(_NAME, "纲领", "zh", True, whole), first)
    old = _rendered(
        (*PROGRAMME[:1], "Wir backen.\n\n", *PROGRAMME[2:]),
        ("# البرنامج\n\n", "نخبز الخبز للجميع.\n\n", "## أولاً\n\n"),
    )
    await _put(alice, Translation(_NAME, "البرنامج", "ar", True, old), first)
    hidden = _rendered(PROGRAMME, (f"# {SECRET}\n\n", f"{SECRET} taslak.\n\n"))
    await _put(alice, Translation(_NAME, f"{SECRET}", "tr", False, hidden), first)
    plain = (f"{SECRET} minutes\n",)
    await _put(
        alice,
        Version(f"{SECRET} minutes", SECRET, "text/plain", "en", (SECRET.casefold(),), False, _units(plain)),
    )
    was = await _put(alice, Version("withdrawn.md", SECRET, "text/markdown", "en", (), True, _units(plain)))
    await _put(alice, Version("withdrawn.md", SECRET, "text/markdown", "en", (), False, _units(plain)), was)
    draft = await _put(alice, Version("notes.txt", SECRET, "text/plain", "", (), False, _units(plain)))
    text = _units(("Lines  stay\n  as they <b>are</b>.\n",))
    await _put(alice, Version("notes.txt", "", "text/plain", "", (), True, text), draft)


def _units(texts: Sequence[str]) -> tuple[Unit, ...]:
    return tuple(Unit(number.to_bytes(8, "big"), text) for number, text in enumerate(texts, 1))


def _rendered(sources: Sequence[str], texts: Sequence[str]) -> tuple[Rendered, ...]:
    return tuple(
        Rendered(number.to_bytes(8, "big"), source_digest(source), text)
        for number, (source, text) in enumerate(zip(sources, texts, strict=False), 1)
        if text
    )


async def _put(node: Node, text: Version | Translation, *links: EntryId) -> EntryId:
    salt = len(text.name).to_bytes(SALT_BYTES, "big")
    [entry] = await node.author.write(LOG_DOCS, [Intent(compose_text(text, salt), links)])
    return entry.id


async def _share_files(alice: Node, folder: Path) -> None:
    (folder / "song.ogg").write_bytes(b"OggS" + b"la " * 9_000)
    (folder / f"{SECRET}.txt").write_text(f"{SECRET} list")
    (folder / "page.html").write_text("<script>alert(1)</script>")
    for name, public in (("song.ogg", True), (f"{SECRET}.txt", False), ("page.html", True)):
        words = "Ein Lied der Bäckerei" if public else f"{SECRET} words"
        added = alice.api.sharing.file_add(
            str(folder / name), description=words, language="de", public=public
        )
        async for _ in added:
            pass
