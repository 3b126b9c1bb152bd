"""The page that shows the document needs no other host."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from tests.served import Served, assert_problem


async def test_the_page_loads_nothing_from_another_host(served: Served) -> None:
    page = await served.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        assert not re.match(r"\w+:|//", address)
        assert (await served.client.get(urljoin("/docs", address))).status_code == 200
    assert "<script>" not in page.text


async def test_only_the_files_of_the_page_are_served(served: Served) -> None:
    for name in ("routes.py", "..%2Froutes.py", "LICENSE", "%2Fetc%2Fpasswd"):
        assert_problem(await served.client.get(f"/docs/{name}"), 404, "not_found")
