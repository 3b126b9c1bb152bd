"""OpenEnv's client class, typed for this environment and found by AutoEnv. Needs the extra ``openenv``.

It plays on a session of its own: after a dropped socket or a restarted server, sending the same step again goes on with
the same episode. It sends no request ids and retries nothing by itself; `DebugClient` does.
"""

from __future__ import annotations

import secrets
from typing import Any, Mapping

from mlops_debug_env.protocol.actions import Action, parse_action
from mlops_debug_env.protocol.openenv_types import (
    EnvClient,
    MlopsDebugAction,
    MlopsDebugObservation,
    MlopsDebugState,
    StepResult,
)
from mlops_debug_env.transport.url import parse_address

__all__ = ["MlopsDebugAction", "MlopsDebugEnv", "MlopsDebugObservation", "MlopsDebugState"]

AnyAction = MlopsDebugAction | Action | Mapping[str, Any]


class MlopsDebugEnv(EnvClient[AnyAction, MlopsDebugObservation, MlopsDebugState]):
    """``with MlopsDebugEnv(base_url=…).sync() as env: env.reset(task_id="easy", seed=7)``, or the same with await.

    Args:
        base_url: where the server is; ``/sessions/<key>`` at its end names the session.
        session_key: name of the session; None: a random, unguessable one.
        further: passed on to OpenEnv's ``EnvClient``.
    """

    def __init__(self, base_url: str | None = None, *, session_key: str | None = None, **further: Any) -> None:
        self._session_key = session_key
        super().__init__(base_url=base_url, **further)

    @property
    def session_key(self) -> str | None:
        """The session key; None: no server was named yet."""
        return self._session_key

    def _set_base_url(self, base_url: str) -> None:
        """Called once the server is known. The session stays out of ``base_url``, so that children get their own."""
        address = parse_address(base_url, session_key=self._session_key, fresh_key=secrets.token_hex(16))
        self._session_key = address.session_key
        self._base_url = address.http_url
        self._ws_url = address.socket_url

    def _step_payload(self, action: AnyAction) -> dict[str, Any]:
        if isinstance(action, MlopsDebugAction):
            return action.to_wire()
        # A dict is sent unchanged, so that its validation errors are the server's.
        return dict(action) if isinstance(action, Mapping) else parse_action(action).to_wire()

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[MlopsDebugObservation]:
        beside = {"reward": payload.get("reward"), "done": payload.get("done", False)}
        metadata = payload.get("metadata") or {}
        shown = {**payload.get("observation", {}), **beside, "metadata": metadata}
        return StepResult(observation=MlopsDebugObservation.model_validate(shown), metadata=metadata, **beside)

    def _parse_state(self, payload: dict[str, Any]) -> MlopsDebugState:
        state: MlopsDebugState = MlopsDebugState.model_validate(payload)
        return state
