# SPDX-License-Identifier: BSD-2-Clause
"""The files behind the access links: signed URLs that work for a while.

Reference: https://docs.daily.co/docs/rest-api/access-links
"""

import asyncio
import base64
import hashlib
import hmac
import io
import mimetypes
import zipfile

from aiohttp import hdrs, web

from pipecat_daily_rest.local.recording.stored import Recording
from pipecat_daily_rest.local.rest.parts import Parts
from pipecat_daily_rest.local.secret import Secret

_PATH = "/.stored/{id}"
_FORBIDDEN = "This link has expired or was changed. Ask for a new one, and use it unchanged."
_GONE = "This link's file was deleted."


def routes(parts: Parts) -> list[web.RouteDef]:
    """List the routes of the files."""
    return [web.get(_PATH, _Files(parts).get)]


def link(parts: Parts, id: str) -> tuple[Secret, int]:
    """Make a link to a recording's or transcript's file; it works until the given unix second."""
    expires = int(parts.domain.clock.now() + parts.domain.choices.access_link_lifetime)
    path = _PATH.format(id=id)
    return Secret(f"{parts.url()}{path}?{_query(parts, id, expires)}"), expires


def _query(parts: Parts, id: str, expires: int) -> str:
    message = f"{id} until {expires}".encode()
    digest = hmac.digest(parts.domain.api_key.encode(), message, hashlib.sha256)
    # URL-safe base64: a client that quotes the URL again does not break the link.
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"Expires={expires}&Signature={signature}"


def _read(recording: Recording) -> bytes:
    """Read a recording's file, or all of them as one zip archive."""
    if recording.tracks is None:
        return recording.paths[0].read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as tracks:
        for path in recording.paths:
            tracks.write(path, path.name)
    return archive.getvalue()


class _Files:
    """The files of one local Daily."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def get(self, request: web.Request) -> web.Response:
        """Serve a file, or say why not."""
        id, expires = request.match_info["id"], request.query.get("Expires", "")
        if not self._is_good(request, id, expires):
            return web.Response(status=403, text=_FORBIDDEN)
        stored = self._parts.stored
        file = stored.recordings.get(id) or stored.transcripts.get(id)
        if file is None or file.content is None:
            return web.Response(status=404, text=_GONE)
        if isinstance(file, Recording):
            kind = file.content_type
            try:
                content = await asyncio.to_thread(_read, file) if file.paths else file.content
            except FileNotFoundError:  # somebody has deleted it from the folder
                return web.Response(status=404, text=_GONE)
            name = f"{file.s3key}{mimetypes.guess_extension(kind) or ''}"
        else:
            kind, content, name = "text/vtt; charset=utf-8", file.content.encode(), file.s3key
        name = name.rpartition("/")[2]
        disposition = f'attachment; filename="{name}"'
        headers = {hdrs.CONTENT_TYPE: kind, hdrs.CONTENT_DISPOSITION: disposition}
        return web.Response(body=content, headers=headers)

    def _is_good(self, request: web.Request, id: str, expires: str) -> bool:
        if not expires.isdecimal() or not expires.isascii() or len(expires) > 15:
            return False
        ours = _query(self._parts, id, int(expires)).encode()
        theirs = request.rel_url.raw_query_string.encode(errors="surrogateescape")
        # A link that was changed in any way does not work at Daily either.
        return hmac.compare_digest(ours, theirs) and int(expires) > self._parts.domain.clock.now()
