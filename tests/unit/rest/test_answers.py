"""The table of answers."""

from __future__ import annotations

import json

import pytest

from nephele import errors
from nephele.rest.answers import ANSWERS, answer_to, error_response

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.NepheleError)
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_row(error: type[errors.NepheleError]) -> None:
    assert error in ANSWERS


def test_no_row_is_for_something_else() -> None:
    assert set(ANSWERS) == set(CLASSES)


def test_a_new_subclass_answers_as_its_parent() -> None:
    class Special(errors.UnknownResource):
        pass

    assert answer_to(Special()) is ANSWERS[errors.UnknownResource]


def test_anything_else_is_internal() -> None:
    assert answer_to(ValueError()).code == -1


def test_body_is_orthancs() -> None:
    response = error_response(
        ANSWERS[errors.BadFileFormat],
        method="POST",
        uri="/instances",
        is_described=True,
        details="Received an empty DICOM file",
    )
    assert response.headers["content-type"].startswith("text/plain")
    assert bytes(response.body).endswith(b"\n}\n")
    assert json.loads(bytes(response.body)) == {
        "Details": "Received an empty DICOM file",
        "HttpError": "Bad Request",
        "HttpStatus": 400,
        "Message": "Bad file format",
        "Method": "POST",
        "OrthancError": "Bad file format",
        "OrthancStatus": 15,
        "Uri": "/instances",
    }


def test_no_body_where_errors_are_not_described() -> None:
    row = ANSWERS[errors.BadFileFormat]
    response = error_response(row, method="GET", uri="/", is_described=False)
    assert response.status_code == 400
    assert not response.body
