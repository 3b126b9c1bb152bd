"""Ed25519 signatures over canonical JSON. The private key is in a file outside the database; the public one is public."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from domain.chain import canonical
from server.security.secret_files import SecretFiles, SecretLostError

KEY_FILE = "signing-key.pem"


class Signer:
    """Signs statements. The same statement gets the same signature, so that an answer can be given again."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw().hex()
        """64 hex digits."""

    def sign(self, statement: Mapping[str, Any]) -> dict[str, Any]:
        """The statement with its signature."""
        signature = self._key.sign(canonical(dict(statement))).hex()
        return {"statement": dict(statement), "public_key": self.public_key, "signature": signature}

    def secret(self, purpose: str) -> bytes:
        """A secret derived from the signing key: the same on all servers of an installation, and after a restart."""
        return hmac.new(self._key.private_bytes_raw(), f"mlops-debug {purpose}".encode(), hashlib.sha256).digest()


def load_signer(files: SecretFiles) -> Signer:
    """The signer of this installation; its key is made when there is none. Raises ``SecretLostError``."""
    text = files.read(KEY_FILE)
    if text is None:
        made = Ed25519PrivateKey.generate()
        text = files.write_once(KEY_FILE, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(text, password=None)
    except ValueError as error:
        raise SecretLostError(files.folder / KEY_FILE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SecretLostError(files.folder / KEY_FILE)
    return Signer(key)


def own_public_key(files: SecretFiles) -> str | None:
    """Of this installation; None: its secrets are not here. Raises ``SecretLostError``."""
    return load_signer(files).public_key if files.read(KEY_FILE) is not None else None


def is_signed_by(public_key: str, signed: Any) -> bool:
    """Whether an object, from wherever it comes, is a statement with a signature of this key."""
    if not isinstance(signed, dict) or signed.get("public_key") != public_key:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signed["signature"]), canonical(signed["statement"]))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True
