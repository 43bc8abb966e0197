"""The gateway's one signing key, and what others may know of it (RFC 8037, RFC 7638)."""

import base64
import hashlib
import json
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


class SigningKey:
    """Signs access tokens and internal tokens; their audiences keep the two apart."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private

    @classmethod
    def read(cls, base64_pem: str) -> "SigningKey":
        """The key as the environment carries it (PEM in base64, one line)."""
        key = load_pem_private_key(base64.b64decode(base64_pem), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        return cls(key)

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    @cached_property
    def _members(self) -> dict[str, str]:
        x = self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": base64.urlsafe_b64encode(x).rstrip(b"=").decode()}

    @cached_property
    def id(self) -> str:
        """The thumbprint."""
        canonical = json.dumps(self._members, separators=(",", ":"), sort_keys=True).encode()
        return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [{**self._members, "kid": self.id, "use": "sig", "alg": "EdDSA"}]}

    def derived(self, purpose: str) -> bytes:
        """32 bytes that only the holder of this key knows, of one purpose."""
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(self.private.private_bytes_raw())
