"""The control protocol as values: all methods, limits, errors on the wire.

Both sides import this room, and the client is in a hurry: the standard library and `node.errors` only,
no I/O. `docs/protocol/control.md` is the specification.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from node import errors
from node.doors.control.parameters import Method
from node.doors.control.tables import (
    archive,
    contacts,
    core,
    deletion,
    drafting,
    federation,
    messaging,
    sharing,
    social,
)
from node.errors import BadData, BadRequest, NodeError, UnknownMethod

Json = dict[str, Any]
"""A JSON object. Its values are what `json` reads: the one place of this room where `Any` is right."""

PATH_PREFIX: Final = "/1/"
"""Version of the protocol; what follows in a request's path is the method."""

MAX_REQUEST_BYTES: Final = 16 * 1024 * 1024
"""Body of a request: the longest text of a document (4 MiB), which JSON may make three times as long."""

MAX_CONNECTIONS: Final = 64
"""At one time. Each costs a task and two buffers; a desktop has a handful of followers."""

REQUEST_TIMEOUT_S: Final = 10.0
"""A request must be complete within this time, so that idle connections do not hold places."""

SEND_TIMEOUT_S: Final = 30.0
"""A client that takes nothing of an answer for so long is dropped."""

METHODS: Final[Mapping[str, Method]] = {
    **core.METHODS,
    **social.METHODS,
    **drafting.METHODS,
    **sharing.METHODS,
    **contacts.METHODS,
    **deletion.METHODS,
    **federation.METHODS,
    **messaging.METHODS,
    **archive.METHODS,
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
