"""ZIP archives and media of patients, studies, series, and of any resources together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.levels import Level
from nephele.errors import InexistentItem
from nephele.rest.answers import json_answer
from nephele.rest.archive_answers import known_etag, made_answer, unchanged_answer
from nephele.rest.archive_arguments import ArchiveArguments, get_arguments, post_arguments
from nephele.rest.arguments import arguments_of
from nephele.rest.bodies import RawBody
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.limits import ANSWER_LIMIT, redirect
from nephele.rest.parameters import fails, takes, takes_body
from nephele.services.archive import Archive
from nephele.services.archives.answer import (
    MadeArchive,
    await_archive,
    is_small,
    made_by,
    make_small,
    submit_archive,
)
from nephele.services.archives.request import ArchiveRequest, Root
from nephele.services.archives.resources import require_all
from nephele.services.derived import NotReady
from nephele.services.hierarchy import find_resource
from nephele.services.jobs.submit import run_or_wait

router = APIRouter(route_class=DeferredRoute)

_JOB = "job"
"""Nephele's own argument: the job that makes what was asked for."""
_LEVELS = (Level.PATIENT, Level.STUDY, Level.SERIES)
_BATCH_NAME = "Archive.zip"

Answer = Callable[..., Response]


def _root(level: Level, *, is_post: bool) -> Root:
    if level is Level.PATIENT:
        return Root.PATIENT
    return Root.SERIES if level is Level.SERIES and is_post else Root.STUDY


def _answer(
    request: Request, archive: Archive, wanted: ArchiveRequest, arguments: ArchiveArguments
) -> Response:
    """Make an archive: at once, while the client waits, or for whoever asks for the job."""
    resources = require_all(archive, wanted.resources)
    options, name = arguments.options, arguments.filename
    if options.synchronous and is_small(resources):
        etag = known_etag(request)
        try:
            made = make_small(archive, wanted, name, etag, request.scope.get(ANSWER_LIMIT))
        except NotReady:
            return _by_job(request, archive, wanted, arguments)
        if made is None:
            return unchanged_answer(etag)
        return made_answer(request, archive, made)
    return _by_job(request, archive, wanted, arguments)


def _by_job(
    request: Request, archive: Archive, wanted: ArchiveRequest, arguments: ArchiveArguments
) -> Response:
    """Let a job make an archive, and wait for it unless the client will ask for it."""
    job = submit_archive(archive, wanted, arguments.filename, arguments.options)
    if not arguments.options.synchronous:
        return json_answer({"ID": job.identifier, "Path": f"/jobs/{job.identifier}"})
    done = run_or_wait(archive, job)
    return _job_answer(request, archive, made_by(archive, done), job.identifier)


def _continued(request: Request, archive: Archive) -> Response | None:
    """Answer a client that was told to ask for its archive again, None to any other."""
    identifier = arguments_of(request).get(_JOB)
    if identifier is None:
        return None
    return _job_answer(request, archive, await_archive(archive, identifier), identifier)


def _job_answer(request: Request, archive: Archive, made: MadeArchive | None, job: str) -> Response:
    """Answer with what a job made; while it has not, let the client ask again."""
    if made is not None:
        return made_answer(request, archive, made)
    answer = redirect(request.scope, f"{request.scope['path']}?{urlencode({_JOB: job})}")
    answer.headers["Retry-After"] = "1"
    return answer


def _described(
    archive: Archive,
    arguments: ArchiveArguments,
    resources: tuple[str, ...],
    root: Root,
    *,
    is_media: bool,
    is_extended: bool = False,
) -> ArchiveRequest:
    is_utf8 = arguments.is_utf8
    if arguments.is_extended is not None:
        is_extended = arguments.is_extended
    return ArchiveRequest(
        resources=resources,
        root=root,
        is_media=is_media,
        is_extended=is_media and is_extended,
        is_utf8=archive.configuration.zip_use_utf8 if is_utf8 is None else is_utf8,
        transcode=arguments.transcode,
        lossy_quality=arguments.lossy_quality,
    )


def _add_routes_of(level: Level, kind: str) -> None:
    path, is_media = f"/{level.collection}/{{identifier}}/{kind}", kind == "media"

    def answer(
        request: Request, archive: Archive, identifier: str, arguments: ArchiveArguments
    ) -> Response:
        if find_resource(archive, level, identifier) is None:
            raise InexistentItem(f"There is no such {level.value.lower()}")
        root = _root(level, is_post=request.method == "POST")
        wanted = _described(archive, arguments, (identifier,), root, is_media=is_media)
        named = arguments.filename or f"{identifier}.zip"
        return _answer(request, archive, wanted, replace(arguments, filename=named))

    def get_one(request: Request, archive: OpenArchive, identifier: str) -> Response:
        continued = _continued(request, archive)
        if continued is not None:
            return continued
        return answer(request, archive, identifier, get_arguments(request, is_batch=False))

    def post_one(
        request: Request, archive: OpenArchive, identifier: str, body: RawBody
    ) -> Response:
        return answer(request, archive, identifier, post_arguments(body, is_batch=False))

    what = "archive" if kind == "archive" else "media"
    _add(path, get_one, f"Download {what}", level.collection, *_GET, *_EXTENDED[kind])
    _add(path, post_one, f"Create {what}", level.collection)


def _add_batch_routes(name: str, *, is_media: bool, is_extended: bool) -> None:
    def answer(request: Request, archive: Archive, arguments: ArchiveArguments) -> Response:
        wanted = _described(
            archive,
            arguments,
            arguments.resources,
            Root.PATIENT,
            is_media=is_media,
            is_extended=is_extended,
        )
        named = arguments.filename or _BATCH_NAME
        return _answer(request, archive, wanted, replace(arguments, filename=named))

    def get_batch(request: Request, archive: OpenArchive) -> Response:
        continued = _continued(request, archive)
        if continued is not None:
            return continued
        return answer(request, archive, get_arguments(request, is_batch=True))

    def post_batch(request: Request, archive: OpenArchive, body: RawBody) -> Response:
        return answer(request, archive, post_arguments(body, is_batch=True))

    summary = "media" if is_media else "archive"
    _add(
        f"/tools/{name}",
        get_batch,
        f"Download {summary} of resources",
        "tools",
        "resources",
        *_GET,
        *_EXTENDED["media" if is_media and not is_extended else "archive"],
    )
    _add(f"/tools/{name}", post_batch, f"Create {summary} of resources", "tools")


_GET = ("filename", "transcode", "lossy-quality")
_EXTENDED: dict[str, tuple[str, ...]] = {"archive": (), "media": ("extended",)}
_BODY = takes_body(
    "application/json",
    "`Resources`, `Synchronous`, `Asynchronous`, `Priority`, `Transcode`, `LossyQuality`,"
    " `Filename`, `Extended`, `Utf8`, `UserData`",
    {"type": "object"},
)


def _add(path: str, endpoint: Answer, summary: str, collection: str, *arguments: str) -> None:
    is_get = bool(arguments)
    verb = "GET" if is_get else "POST"
    router.add_api_route(
        path,
        endpoint,
        methods=[verb],
        summary=summary,
        name=f"{verb.lower()}{path.replace('/', '-')}",
        tags=[collection.capitalize()],
        response_model=None,
        responses=fails(400, 404),
        openapi_extra=takes(*arguments) if is_get else _BODY,
    )


for _level in _LEVELS:
    for _kind in _EXTENDED:
        _add_routes_of(_level, _kind)
_add_batch_routes("create-archive", is_media=False, is_extended=False)
_add_batch_routes("create-media", is_media=True, is_extended=False)
_add_batch_routes("create-media-extended", is_media=True, is_extended=True)
