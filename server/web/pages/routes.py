"""The list of pages."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount, Route

from server.web.pages.board.page import show_leaderboard
from server.web.pages.episode.page import audit_now, show_one, show_two
from server.web.pages.episode_list.page import show_list
from server.web.pages.home import show_home
from server.web.pages.live.page import send_feed, show_live
from server.web.pages.play.page import act, begin, show_play
from server.web.pages.rendering import PageFiles


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
