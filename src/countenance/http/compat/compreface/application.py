"""The routes of CompreFace's API. Each parses, calls one method of ``gallery.legacy`` and renders."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from math import ceil

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from countenance.engine.legacy import ALL, Legacy
from countenance.errors import CredentialInvalid
from countenance.http.admission import Meters
from countenance.http.bodies import keep_in_memory
from countenance.http.compat.bound import Opened, recognised
from countenance.http.compat.compreface import answers, asked, failures
from countenance.http.compat.compreface.failures import NO_FACE, NO_IMAGE, SEVERAL_FACES, UNDEFINED, Failure
from countenance.oversight.parties import Principal
from countenance.settings import ServiceSettings

_ROOT = "/api/v1/recognition"


def mount(gallery: Opened, settings: ServiceSettings, meters: Meters | None = None) -> Starlette:
    """The application for /compat/compreface. ``gallery`` gives the gallery, None while it is being opened."""
    keep_in_memory()
    door = _Door(gallery, meters or Meters(settings))
    return Starlette(
        routes=[
            Route(f"{_ROOT}/subjects", door.subjects, methods=["GET", "POST", "DELETE"]),
            Route(f"{_ROOT}/subjects/", door.subjects, methods=["GET", "POST", "DELETE"]),
            Route(f"{_ROOT}/subjects/{{subject:path}}", door.subject, methods=["PUT", "DELETE"]),
            Route(f"{_ROOT}/faces", door.faces, methods=["GET", "POST", "DELETE"]),
            Route(f"{_ROOT}/faces/{{image_id}}", door.face, methods=["DELETE"]),
            Route(f"{_ROOT}/faces/{{image_id}}/img", door.picture, methods=["GET"]),
            Route(f"{_ROOT}/faces/{{image_id}}/verify", door.verify_stored, methods=["POST"]),
            Route(f"{_ROOT}/recognize", door.recognize, methods=["POST"]),
            Route("/api/v1/detection/detect", door.detect, methods=["POST"]),
            Route("/api/v1/verification/verify", door.verify, methods=["POST"]),
        ],
        exception_handlers={Exception: _failed, HTTPException: _no_route},
    )


async def _failed(request: Request, error: Exception) -> Response:
    return failures.response(error)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return failures.response(Failure(404 if status == 405 else status, UNDEFINED, "There is no such call"))


class _Door:
    """The calls. Whoever asks is recognised before a body is read."""

    def __init__(self, gallery: Opened, meters: Meters) -> None:
        self._gallery = gallery
        self._meters = meters

    async def subjects(self, request: Request) -> Response:
        """List, add, or delete all."""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            if request.method == "POST":
                name = await asked.subject_in_body(request)
                await run_in_threadpool(legacy.add_subject, who, held, name)
                return JSONResponse({"subject": name}, 201)
            if request.method == "DELETE":
                return JSONResponse({"deleted": await run_in_threadpool(legacy.forget_all, who, held)})
            return JSONResponse({"subjects": list(await run_in_threadpool(legacy.subjects, who, held))})

        return await _answered(work)

    async def subject(self, request: Request) -> Response:
        """Rename (into an existing name: merge), or delete."""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            name = str(request.path_params["subject"])
            if request.method == "PUT":
                wanted = await asked.subject_in_body(request)
                await run_in_threadpool(legacy.rename, who, held, name, wanted)
                return JSONResponse({"updated": True})
            await run_in_threadpool(legacy.forget, who, held, name)
            return JSONResponse({"subject": name})

        return await _answered(work)

    async def faces(self, request: Request) -> Response:
        """List a page, add an example, or delete a subject's examples."""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            if request.method == "POST":
                name, least = asked.subject_in_query(request), asked.least_confidence(request)
                [data] = await asked.pictures(request, "file")
                added = await run_in_threadpool(legacy.add_example, who, held, name, data, least_confidence=least)
                return JSONResponse({"image_id": added.face_id, "subject": name}, 201)
            subject = request.query_params.get("subject")
            if request.method == "DELETE":
                count = await run_in_threadpool(legacy.remove_examples, who, held, subject)
                return JSONResponse({"deleted": count})
            number, size = asked.page(request)
            listed = await run_in_threadpool(
                legacy.faces, who, held, subject=subject, skip=number * size, most=size
            )
            return JSONResponse(
                {
                    "faces": [{"image_id": one.face_id, "subject": one.subject} for one in listed.faces],
                    "page_number": number,
                    "page_size": size,
                    "total_pages": ceil(listed.total / size),
                    "total_elements": listed.total,
                }
            )

        return await _answered(work)

    async def face(self, request: Request) -> Response:
        """Delete one example."""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            removed = await run_in_threadpool(
                legacy.remove_example, who, held, str(request.path_params["image_id"])
            )
            return JSONResponse({"image_id": removed.face_id, "subject": removed.subject})

        return await _answered(work)

    async def picture(self, request: Request) -> Response:
        """Pictures are not handed out: a subject gets hers by asking for access."""

        async def work() -> Response:
            await self._asker(request)
            raise Failure(404, NO_IMAGE, "Stored pictures are not handed out here")

        return await _answered(work)

    async def recognize(self, request: Request) -> Response:
        """Who is in a picture?"""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            wants = asked.parameters(request)
            [data] = await asked.pictures(request, "file")
            begun = time.perf_counter()
            most = ALL if wants.predictions < 0 else wants.predictions
            found = await run_in_threadpool(
                legacy.recognise,
                who,
                held,
                data,
                most=most,
                faces=wants.limit,
                least_confidence=wants.least_confidence,
            )
            took = answers.timed((time.perf_counter() - begun) * 1000, wants)
            places = answers.chosen(found.looked.faces, wants)
            _some(places)
            result = [
                answers.face(found.looked.faces[at], found.looked, wants)
                | {"subjects": answers.predictions(found.likenesses[at])}
                | took
                for at in places
            ]
            return JSONResponse({"result": result, **answers.versions(found.looked.model, wants)})

        return await _answered(work)

    async def verify_stored(self, request: Request) -> Response:
        """Is the face of a stored example in a picture?"""

        async def work() -> Response:
            legacy, who, held = await self._asker(request)
            wants = asked.parameters(request)
            [data] = await asked.pictures(request, "file")
            begun = time.perf_counter()
            image_id = str(request.path_params["image_id"])
            compared = await run_in_threadpool(legacy.compare_with, who, held, image_id, data)
            took = answers.timed((time.perf_counter() - begun) * 1000, wants)
            places = answers.chosen(compared.second.faces, wants)
            _some(places)
            result = [one | took for one in answers.matches(compared, places, wants)]
            return JSONResponse({"result": result, **answers.versions(compared.second.model, wants)})

        return await _answered(work)

    async def detect(self, request: Request) -> Response:
        """Which faces are in a picture?"""

        async def work() -> Response:
            legacy, who, _ = await self._asker(request)
            wants = asked.parameters(request)
            [data] = await asked.pictures(request, "file")
            begun = time.perf_counter()
            looked = await run_in_threadpool(legacy.look, who, data)
            took = answers.timed((time.perf_counter() - begun) * 1000, wants)
            places = answers.chosen(looked.faces, wants)
            _some(places)
            result = [answers.face(looked.faces[at], looked, wants) | took for at in places]
            return JSONResponse({"result": result, **answers.versions(looked.model, wants)})

        return await _answered(work)

    async def verify(self, request: Request) -> Response:
        """Is the one face of a picture in another?"""

        async def work() -> Response:
            legacy, who, _ = await self._asker(request)
            wants = asked.parameters(request)
            source, target = await asked.pictures(request, "source_image", "target_image")
            begun = time.perf_counter()
            compared = await run_in_threadpool(legacy.compare, who, source, target)
            took = answers.timed((time.perf_counter() - begun) * 1000, wants)
            shown = answers.chosen(compared.first.faces, wants)
            places = answers.chosen(compared.second.faces, wants)
            _some(shown)
            if len(shown) > 1:
                raise Failure(400, SEVERAL_FACES, "There is more than one face in the source image")
            _some(places)
            result: dict[str, object] = {
                "source_image_face": answers.face(compared.first.faces[shown[0]], compared.first, wants) | took,
                "face_matches": [one | took for one in answers.matches(compared, places, wants)],
                **answers.versions(compared.second.model, wants),
            }
            return JSONResponse({"result": [result]})

        return await _answered(work)

    async def _asker(self, request: Request) -> tuple[Legacy, Principal, str | None]:
        key = asked.key_of(request)
        gallery, who = await run_in_threadpool(recognised, self._gallery, self._meters, request, key)
        if who.credential is None:
            raise CredentialInvalid("This key is not in force.")
        return gallery.legacy, who, None


async def _answered(work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001 - the peer's own form for everything; what it was is not told
        return failures.response(error)


def _some(places: list[int]) -> None:
    if not places:
        raise Failure(400, NO_FACE, "No face is found in the given image")
