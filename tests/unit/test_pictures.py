"""Pictures: small, upright, without a trace of where they come from; and what is no picture is refused."""

import random
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from node.errors import BadData, TextTooLarge
from node.pictures import MAX_CLEAR_BYTES, MAX_FILE_BYTES, PROFILE_PIXELS, prepare

ORIENTATION = 0x0112
GPS = 0x8825


def encoded(image: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def photograph(width: int = 1_200, height: int = 800) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width, height // 2))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_is_made_small_and_encoded_anew(kind: str) -> None:
    picture = prepare(encoded(photograph(), kind))
    assert (picture.width, picture.height) == (512, 341)
    assert picture.media_type == "image/jpeg"
    assert opened(picture.data).size == (512, 341)
    assert prepare(encoded(photograph(), kind)) == picture


def test_a_small_picture_is_not_made_larger() -> None:
    assert prepare(encoded(photograph(30, 20)))[2:] == (30, 20)


def test_a_photograph_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by a quarter, clockwise
    picture = prepare(encoded(photograph(), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (341, 512)
    left, right = opened(picture.data).getpixel((20, 256)), opened(picture.data).getpixel((320, 256))
    assert left[2] > 200 > left[0]
    assert right[0] > 200 > right[2]


def test_nothing_goes_on_but_what_is_seen() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET CAMERA"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[29] = "SECRET PLACE"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "SECRET COMMENT")
    profile = b"SECRET PROFILE"
    given = [
        encoded(photograph(), "JPEG", exif=exif, comment=b"SECRET COMMENT", icc_profile=profile),
        encoded(photograph(), "PNG", pnginfo=notes, exif=exif, icc_profile=profile),
        encoded(photograph(), "WEBP", exif=exif, icc_profile=profile, xmp=b"SECRET XMP"),
        encoded(photograph(), "JPEG") + b"SECRET TAIL",
        encoded(Image.new("RGBA", (9, 9), (9, 9, 9, 0)), "PNG", pnginfo=notes, exif=exif),
    ]
    for data in given:
        assert b"SECRET" in data
        picture = prepare(data)
        assert b"SECRET" not in picture.data
        image = opened(picture.data)
        assert not image.getexif()
        assert not {"icc_profile", "comment", "exif", "xmp", "Comment"} & set(image.info)


def test_what_was_erased_from_a_picture_stays_erased() -> None:
    image = Image.new("RGBA", (40, 40), (200, 100, 50, 0))  # a colour under full transparency
    image.paste((1, 2, 3, 255), (0, 0, 20, 40))
    picture = prepare(encoded(image))
    assert picture.media_type == "image/png"
    assert picture.suffix == ".png"
    assert opened(picture.data).getpixel((30, 20)) == (0, 0, 0, 0)
    assert opened(picture.data).getpixel((5, 20)) == (1, 2, 3, 255)


def test_a_transparent_picture_that_would_be_large_gets_a_white_ground() -> None:
    noise = random.Random(1).randbytes(PROFILE_PIXELS**2 * 4)
    picture = prepare(encoded(Image.frombytes("RGBA", (PROFILE_PIXELS, PROFILE_PIXELS), noise)))
    assert picture.media_type == "image/jpeg"
    assert len(picture.data) <= MAX_CLEAR_BYTES


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK", "RGBX"])
def test_pictures_in_unusual_colours_are_read(mode: str) -> None:
    kind = "JPEG" if mode in ("CMYK",) else "PNG"
    image = Image.new("RGB" if mode == "RGBX" else mode, (20, 20))
    assert prepare(encoded(image, kind))[2:] == (20, 20)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 9_000), (8_000, 7_000), (5_000, 5_000)])
def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises((BadData, TextTooLarge)):
        prepare(bomb(*size))


def test_a_large_photograph_is_decoded_small() -> None:
    picture = prepare(encoded(Image.new("L", (8_000, 6_000), 128), "JPEG"))
    assert (picture.width, picture.height) == (512, 384)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"BM" + bytes(60),
        bomb(20, 20),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadData):
        prepare(data)


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(TextTooLarge):
        prepare(bytes(MAX_FILE_BYTES + 1))


SAMPLES = [encoded(photograph(60, 40), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(1, len(damaged))) :]
    try:
        picture = prepare(bytes(damaged))
    except (BadData, TextTooLarge):
        return
    assert max(picture[2:]) <= PROFILE_PIXELS
