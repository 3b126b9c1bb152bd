"""Relative links, so that a page works behind any prefix of a proxy: in templates a link begins at the root of the site, and
what is sent begins at the page."""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

# Of templates only: what was written by others is escaped, and so has no quotation mark.
_FROM_ROOT = re.compile(rb'( (?:href|action|src|data-root)=")/(?!/)')


def root_of(scope: Scope) -> str:
    """The root of the site as seen from the page of this request: ``./`` or ``../`` as often as it is deep."""
    depth = scope["path"].count("/") - 1
    return "../" * depth or "./"


class PageResponse(Response):
    """An HTML page whose links are made relative when it is sent."""

    media_type = "text/html"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = root_of(scope).encode()
        self.body = _FROM_ROOT.sub(lambda link: link[1] + root, bytes(self.body))
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def redirect(scope: Scope, path: str) -> Response:
    """See another page of the site, which is named from its root."""
    return RedirectResponse(root_of(scope) + path.removeprefix("/"), status_code=303)
