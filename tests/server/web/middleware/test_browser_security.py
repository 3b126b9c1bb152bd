"""What a page of another site may not do, and what every answer carries."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.served import Served, assert_problem, serving, settings_for


async def health(served: Served, **headers: str) -> httpx.Response:
    return await served.client.get(
        "/health", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "test", "a.localhost", "192.168.1.9:80"])
async def test_on_loopback_names_that_no_page_can_have_are_served(served: Served, host: str) -> None:
    assert (await health(served, host=host)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example"]
)
async def test_on_loopback_a_name_of_the_internet_is_refused(served: Served, host: str) -> None:
    assert_problem(await health(served, host=host), 421, "wrong_host")


async def test_hosts_are_named_by_a_setting_or_all_served_elsewhere(tmp_path: Path) -> None:
    async with serving(settings_for(tmp_path, allowed_hosts=("debug.example",))) as served:
        assert (await health(served, host="debug.example:443")).status_code == 200
        assert_problem(await health(served, host="other.example"), 421, "wrong_host")
    async with serving(settings_for(tmp_path, host="0.0.0.0")) as served:
        assert (await health(served, host="whatever.example")).status_code == 200
    async with serving(settings_for(tmp_path, host="0.0.0.0", allowed_hosts=("debug.example",))) as served:
        assert_problem(await health(served, host="whatever.example"), 421, "wrong_host")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:7860", "localhost:7860"),
        ("https://debug.example", "debug.example"),  # a proxy ends TLS
        ("https://debug.example", "debug.example:443"),
        ("http://[::1]:7860", "[::1]:7860"),
        ("https://friend.example", "localhost:7860"),
    ],
)
async def test_the_same_site_and_named_ones_may_play(tmp_path: Path, origin: str, host: str) -> None:
    settings = settings_for(tmp_path, host="0.0.0.0", access="open", allowed_origins=("https://friend.example",))
    async with serving(settings) as served:
        response = await served.client.post("/reset", headers={"origin": origin, "host": host})
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:7861",
        "http://localhost.evil.example",
        "",
        "x" * 5000,
        "http://[",
        "file://",
    ],
)
@pytest.mark.parametrize("path", ["/reset", "/step", "/mcp", "/sessions/k/reset"])
async def test_a_page_of_another_site_may_not_play(served: Served, origin: str, path: str) -> None:
    response = await served.client.post(path, headers={"origin": origin, "host": "localhost:7860"})
    assert_problem(response, 403, "origin_refused")


async def test_a_form_of_another_site_is_refused_where_it_says_no_origin(served: Served) -> None:
    response = await served.client.post("/reset", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})
    assert_problem(response, 403, "origin_refused")
    followed_link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert (await served.client.get("/docs", headers=followed_link)).status_code == 200


async def test_every_answer_carries_the_headers_that_browsers_need(served: Served) -> None:
    for response in (
        await served.client.get("/health"),
        await served.client.get("/nowhere"),
        await served.client.post("/step", content=b"no json"),
        await served.client.get("/health", headers={"origin": "https://evil.example"}),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["referrer-policy"] == "no-referrer"
    page = await served.client.get("/docs")
    assert page.headers.get_list("content-security-policy") == [page.headers["content-security-policy"]]
    assert "script-src 'self'" in page.headers["content-security-policy"]
