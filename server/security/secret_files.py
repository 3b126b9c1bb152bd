"""The folder of secrets that must never be in the database, a backup or an export: the signing key and round secrets."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from server.atomic_files import sync_file
from server.settings import Settings
from server.storage.engines import database_path, parse_url


class SecretLostError(Exception):
    """A secret file is missing, or does not match its commitment."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the secret {path} cannot be read")
        self.path = path


class UnwritableSecretsError(SecretLostError):
    """The folder does not take a new secret."""

    def __init__(self, folder: Path, error: OSError) -> None:
        Exception.__init__(
            self,
            f"the folder of secrets {folder} cannot be written ({error.strerror}); give its rights to the user of this "
            "command, or name another with MLOPS_DEBUG_SECRETS_FOLDER",
        )
        self.path = folder


class SecretFiles:
    """Files that only their owner can read. They are written once and never changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """None: there is no such file."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretLostError(self.folder / name) from error

    def write_once(self, name: str, content: bytes) -> bytes:
        """Write the file unless it exists; returns its content, which of two concurrent writers is the first one's. Raises
        ``UnwritableSecretsError``."""
        unfinished = self.folder / f".{name}.{os.getpid()}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(unfinished, self.folder / name)  # unlike a rename, it never replaces a file
            sync_file(self.folder)
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise UnwritableSecretsError(self.folder, error) from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)


def secrets_folder(settings: Settings) -> Path:
    """The folder of the settings; by default next to the database file."""
    if settings.secrets_folder:
        return Path(settings.secrets_folder)
    url = parse_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return Path("mlops-debug-secrets")
    path = database_path(url)
    return path.with_name(f"{path.name}-secrets")
