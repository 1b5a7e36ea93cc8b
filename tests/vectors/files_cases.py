"""Blobs, folders and files that a reader of `docs/protocol/files.md` must understand, and such that it must
refuse."""

from typing import Any

from node.apps.files import bodies
from node.apps.files.bodies import FOLDER_MEDIA_TYPE, KIND
from node.apps.files.names import alike
from node.sharing import folders
from store.blobs import CHUNK_BYTES, MAX_BLOB_BYTES, Manifest, chunk_id
from store.codec import encode
from store.entry import make_body
from store.errors import InvalidBlob

SALT = bytes(range(16))
BLOB = bytes(range(200, 232))
IDS = bytes(range(64))

Case = dict[str, Any]

BLOBS: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 0),
    "one byte": (b"a", 1),
    "a text": (b"An injury to one is an injury to all.\n", 38),
    "a chunk less one byte": (b"\x00\x01\x02", CHUNK_BYTES - 1),
    "a chunk": (b"\x00\x01\x02", CHUNK_BYTES),
    "a chunk and one byte": (b"\x00\x01\x02", CHUNK_BYTES + 1),
    "three chunks, the first and the second alike": (bytes(256), 2 * CHUNK_BYTES + 5),
}

MANIFESTS: dict[str, object] = {
    "one chunk": (1, 1, IDS[:32]),
    "two chunks": (1, CHUNK_BYTES + 1, IDS),
    "the largest last chunk": (1, 2 * CHUNK_BYTES, IDS),
}

BAD_MANIFESTS: dict[str, bytes] = {
    "nothing": b"",
    "version 2": encode((2, 1, IDS[:32])),
    "true as version": encode((True, 1, IDS[:32])),
    "true as size": encode((1, True, IDS[:32])),
    "less than nothing": encode((1, -1, b"")),
    "one byte more than a blob may have": encode((1, MAX_BLOB_BYTES + 1, IDS[:32])),
    "a byte and no chunk": encode((1, 1, b"")),
    "no bytes and a chunk": encode((1, 0, IDS[:32])),
    "a chunk too many": encode((1, CHUNK_BYTES, IDS)),
    "a chunk too few": encode((1, CHUNK_BYTES + 1, IDS[:32])),
    "an id cut short": encode((1, 1, IDS[:31])),
    "ids as a list": encode((1, 1, (IDS[:32],))),
    "a fourth value": encode((1, 1, IDS[:32], 0)),
    "two values": encode((1, 0)),
    "a byte behind the end": encode((1, 0, b"")) + b"\0",
    "a size in more bytes than it needs": b"\x93\x01\xcd\x00\x01\xc4\x20" + IDS[:32],
}

FOLDERS: dict[str, list[tuple[str, int, bytes]]] = {
    "empty": [],
    "a file": [("minutes.pdf", 12, BLOB)],
    "files in folders, sorted by code points": [
        ("B", 0, BLOB),
        ("a-b", 1, BLOB),
        ("a/b", 1, BLOB),
        ("a/c/d", 1, BLOB),
        ("ab", MAX_BLOB_BYTES, BLOB),
        ("é", 1, BLOB),
    ],
    "names that only look odd": [("...a", 1, BLOB), ("..a", 1, BLOB), ("com", 1, BLOB), ("~", 1, BLOB)],
    "32 names": [("/".join("x" * 32), 1, BLOB)],
}

BAD_PATHS = (
    "",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "/a",
    "a/",
    "a//b",
    "a\\b",
    "C:",
    "a*",
    "a?",
    'a"',
    "a<b",
    "a>b",
    "a|b",
    "a\x00",
    "a\nb",
    "a\x7f",
    "a\x9b",
    "a\u2028",
    "a\u202eb",
    "a\u2067b",
    "a.",
    "a ",
    "a./b",
    "e\u0301",
    "CON",
    "nul.txt",
    "aux .txt",
    "com1.tar.gz",
    "LPT\u00b2",
    "conin$",
    "x" * 256,
    "é" * 128,
    "/".join("x" * 33),
    "/".join(["x" * 255] * 4 + ["xx"]),
)

BAD_FOLDERS: dict[str, bytes] = {
    **{f"the path {path!r}": encode((1, ((path, 1, BLOB),))) for path in BAD_PATHS},
    "nothing": b"",
    "version 2": encode((2, ())),
    "true as version": encode((True, ())),
    "one value": encode((1,)),
    "a third value": encode((1, (), 0)),
    "a file of two values": encode((1, (("a", 1),))),
    "a file of four values": encode((1, (("a", 1, BLOB, 0),))),
    "less than nothing": encode((1, (("a", -1, BLOB),))),
    "more than a blob may have": encode((1, (("a", MAX_BLOB_BYTES + 1, BLOB),))),
    "true as size": encode((1, (("a", True, BLOB),))),
    "an id cut short": encode((1, (("a", 1, BLOB[:31]),))),
    "out of order": encode((1, (("b", 1, BLOB), ("a", 1, BLOB)))),
    "a path twice": encode((1, (("a", 1, BLOB), ("a", 1, BLOB)))),
    "paths that are alike": encode((1, (("A", 1, BLOB), ("a", 1, BLOB)))),
    "a file that is the folder of another": encode((1, (("a", 1, BLOB), ("a/b", 1, BLOB)))),
    "a file alike the folder of another": encode((1, (("A", 1, BLOB), ("a/b/c", 1, BLOB)))),
    "a byte behind the end": encode((1, ())) + b"\0",
}

ALIKE = (
    ("a", "A"),
    ("a", "b"),
    ("Straße", "STRASSE"),
    ("é", "É"),
    ("\u1e9b\u0323", "\u1e69"),
    ("ı", "i"),
    ("Σ", "ς"),
    ("a/B", "A/b"),
)

GOOD_FILE: list[object] = [KIND, "minutes.pdf", "application/pdf", 12, BLOB, False, "", "", [], False]


def changed(place: int, value: object) -> list[object]:
    return [*GOOD_FILE[:place], value, *GOOD_FILE[place + 1 :]]


FILES: dict[str, list[object]] = {
    "a file with nothing said about it": GOOD_FILE,
    "a file with everything": [
        KIND,
        "протокол 12.pdf",
        "application/pdf",
        MAX_BLOB_BYTES,
        BLOB,
        False,
        "Of Monday.\n\tSigned.",
        "pt-BR",
        ["fonds-2026", "стачка", "कार्यक्रम"],
        True,
    ],
    "a folder": [KIND, "photos", FOLDER_MEDIA_TYPE, 99, BLOB, True, "", "", [], False, [3, 10_000]],
    "a folder that does not say what it holds": [
        KIND,
        "photos",
        FOLDER_MEDIA_TYPE,
        99,
        BLOB,
        True,
        "",
        "",
        [],
        False,
    ],
    "contents that make no sense": [
        KIND,
        "photos",
        FOLDER_MEDIA_TYPE,
        99,
        BLOB,
        True,
        "",
        "",
        [],
        False,
        [-1, 5],
    ],
    "values after the known ones": [*GOOD_FILE, None, "later"],
    "16 tags": changed(8, [str(number) for number in range(16)]),
    "a description of 4,000 characters": changed(6, "é" * 4_000),
}

BAD_FILES: dict[str, list[object]] = {
    "a name with a slash": changed(1, "a/b"),
    "a name that is a device": changed(1, "con.txt"),
    "no media type": changed(2, "pdf"),
    "a media type of 101 characters": changed(2, "a/" + "b" * 99),
    "less than nothing": changed(3, -1),
    "more than a blob may have": changed(3, MAX_BLOB_BYTES + 1),
    "true as size": changed(3, True),
    "an id of 31 bytes": changed(4, BLOB[:31]),
    "a number for being a folder": changed(5, 1),
    "a list of more than 16 MiB": [*changed(3, 16 * 2**20 + 1)[:5], True, *GOOD_FILE[6:]],
    "a description of 4,001 characters": changed(6, "x" * 4_001),
    "a description with a control character": changed(6, "\x1b"),
    "an underscore in a language": changed(7, "pt_BR"),
    "a language of 36 characters": changed(7, "x" * 36),
    "17 tags": changed(8, [str(number) for number in range(17)]),
    "a tag twice": changed(8, ["a", "a"]),
    "a tag with a space": changed(8, ["a b"]),
    "a tag with a capital": changed(8, ["A"]),
    "an empty tag": changed(8, [""]),
    "a tag of 65 characters": changed(8, ["x" * 65]),
    "a number for public": changed(9, 0),
    "nine values": GOOD_FILE[:9],
}


def accept() -> list[Case]:
    """Everything that must be understood."""
    cases: list[Case] = []
    for name, (pattern, size) in BLOBS.items():
        content = (pattern * (size // max(len(pattern), 1) + 1))[:size]
        parts = [content[at : at + CHUNK_BYTES] for at in range(0, size, CHUNK_BYTES)]
        found = _manifest_found(Manifest(size, tuple(map(chunk_id, parts))))
        cases.append({"what": "blob", "name": name, "repeat": pattern.hex(), "size": size, "found": found})
    for name, value in MANIFESTS.items():
        data = encode(value)
        found = _manifest_found(Manifest.parse(data))
        cases.append({"what": "manifest", "name": name, "data": data.hex(), "found": found})
    for name, files in FOLDERS.items():
        data = encode((1, files))
        listed = [
            {"path": path, "size": size, "blob": blob.hex()} for path, size, blob in folders.parse(data)
        ]
        cases.append({"what": "folder", "name": name, "data": data.hex(), "found": {"files": listed}})
    for name, content_of_file in FILES.items():
        body = make_body(SALT, content_of_file)
        shared = bodies.parse(body)
        assert shared is not None
        said = {**shared._asdict(), "blob": shared.blob.hex(), "tags": list(shared.tags)}
        said["contents"] = None if shared.contents is None else list(shared.contents)
        cases.append({"what": "file", "name": name, "body": body.hex(), "found": said})
    for one, other in ALIKE:
        found = {"alike": alike(one) == alike(other)}
        cases.append({"what": "alike", "name": f"{one} {other}", "paths": [one, other], "found": found})
    return cases


def _manifest_found(manifest: Manifest) -> Case:
    return {
        "size": manifest.size,
        "chunks": [chunk.hex() for chunk in manifest.chunks],
        "manifest": manifest.encode().hex(),
        "id": manifest.id.hex(),
    }


def refuse() -> list[Case]:
    """Everything that must be refused, or not shown."""
    cases: list[Case] = []
    for name, data in BAD_MANIFESTS.items():
        _must_fail(InvalidBlob, Manifest.parse, data)
        cases.append({"what": "manifest", "name": name, "data": data.hex(), "error": "InvalidBlob"})
    for name, data in BAD_FOLDERS.items():
        _must_fail(folders.BadFolder, folders.parse, data)
        cases.append({"what": "folder", "name": name, "data": data.hex(), "error": "BadFolder"})
    for name, content in BAD_FILES.items():
        body = make_body(SALT, content)
        assert bodies.parse(body) is None, name
        cases.append({"what": "file", "name": name, "body": body.hex(), "error": "not shown"})
    return cases


def _must_fail(error: type[Exception], parse: Any, data: bytes) -> None:
    try:
        parse(data)
    except error:
        return
    raise AssertionError(data.hex())
