"""Reads HTML forms and refuses forged ones: origin check and form token (CSRF protection)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from server.web.problem_details import Problem
from server.web.request_body import read_body


def check_origin(request: Request) -> None:
    """Refuse a request from a page of another site. Browsers state the origin of a request; other clients need not."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in ("same-origin", "none") or is_foreign:
        raise Problem(403, "foreign_form", "The form came from another site", "Open the page here and send it again.")


def form_token(secret: str) -> str:
    """The token of a form, derived from a cookie that another site can neither read nor guess."""
    return hashlib.sha256(f"mlops-debug form {secret}".encode()).hexdigest()[:32]


def check_form(request: Request, form: Mapping[str, str], secret: str | None) -> None:
    """Refuse a form that was not rendered for the owner of the cookie."""
    check_origin(request)
    if secret is None or not hmac.compare_digest(form.get("token", "").encode(), form_token(secret).encode()):
        raise Problem(403, "stale_form", "The form is not yours", "Open the page again and send the form from there.")


def request_scheme(request: Request) -> str:
    """``https`` if a proxy reports it, else the scheme of the connection. A client can only mislead itself by this header."""
    return "https" if request.headers.get("x-forwarded-proto") == "https" else request.url.scheme


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, under the limits of every request body; of a repeated name, the last value."""
    body = await read_body(request)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)
        # As `server.web.middleware.browser_security` does with addresses: no stored text holds a NUL.
        return {name: value.replace("\0", "\ufffd") for name, value in fields}
    except ValueError as error:  # invalid UTF-8, or too many fields
        raise Problem(400, "invalid_form", "The form cannot be read", "Send the form as the page has it.") from error
