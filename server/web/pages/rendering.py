"""Renders templates to responses, with autoescape and the security headers of every page; serves the static files."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Mapping, Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from domain.ranking.statistics import PASS_SCORE
from server.version import NAME, VERSION
from server.web.pages.episode.changes import diff_kinds
from server.web.pages.episode_names import short_names
from server.web.pages.formatting import FILTERS
from server.web.pages.links import PageResponse

_FOLDER = Path(__file__).resolve().parent
NO_ANCESTORS = "frame-ancestors 'none'"
"""What the policy of a page says of frames, unless an operator names origins."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    f"form-action 'self'; base-uri 'none'; {NO_ANCESTORS}"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # A path may hold the id of a running episode, which is a secret.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ONE_YEAR = "public, max-age=31536000, immutable"


@cache
def _templates() -> Environment:
    """The compiled templates of this process."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["short_names"] = short_names
    environment.tests["passing"] = lambda score: score >= PASS_SCORE
    environment.globals.update(static=static_paths().__getitem__, product=NAME, version=VERSION, diff_kinds=diff_kinds)
    return environment


class Renderer:
    """Renders the templates of this folder.

    Args:
        frame_ancestors: origins whose pages may show these in a frame.
    """

    def __init__(self, frame_ancestors: Sequence[str] = ()) -> None:
        self._ancestors = " ".join(("'self'", *frame_ancestors)) if frame_ancestors else "'none'"

    def page(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **view: Any
    ) -> Response:
        """A page that caches do not store; ``view`` holds the variables of its template."""
        body = _templates().get_template(template).render(view)
        sent = {**SECURITY_HEADERS, "Cache-Control": "no-store", **(headers or {})}
        policy = sent["Content-Security-Policy"]
        sent["Content-Security-Policy"] = policy.replace(NO_ANCESTORS, f"frame-ancestors {self._ancestors}")
        return PageResponse(body, status_code=status, headers=sent)


def static_paths() -> dict[str, str]:
    """The URL of each static file, with a digest of its content, so that caches never need to revalidate it."""
    folder = _FOLDER / "static"
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in (".css", ".js", ".svg"))
    return {
        (name := file.relative_to(folder).as_posix()): f"/static/{name}?v={_digest(file.read_bytes())}"
        for file in files
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


class PageFiles(StaticFiles):
    """Serves the static files with the headers of the pages."""

    def __init__(self) -> None:
        super().__init__(directory=_FOLDER / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(SECURITY_HEADERS)
        if response.status_code == 200 and scope.get("query_string"):
            response.headers["Cache-Control"] = _ONE_YEAR
        return response
