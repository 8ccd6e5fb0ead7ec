"""The token issuer of stage `local`: an RSA key of this checkout, and its public half where the authorizer looks."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from telemetry_stack.stages import TokenIssuer

SCOPES = ("telemetry/ingest", "telemetry/read")
EVERY_CHARGER = "*"
A_DAY = 24 * 60 * 60


class LocalTokenIssuer:
    """Signs tokens that the authorizer of stage `local` accepts.

    The key is made once and kept, since the emulator remembers the public key for two hours.
    """

    def __init__(self, settings: TokenIssuer, *, key_file: Path) -> None:
        self._settings = settings
        self._key = _read_or_make(key_file)
        self._public_key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        # RFC 7638 would do as well; any name that changes with the key does.
        self._key_id = str(self._public_key["n"])[:16]

    def token(
        self, *, chargers: Sequence[str] | str = EVERY_CHARGER, scopes: Sequence[str] = SCOPES, expires_in: int = A_DAY
    ) -> str:
        """Return a bearer token.

        Args:
            chargers: the chargers that it may post and read, `*` for all.
            scopes: what it may do.
            expires_in: its lifetime in seconds; negative for one that has expired already.
        """
        now = int(time.time())
        claims = {
            "iss": self._settings.url,
            "aud": self._settings.audience[0],
            "sub": "local",
            "scope": " ".join(scopes),
            self._settings.chargers_claim: chargers,
            # The emulator refuses a token from the future, so never later than now.
            "iat": min(now, now + expires_in),
            "exp": now + expires_in,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def publish(self) -> None:
        """Put the OpenID configuration and the public key into a bucket of the emulator that everybody may read.

        The issuer's URL is that of the bucket: so the emulator is the only process of the local cloud.
        """
        bucket = urlsplit(self._settings.url).path.strip("/")
        keys_url = f"{self._settings.url}/.well-known/jwks.json"
        documents = {
            ".well-known/openid-configuration": {"issuer": self._settings.url, "jwks_uri": keys_url},
            ".well-known/jwks.json": {
                "keys": [{**self._public_key, "kid": self._key_id, "alg": "RS256", "use": "sig"}]
            },
        }
        everybody_reads = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{bucket}/.well-known/*",
                }
            ],
        }
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=bucket)
        s3.delete_public_access_block(Bucket=bucket)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(everybody_reads))
        for name, document in documents.items():
            s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(document).encode(), ContentType="application/json")


def _read_or_make(key_file: Path) -> rsa.RSAPrivateKey:
    if not key_file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(
            key_file,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{key_file} holds no RSA key")
    return key


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    half = file.with_suffix(".half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
    half.replace(file)
