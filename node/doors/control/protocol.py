"""The control protocol as values: methods with their parameters, limits, errors on the wire.

Both sides import this room, and the client is in a hurry: the standard library and `node.errors` only,
no I/O. `docs/protocol/control.md` is the specification.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from node import errors
from node.errors import BadData, BadRequest, NodeError, UnknownMethod

Json = dict[str, Any]
"""A JSON object. Its values are what `json` reads: the one place of this room where `Any` is right."""

PATH_PREFIX: Final = "/1/"
"""Version of the protocol; what follows in a request's path is the method."""

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Body of a request: some hundred texts of the largest size in one `post-lines`."""

MAX_CONNECTIONS: Final = 64
"""At one time. Each costs a task and two buffers; a desktop has a handful of followers."""

REQUEST_TIMEOUT_S: Final = 10.0
"""A request must be complete within this time, so that idle connections do not hold places."""

SEND_TIMEOUT_S: Final = 30.0
"""A client that takes nothing of an answer for so long is dropped."""

MAX_INT: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exact."""

MAX_TEXTS: Final = 10_000
"""Longest list of texts in one request; bounds one transaction."""


class Parameter(NamedTuple):
    """One parameter of a method."""

    fits: Callable[[object], bool]
    kind: str
    """What it is, for error messages."""
    required: bool = False


class Method(NamedTuple):
    """What a method takes and how it answers."""

    parameters: Mapping[str, Parameter]
    streaming: bool = False
    """Answers one object a line."""
    waits: bool = False
    """Answers late; ends where the client goes away, as streams do."""
    offline: bool = False
    """The store can answer without a daemon; see `node.doors.offline`."""
    part: str = ""
    """The part of the api, and of the queries, that answers; empty: they themselves."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 86_400  # type: ignore[operator]


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_TEXTS and all(type(text) is str for text in value)


_TEXT: Final = Parameter(_is_text, "a text")
_NAME: Final = Parameter(_is_text, "a text", required=True)
_INT: Final = Parameter(_is_int, "a whole number from 0")
_BOOL: Final = Parameter(_is_bool, "true or false")
_TEXTS: Final = Parameter(_are_texts, f"a list of at most {MAX_TEXTS:,} texts")
_LINES: Final = _TEXTS._replace(required=True)
_SECONDS: Final = Parameter(_is_seconds, "a number of seconds up to a day", required=True)

_NUMBER: Final = _INT._replace(required=True)
_INVITE: Final = {"section": _TEXT, "uses": _INT, "valid_ms": _INT, "hub": _TEXT}
_CHANGE: Final = {"section": _TEXT, "threshold": _INT, "choose": _BOOL}
_CUTS: Final = {"section": _TEXT, "before_ms": _INT, "without": _TEXTS, "preview": _BOOL}


def _asked(**parameters: Parameter) -> Method:
    """A method that the store can answer without a daemon."""
    return Method(parameters, offline=True, part="federation")


def _done(parameters: Mapping[str, Parameter], waits: bool = False) -> Method:
    """A method that publishes something."""
    return Method(parameters, waits=waits, part="federation")


_FEDERATION_METHODS: Final[Mapping[str, Method]] = {
    "section/list": _asked(),
    "section/show": _asked(section=_TEXT),
    "section/invite": _done(_INVITE, waits=True),
    "section/endorse": _done({"name": _NAME, "section": _TEXT}),
    "section/change": _done(
        {"section": _TEXT, "name": _TEXT, "territory": _TEXT, "languages": _TEXTS, "choose": _BOOL}
    ),
    "steward/list": _asked(section=_TEXT),
    "steward/add": _done({"member": _NAME, **_CHANGE}),
    "steward/retire": _done({"member": _NAME, **_CHANGE}),
    "steward/threshold": _done({"threshold": _NUMBER, "section": _TEXT, "choose": _BOOL}),
    "steward/pending": _asked(section=_TEXT, all=_BOOL),
    "steward/consent": _done({"act": _NAME}),
    "invite/create": _done(_INVITE, waits=True),
    "invite/list": _asked(section=_TEXT, all=_BOOL),
    "invite/revoke": _done({"invite": _NAME}),
    "member/list": _asked(section=_TEXT),
    "member/admit": _done({"root": _NAME, "section": _TEXT}),
    "member/end": _done({"member": _NAME, **_CUTS}),
    "member/replace": _done({"member": _NAME, "root": _NAME, **_CUTS}),
    "roster": Method({"at_ms": _INT}, streaming=True, offline=True, part="federation"),
    "whois": _asked(who=_TEXT, safety=_BOOL),
    "petname/set": _asked(who=_NAME, name=_NAME),
    "petname/remove": _asked(who=_NAME),
    "petname/list": _asked(),
    "device/list": _asked(member=_TEXT),
    "device/cut": _asked(device=_NAME, before_ms=_INT),
    "device/revoke": _done({"cut": _NAME, "signature": _NAME}, waits=True),
    "contact": _done({"hub": _TEXT}),
}

METHODS: Final[Mapping[str, Method]] = {
    "status": Method({}, offline=True),
    "post": Method({"text": _NAME, "reply_to": _TEXT, "language": _TEXT}),
    "post-lines": Method({"lines": _LINES, "language": _TEXT}),
    "read": Method(
        {
            "author": _TEXT,
            "since_ms": _INT,
            "search": _TEXT,
            "limit": _INT,
            "follow": _BOOL,
            "replies_to": _TEXT,
        },
        streaming=True,
        offline=True,
    ),
    "doc/put": Method(
        {
            "name": _NAME,
            "text": _NAME,
            "title": _TEXT,
            "media_type": _TEXT,
            "follows": _TEXTS,
            "force_root": _BOOL,
        }
    ),
    "doc/list": Method({"search": _TEXT, "limit": _INT}, offline=True),
    "doc/show": Method({"name": _NAME, "version": _TEXT}, offline=True),
    "doc/history": Method({"name": _NAME}, offline=True),
    "doc/diff": Method({"name": _NAME, "from": _TEXT, "to": _TEXT}, offline=True),
    "log/list": Method({"author": _TEXT}, offline=True),
    "log/show": Method(
        {"author": _NAME, "log": _NAME, "first": _INT, "last": _INT, "limit": _INT},
        streaming=True,
        offline=True,
    ),
    "log/verify": Method({"author": _TEXT, "log": _TEXT}, waits=True, offline=True),
    "check": Method({}, streaming=True, offline=True),
    "peer/add": Method({"device": _TEXT, "address": _TEXT, "addresses": _TEXTS, "name": _TEXT}, offline=True),
    "peer/remove": Method({"device": _NAME}, offline=True),
    "peer/list": Method({}, offline=True),
    "sync": Method({"peer": _TEXT}, streaming=True),
    **_FEDERATION_METHODS,
    "interest/show": Method({}, offline=True, part="interest"),
    "interest/set": Method(
        {"sections": _TEXTS, "purposes": _TEXTS, "age_ms": _INT, "everything": _BOOL},
        offline=True,
        part="interest",
    ),
    "network/export": Method({}, offline=True),
    "wait": Method({"entries": _INT, "id": _TEXT, "timeout_s": _SECONDS}, waits=True),
    "stop": Method({}),
}
"""Every method of version 1."""


def find_method(name: str) -> Method:
    """The method called `name`. Raises: UnknownMethod."""
    try:
        return METHODS[name]
    except KeyError:
        raise UnknownMethod(
            f"This node knows no method {name!r}.", "Use the same version of aster for both sides."
        ) from None


def check_parameters(name: str, values: object) -> Json:
    """The parameters of a request for the method `name`, each of its type.

    Raises:
        UnknownMethod: there is no such method.
        BadRequest: no object, an unknown parameter, one missing, or one of the wrong type.
        BadData: a text that cannot be written as UTF-8 (a lone surrogate).
    """
    parameters = find_method(name).parameters
    if not isinstance(values, dict):
        raise BadRequest(f"The parameters of {name} are one JSON object.")
    for key, value in values.items():
        parameter = parameters.get(key)
        if parameter is None:
            known = ", ".join(parameters) or "none"
            raise BadRequest(f"{name} has no parameter {key!r}.", f"It takes: {known}.")
        if not parameter.fits(value):
            raise BadRequest(f"The parameter {key!r} of {name} is {parameter.kind}.")
        for text in value if isinstance(value, list) else [value]:
            _check_utf8(key, text)
    for key, parameter in parameters.items():
        if parameter.required and key not in values:
            raise BadRequest(f"{name} needs the parameter {key!r}: {parameter.kind}.")
    return values


def _check_utf8(key: str, value: object) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadData(f"{key} is not valid UTF-8.", "Give it as UTF-8 text.") from None


def read_object(body: bytes) -> object:
    """The JSON value of a request's body; an empty body counts as `{}`. Raises: BadRequest."""
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise BadRequest("The body of a request is one JSON object in UTF-8.") from None


def write_object(value: Json) -> bytes:
    """One JSON object as bytes, on one line without its end. Lone surrogates are escaped."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def function_name(method: str) -> str:
    """Name of the function that answers a method; see `function_of`."""
    return method.replace("/", "_").replace("-", "_")


def function_of(answerer: object, method: str) -> Callable[..., Any]:
    """The function of the api, or of the queries, that answers a method; it may be one of a part of theirs.

    Raises: UnknownMethod.
    """
    part = find_method(method).part
    found: Callable[..., Any] = getattr(getattr(answerer, part) if part else answerer, function_name(method))
    return found


def function_parameters(params: Json) -> Json:
    """Parameters under names that Python allows: ``from`` is ``from_``."""
    return {f"{name}_" if name == "from" else name: value for name, value in params.items()}


# --- errors -----------------------------------------------------------------------------------------

STATUS: Final[Mapping[str, int]] = {
    "bad-request": 400,
    "bad-data": 400,
    "too-large": 413,
    "not-found": 404,
    "unknown-method": 404,
    "ambiguous": 409,
    "conflict": 409,
    "unavailable": 503,
    "disk-full": 507,
    "not-signing": 409,
    "wrong-network": 409,
    "wrong-key": 403,
    "refused": 403,
    "locked": 409,
    "internal": 500,
}
"""HTTP status of each error code."""

_ERROR_TYPES: Final[Mapping[str, type[NodeError]]] = {
    error.code: error
    for error in (
        errors.BadRequest,
        errors.BadData,
        errors.TextTooLarge,
        errors.Missing,
        errors.UnknownMethod,
        errors.Ambiguous,
        errors.Conflict,
        errors.Unavailable,
        errors.DiskFull,
        errors.NotSigning,
        errors.WrongNetwork,
        errors.WrongPassphrase,
        errors.Refused,
        errors.HomeLocked,
        errors.Fault,
    )
}


def error_answer(error: NodeError) -> tuple[int, Json]:
    """HTTP status and JSON object that tell a client of an error."""
    return STATUS.get(error.code, 500), {"error": error.plain()}


def error_in(answer: object) -> NodeError | None:
    """The error that an answer (or the last line of a stream) tells of, or None where it tells of none."""
    if not isinstance(answer, dict) or set(answer) != {"error"} or not isinstance(answer["error"], dict):
        return None
    plain = answer["error"]
    kind = _ERROR_TYPES.get(str(plain.get("code")), errors.Fault)
    return kind(str(plain.get("message", "")), str(plain.get("advice", "")))
