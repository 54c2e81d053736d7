"""Private keys of the JWT bearer flow: what can sign, and errors that do not show a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.salesforce.sign_in.token_endpoint import TokenEndpoint
from tap_sfbulk_pages.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSPHRASE = "correct horse"


def form(**settings: str) -> dict[str, str]:
    config = {"client_id": "app", "username": "ada@example.com", **settings}
    sign_in = Settings.parse(config).sign_in
    assert isinstance(sign_in, TokenEndpoint)
    return sign_in.flow.form()


def encrypted(pem: str, form: Any = serialization.PrivateFormat.PKCS8) -> str:
    key = serialization.load_pem_private_key(pem.encode(), None)
    algorithm = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    return key.private_bytes(serialization.Encoding.PEM, form, algorithm).decode()


def of_another_kind() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize(
    "container", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
@pytest.mark.parametrize("written", ["as it is", "escaped", "file"])
def test_an_encrypted_key(
    key_pair: tuple[str, str], tmp_path: Path, container: Any, written: str
) -> None:
    pem = encrypted(key_pair[0], container)
    path = tmp_path / "key.pem"
    path.write_text(pem)
    key = {
        "as it is": {"private_key": pem},
        "escaped": {"private_key": pem.replace("\n", "\\n")},
        "file": {"private_key_path": str(path)},
    }[written]
    assertion = form(**key, private_key_passphrase=PASSPHRASE)["assertion"]
    audience = "https://login.salesforce.com"
    claims = jwt.decode(assertion, key_pair[1], algorithms=["RS256"], audience=audience)
    assert (claims["iss"], claims["sub"]) == ("app", "ada@example.com")


@pytest.mark.parametrize(
    ("make", "passphrase", "said"),
    [
        (encrypted, None, "the private key is encrypted: set private_key_passphrase"),
        (encrypted, "wrong horse", "or private_key_passphrase is wrong"),
        (str, PASSPHRASE, "not encrypted: remove it"),
        (lambda pem: pem[:200], None, "not an RSA private key in PEM form"),
        (lambda _: "keys/salesforce.pem", None, "not an RSA private key in PEM form"),
        (lambda _: of_another_kind(), None, "not an RSA private key in PEM form"),
    ],
    ids=["no passphrase", "wrong passphrase", "not encrypted", "cut", "path", "other kind"],
)
def test_a_key_that_cannot_sign(
    key_pair: tuple[str, str], make: Callable[[str], str], passphrase: str | None, said: str
) -> None:
    pem = make(key_pair[0])
    settings = {
        "private_key": pem,
        **({"private_key_passphrase": passphrase} if passphrase else {}),
    }
    with pytest.raises(SettingsError, match=said) as error:
        form(**settings)
    assert error.value.__cause__ is None
    assert not any(line in str(error.value) for line in pem.splitlines())


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: pem.replace("\n", " "),
        lambda pem: "".join(pem.splitlines()[1:-1]),
    ],
    ids=["PEM", "escaped", "one line", "base64"],
)
def test_a_key_in_place_of_its_path(key_pair: tuple[str, str], write: Callable[[str], str]) -> None:
    with pytest.raises(SettingsError, match="set private_key instead") as error:
        form(private_key_path=write(key_pair[0]))
    assert not any(line in str(error.value) for line in key_pair[0].splitlines())


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^private_key_path: /nowhere/key.pem cannot be read: No"
    ):
        form(private_key_path="/nowhere/key.pem")
    path = tmp_path / "key.der"
    path.write_bytes(b"\x30\x82\xff")
    with pytest.raises(SettingsError, match=r"key\.der is not a PEM file"):
        form(private_key_path=str(path))
