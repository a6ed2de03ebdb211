"""Keys name the upload that they were published from."""

import pytest

from entrepot.storage.base import upload_of

UPLOAD = "6f1d0c3a-9a2b-4c1d-8e3f-0123456789ab"
OTHER = "00000000-1111-2222-3333-444444444444"


@pytest.mark.parametrize(
    "key",
    [
        f"objects/123456789012/sha256/ab/{'ab' * 32}-{UPLOAD}",
        f"objects/123456789012.KMS.{OTHER}/sha512/ab/{'ab' * 64}-{UPLOAD}",
        f"{UPLOAD}/000000000000-0192f3c4d5e6-0a1b2c3d",
    ],
)
def test_a_key_of_every_store_names_its_upload(key):
    assert upload_of(key) == UPLOAD


def test_what_is_no_key_names_none():
    with pytest.raises(ValueError, match="not a key"):
        upload_of("objects/123456789012/sha256/ab")
