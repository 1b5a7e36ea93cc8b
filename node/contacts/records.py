"""Members and sections as the directory hands them out: values ready for JSON, and what is looked for.

Pure. docs/protocol/control.md describes the records.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from node.apps.directory.bodies import PICTURE, Field, size_of
from node.languages import suits
from store.ids import to_text
from store.search_text import normal_form

Json = dict[str, Any]


def fields_shown(fields: Iterable[Field], holds: Callable[[bytes], bool]) -> list[Json]:
    """The fields that this version knows, in their order. `holds`: is that blob here, whole?"""
    return [_field_shown(field, holds) for field in fields if field.called]


def _field_shown(field: Field, holds: Callable[[bytes], bool]) -> Json:
    shown: Json = {"field": field.called, "tag": field.tag, "value": field.value, "public": field.public}
    if field.number == PICTURE and isinstance(field.value, bytes):
        shown |= {"tag": "", "value": to_text(field.value), "size": size_of(field)}
        shown["held"] = holds(field.value)
    return shown


def public_part(record: Json) -> Json:
    """A record with those fields alone that everybody may see."""
    return {**record, "fields": [field for field in record["fields"] if field["public"]]}


def speaks(record: Json, language: str) -> bool:
    """Is a language among those of a record? `language`: a tag."""
    spoken = [each["value"] for each in record["fields"] if each["field"] == "language"]
    return any(suits(tag, language) for tag in (*spoken, *record.get("languages", ())))


class Sought:
    """Words that a person looks for: each begins a word of the record, in whatever field."""

    def __init__(self, text: str) -> None:
        self._words = [form for word in text.split() if (form := _spaced(word))]

    @property
    def is_empty(self) -> bool:
        """Is there no letter or digit to look for?"""
        return not self._words

    def is_in(self, record: Json) -> bool:
        """Do all of the words occur?"""
        text = _spaced(" \n ".join(_texts(record)))
        return all(word in text for word in self._words)


def _texts(record: Json) -> Sequence[str]:
    fields = [each["value"] for each in record["fields"] if each["field"] not in ("picture", "hub")]
    sections = [each["name"] for each in record.get("sections", ())]
    own = [record["name"], record.get("published") or "", record.get("territory") or ""]
    return [*own, *sections, *record.get("languages", ()), *fields]


def _spaced(text: str) -> str:
    """The searchable form with one space before each word: a word is then found where one begins."""
    words = "".join(char if _is_of_word(char) else " " for char in normal_form(text)).split()
    return " " + " ".join(words) if words else ""


def _is_of_word(char: str) -> bool:
    return char.isalnum() or (not char.isascii() and unicodedata.category(char)[0] == "M")
