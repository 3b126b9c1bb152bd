"""Audits of one episode, with the database and the secrets that settings name."""

from __future__ import annotations

from server.audit.episode_audit import audit_episode
from server.audit.report import AuditReport
from server.scenarios.simulation import Simulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.settings import Settings


async def audit_by_settings(settings: Settings, simulation: Simulation, episode_id: str) -> AuditReport:
    return await audit_episode(settings.database_url, SecretFiles(secrets_folder(settings)), simulation, episode_id)
