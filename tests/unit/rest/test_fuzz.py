"""schemathesis over our own OpenAPI document: no 5xx, and no answer the document does not have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nephele.aws import clients
from nephele.aws.queues import Queue
from nephele.rest.deferred import Section
from nephele.rest.openapi.document import row_of
from nephele.rest.routes import SECTIONS
from nephele.services.archive import Archive
from tests.unit.rest.fuzzing import Fuzzed

EXAMPLES, MANY_EXAMPLES = 4, 60


@pytest.fixture
def fuzzed(archive: Archive) -> Iterator[Fuzzed]:
    """Return an application whose queues nobody reads."""
    for name in ("jobs", "edge_jobs", "transcode"):
        archive.queues[name] = Queue(clients.sqs().create_queue(QueueName=name)["QueueUrl"])
    yield Fuzzed(archive)
    for queue in archive.queues.values():
        clients.sqs().delete_queue(QueueUrl=queue.url)


def paths_of(section: Section) -> list[str]:
    """Return the paths of a section as the document has them."""
    return [route.path.replace(":path}", "}") for route in section.routes]


def one_of_each_kind(paths: list[str]) -> list[str]:
    """Return one of the paths that several levels have alike, of each level some."""
    kinds: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        kinds.setdefault(row_of("", path), []).append(path)
    return [alike[number % len(alike)] for number, alike in enumerate(kinds.values())]


def check(fuzzed: Fuzzed, paths: list[str], examples: int) -> None:
    """Call every operation of some paths."""
    failures = [fuzzed.failure(one, examples) for one in fuzzed.operations(set(paths))]
    assert not any(failures), "\n\n".join(filter(None, failures))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.module)
def test_answers_are_those_of_the_document(fuzzed: Fuzzed, section: Section) -> None:
    check(fuzzed, one_of_each_kind(paths_of(section)), EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.module)
def test_many_answers_are_those_of_the_document(fuzzed: Fuzzed, section: Section) -> None:
    check(fuzzed, paths_of(section), MANY_EXAMPLES)
