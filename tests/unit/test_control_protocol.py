"""The control protocol as values."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.doors.control.protocol import (
    METHODS,
    STATUS,
    check_parameters,
    error_answer,
    error_in,
    read_object,
    write_object,
)
from node.errors import BadData, BadRequest, Conflict, NodeError, UnknownMethod

PAGE = Path(__file__).parents[2] / "docs" / "protocol" / "control.md"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_request_with_every_required_parameter_passes() -> None:
    assert check_parameters("post", {"text": "hello"}) == {"text": "hello"}


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("post", {}),
        ("post", []),
        ("post", {"text": 3}),
        ("post", {"text": "a", "colour": "red"}),
        ("read", {"limit": True}),
        ("read", {"limit": -1}),
        ("read", {"since_ms": 2**53}),
        ("read", {"follow": 1}),
        ("post-lines", {"lines": ["a", 1]}),
        ("wait", {"timeout_s": float("nan")}),
    ],
)
def test_a_parameter_missing_unknown_or_of_the_wrong_type_is_refused(method: str, values: object) -> None:
    with pytest.raises(BadRequest):
        check_parameters(method, values)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UnknownMethod, match="frobnicate"):
        check_parameters("frobnicate", {})


@pytest.mark.parametrize("values", [{"lines": ["good", "\udcff"]}])
def test_text_that_is_no_utf8_is_refused(values: object) -> None:
    with pytest.raises(BadData):
        check_parameters("post-lines", values)


@given(st.sampled_from(sorted(METHODS)), json_values)
def test_noise_as_parameters_raises_only_our_errors(method: str, values: object) -> None:
    with contextlib.suppress(BadRequest, BadData):
        assert check_parameters(method, values) is values


@given(st.binary(max_size=200))
def test_noise_as_a_body_raises_only_our_error(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert write_object({"value": read_object(body)})


def test_a_body_of_nested_lists_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_object(b"[" * 200_000)


@given(st.dictionaries(st.text(), json_values))
def test_an_object_is_one_line_that_reads_as_itself(value: dict[str, object]) -> None:
    line = write_object(value)
    assert b"\n" not in line
    assert json.loads(line) == value


@pytest.mark.parametrize("kind", NodeError.__subclasses__())
def test_an_error_crosses_the_wire_with_its_code(kind: type[NodeError]) -> None:
    status, value = error_answer(kind("what happened", "what to do"))
    error = error_in(json.loads(write_object(value)))
    assert status >= 400
    assert error is not None
    assert error.plain() == {"code": kind.code, "message": "what happened", "advice": "what to do"}


def test_an_answer_with_a_field_called_error_is_no_error() -> None:
    assert error_in({"error": "text", "id": "x"}) is None
    assert error_in({"error": "text"}) is None


def test_an_error_code_from_a_newer_daemon_counts_as_internal() -> None:
    error = error_in({"error": {"code": "too-cold", "message": "brr"}})
    assert error is not None
    assert error.code == "internal"
    assert error.message == "brr"


def test_the_page_names_every_method_and_every_error_code() -> None:
    page = PAGE.read_text("utf-8")
    missing = [name for name in [*METHODS, *STATUS] if f"`{name}`" not in page]
    assert missing == []
    assert Conflict.code in STATUS
