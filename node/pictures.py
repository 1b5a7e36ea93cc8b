"""Pictures that people give of themselves, made fit to be shown. The only door to Pillow.

A picture is decoded, turned upright, made small, and encoded anew. Nothing else of the file goes on: where
and with which camera it was taken, by which program, what lies under its transparent parts. What is no
picture, or one that would need too much memory, is refused. No I/O: bytes in, bytes out. It takes some
0.1 s for a photograph.
"""

import struct
from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, ImageOps

from node.errors import BadData, TextTooLarge

MAX_FILE_BYTES: Final = 32 * 1_048_576
"""Of a picture as it is given: what a good camera makes."""

MAX_PIXELS: Final = 80_000_000
"""Width times height, as the file says before anything is decoded. A photograph (JPEG) is decoded smaller."""

MAX_DECODED_PIXELS: Final = 24_000_000
"""Width times height of what is decoded: some 200 MB at four bytes a pixel and two copies, for a moment."""

MAX_CLEAR_BYTES: Final = 1_048_576
"""Of a picture with transparent parts; one that would be larger gets a white ground."""

PROFILE_PIXELS: Final = 512
"""Longer side of a profile's picture: sharp on a phone at the size of a card."""

PAGE_PIXELS: Final = 1_600
"""Longer side of a picture on a page of the public site."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
"""What is decoded: common, and old enough to be well tried. Of one that moves the first frame."""

_JPEG_QUALITY: Final = 85

_DECODER_FAULTS: Final = (
    OSError,  # UnidentifiedImageError among them
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    EOFError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)
"""What Pillow's decoders raise for bytes that are not what they claim to be."""

_NO_PICTURE: Final = "Give a picture as JPEG, PNG, WebP or GIF."


class Picture(NamedTuple):
    """A picture that was encoded here."""

    data: bytes
    media_type: str
    """``image/jpeg``, or ``image/png`` where a part of it is transparent."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @property
    def suffix(self) -> str:
        """How the name of a file that holds it ends."""
        return ".png" if self.media_type == "image/png" else ".jpg"


def prepare(data: bytes, max_pixels: int = PROFILE_PIXELS) -> Picture:
    """A picture made fit to be shown, its longer side at most `max_pixels`.

    Raises:
        BadData: these bytes are no picture of a kind that is known here, or a damaged one.
        TextTooLarge: over `MAX_FILE_BYTES`, `MAX_PIXELS` or `MAX_DECODED_PIXELS`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise TextTooLarge(
            f"A picture has at most {MAX_FILE_BYTES // 1_048_576} MiB.", "Make it smaller first."
        )
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            _check_size(image, MAX_PIXELS)
            image.draft("RGB", (2 * max_pixels, 2 * max_pixels))
            _check_size(image, MAX_DECODED_PIXELS)
            image.load()
            return _encoded(_small(image, max_pixels))
    except _DECODER_FAULTS as error:
        raise BadData("This file is no picture that can be read.", _NO_PICTURE) from error


def _check_size(image: Image.Image, most: int) -> None:
    if image.width * image.height > most:
        raise TextTooLarge(
            f"This picture is too large: {image.width} times {image.height} pixels"
            f" where {most // 1_000_000} million are the most.",
            "Make it smaller first.",
        )


def _small(image: Image.Image, max_pixels: int) -> Image.Image:
    """Upright, in plain colours, and small."""
    upright = ImageOps.exif_transpose(image)
    is_clear = "A" in upright.getbands() or "transparency" in upright.info
    plain = upright.convert("RGBA" if is_clear else "RGB")
    plain.thumbnail((max_pixels, max_pixels), Image.Resampling.LANCZOS)
    return plain


def _encoded(image: Image.Image) -> Picture:
    """Encoded from the pixels that are seen, and from nothing else."""
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        seen = Image.new("RGBA", image.size)
        seen.paste(image, mask=alpha.point(lambda value: 255 if value else 0))
        if alpha.getextrema() != (255, 255):
            data = _written(seen, "PNG")
            if len(data) <= MAX_CLEAR_BYTES:
                return Picture(data, "image/png", *seen.size)
        image = seen
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return Picture(_written(ground, "JPEG"), "image/jpeg", *ground.size)


def _written(image: Image.Image, kind: str) -> bytes:
    out = BytesIO()
    if kind == "PNG":
        image.save(out, kind, optimize=True)
    else:
        image.save(out, kind, quality=_JPEG_QUALITY, optimize=True, progressive=True)
    return out.getvalue()
