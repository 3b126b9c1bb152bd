"""The list of pages."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount, Route

from server.pages.board import show_leaderboard
from server.pages.home import show_home
from server.pages.listing import show_list
from server.pages.live import send_feed, show_live
from server.pages.play import act, begin, show_play
from server.pages.rendering import PageFiles
from server.pages.replaying import audit_now, show_one, show_two


def page_routes() -> tuple[BaseRoute, ...]:
    return (
        Route("/", show_home, methods=["GET"]),
        Route("/episodes", show_list, methods=["GET"]),
        Route("/episodes/{episode_id}", show_one, methods=["GET"]),
        Route("/episodes/{episode_id}/audit", audit_now, methods=["POST"]),
        Route("/compare", show_two, methods=["GET"]),
        Route("/leaderboard", show_leaderboard, methods=["GET"]),
        Route("/live", show_live, methods=["GET"]),
        Route("/live/feed", send_feed, methods=["GET"]),
        Route("/play", show_play, methods=["GET"]),
        Route("/play/begin", begin, methods=["POST"]),
        Route("/play/act", act, methods=["POST"]),
        Mount("/static", PageFiles(), name="static"),
    )
