"""The table of page routes."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount, Route

from server.web.pages.board.page import leaderboard_page
from server.web.pages.episode.page import audit_episode_page, comparison_page, episode_page
from server.web.pages.episode_list.page import episode_list_page
from server.web.pages.home import home_page
from server.web.pages.live.page import live_feed, live_page
from server.web.pages.play.page import begin_episode, play_page, take_step
from server.web.pages.rendering import PageFiles


def page_routes() -> tuple[BaseRoute, ...]:
    """All routes of the pages and their static files."""
    return (
        Route("/", home_page, methods=["GET"]),
        Route("/episodes", episode_list_page, methods=["GET"]),
        Route("/episodes/{episode_id}", episode_page, methods=["GET"]),
        Route("/episodes/{episode_id}/audit", audit_episode_page, methods=["POST"]),
        Route("/compare", comparison_page, methods=["GET"]),
        Route("/leaderboard", leaderboard_page, methods=["GET"]),
        Route("/live", live_page, methods=["GET"]),
        Route("/live/feed", live_feed, methods=["GET"]),
        Route("/play", play_page, methods=["GET"]),
        Route("/play/begin", begin_episode, methods=["POST"]),
        Route("/play/act", take_step, methods=["POST"]),
        Mount("/static", PageFiles(), name="static"),
    )
