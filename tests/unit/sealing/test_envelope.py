"""The envelope's format: Tink reads our streams, we read Tink's, and whatever is changed is refused."""

import io
import os
from base64 import b64encode

import orjson
import pytest
import tink
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2

from entrepot.sealing.envelope import (
    HEADER,
    SEGMENT,
    End,
    Header,
    Opener,
    SealBroken,
    Sealer,
    end_size,
    new_end,
    new_header,
    open_fields,
    parse_end,
    parse_fields,
    segment_of,
    start_of,
    stream_size,
)

UPLOAD = "11111111-2222-4333-8444-555555555555"
WRAPPING = AESGCM(bytes(range(32)))
FIRST = SEGMENT - 16 - 40  # plain bytes of the first segment
SIZES = [0, 1, 16, FIRST - 1, FIRST, FIRST + 1, FIRST + SEGMENT - 16, FIRST + SEGMENT - 15, 3_500_000]


@pytest.fixture
def header() -> Header:
    return Header("service/1", UPLOAD, bytes(range(32)))


def tinks(header: Header, offset: int = 0) -> streaming_aead.StreamingAead:
    """Tink's own primitive of the template AES256_GCM_HKDF_1MB, over the same secret."""
    streaming_aead.register()
    params = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=1 << 20, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
    )
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, params=params, key_value=header.secret)
    data = {
        "typeUrl": "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
        "value": b64encode(key.SerializeToString()).decode(),
        "keyMaterialType": "SYMMETRIC",
    }
    entry = {"keyData": data, "status": "ENABLED", "keyId": 1, "outputPrefixType": "RAW"}
    keyset = orjson.dumps({"primaryKeyId": 1, "key": [entry]}).decode()
    handle = tink.json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


def seal(header: Header, plain: bytes, offset: int = 0, piece: int = 300_001) -> bytes:
    stream = bytearray()
    sealer = Sealer(header, offset, stream.extend)
    for begin in range(0, len(plain), piece):
        sealer.write(plain[begin : begin + piece])
    sealer.end()
    return bytes(stream)


def unseal(header: Header, stream: bytes, size: int, offset: int = 0) -> bytes:
    opener = Opener(header, offset, size=size, head=stream[:40])
    last = segment_of(max(size, 1) - 1)
    whole = memoryview(stream)
    return b"".join(opener.open(n, whole[max(n * SEGMENT, 40) : (n + 1) * SEGMENT]) for n in range(last + 1))


@pytest.mark.parametrize("size", SIZES)
def test_tink_reads_what_we_seal(header, size):
    plain = os.urandom(size)

    stream = seal(header, plain, offset=7)

    assert len(stream) == stream_size(size)
    with tinks(header).new_decrypting_stream(io.BytesIO(stream), b"blob/1|service/1|7") as opened:
        assert opened.read() == plain


@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_tink_seals(header, size):
    plain, sealed = os.urandom(size), Kept()
    with tinks(header).new_encrypting_stream(sealed, b"blob/1|service/1|7") as stream:
        stream.write(plain)

    assert unseal(header, sealed.kept, size, offset=7) == plain


class Kept(io.BytesIO):
    """A file whose content outlives its closing."""

    kept = b""

    def close(self):
        self.kept = self.getvalue()
        super().close()


def test_a_stream_of_known_bytes_is_read(header):
    """Made once by Tink, so that a change of ours and of Tink's at a time would show too."""
    stream = bytes.fromhex(VECTOR)

    assert unseal(header, stream, 26) == b"abcdefghijklmnopqrstuvwxyz"


VECTOR = (
    "284adaccb593e81f9560366ab775a851296458a8551c8d87ef1f384c314b414a90f72730e89a0721"
    "ca5f5be45589c9a1201f82e317bbea7adffa31364138d53768ac086a54ddb0f244b3e2cf204c8a02a36f"
)


def test_a_segment_begins_where_it_is_looked_for():
    for number in range(1, 5):
        assert segment_of(start_of(number)) == number
        assert segment_of(start_of(number) - 1) == number - 1
    assert start_of(1) == FIRST


def test_pieces_of_any_size_make_the_same_segments(header):
    plain = os.urandom(SEGMENT + 5)

    assert {len(seal(header, plain, piece=piece)) for piece in (1 << 22, SEGMENT, 4096, 65_537)} == {
        stream_size(SEGMENT + 5)
    }
    assert unseal(header, seal(header, plain, piece=4093), len(plain)) == plain


def test_two_streams_of_the_same_bytes_share_no_salt_and_no_ciphertext(header):
    first, second = seal(header, b"the same"), seal(header, b"the same")

    assert first[1:33] != second[1:33]
    assert first[40:] != second[40:]


@pytest.mark.parametrize("place", [0, 1, 32, 33, 39, 40, 1000, SEGMENT - 1, SEGMENT, SEGMENT + 500, -17, -1])
def test_a_changed_byte_of_a_stream_is_refused(header, place):
    plain = os.urandom(SEGMENT + 1000)
    stream = bytearray(seal(header, plain))
    stream[place] ^= 1

    with pytest.raises(SealBroken):
        unseal(header, bytes(stream), len(plain))


def test_exchanged_repeated_and_missing_segments_are_refused(header):
    plain = os.urandom(4 * SEGMENT)
    stream = seal(header, plain)
    first, one, two, rest = (stream[n * SEGMENT : (n + 1) * SEGMENT] for n in range(4))

    for changed in ((first, two, one, rest), (first, one, one, rest), (first, two, rest)):
        with pytest.raises(SealBroken):
            unseal(header, b"".join(changed) + stream[4 * SEGMENT :], len(plain))


@pytest.mark.parametrize("size", [FIRST, FIRST + SEGMENT - 16])
def test_a_stream_cut_at_a_segment_is_refused(header, size):
    """All that is left is genuine; only that it is not the last segment gives it away."""
    stream = seal(header, os.urandom(size + 10))

    with pytest.raises(SealBroken):
        unseal(header, stream[: stream_size(size)], size)


def test_a_stream_at_another_offset_or_under_another_key_is_refused(header):
    stream = seal(header, b"abc", offset=5)

    for other, offset in ((header, 6), (Header("service/2", UPLOAD, header.secret), 5)):
        with pytest.raises(SealBroken):
            unseal(other, stream, 3, offset=offset)


def test_a_header_is_read_back():
    made, raw = new_header(WRAPPING, "service/1", UPLOAD, created=1_800_000_000.0)

    assert len(raw) == HEADER
    assert raw.startswith(b"RGENV1\0\0")
    assert open_fields(parse_fields(raw), WRAPPING) == made
    assert made.secret not in raw


def test_every_byte_of_a_header_counts():
    _, raw = new_header(WRAPPING, "service/1", UPLOAD, created=1_800_000_000.0)

    for place in range(HEADER):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            open_fields(parse_fields(bytes(changed)), WRAPPING)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"1", b'{"wrapped":1}', b'{"wrapped":""}', b'{"wrapped":"AAAA","context":[]}', b"\xff"]
)
def test_a_header_that_was_never_ours_is_refused(text):
    raw = (b"RGENV1\0\0" + len(text).to_bytes(4, "big") + text).ljust(HEADER, b"\0")

    with pytest.raises(SealBroken):
        open_fields(parse_fields(raw), WRAPPING)


def test_a_secret_is_unwrapped_only_in_the_header_that_it_was_wrapped_for():
    raws = [new_header(WRAPPING, "service/1", upload, created=1.0)[1] for upload in (UPLOAD, UPLOAD[::-1])]
    first, second = (orjson.loads(raw[12:].rstrip(b"\0")) for raw in raws)
    text = orjson.dumps(first | {"wrapped": second["wrapped"]}, option=orjson.OPT_SORT_KEYS)

    with pytest.raises(SealBroken):
        open_fields(parse_fields((raws[0][:8] + len(text).to_bytes(4, "big") + text).ljust(HEADER, b"\0")), WRAPPING)


def test_an_end_is_read_back_and_every_byte_of_it_counts(header):
    end = End("123456789012", "sha256:" + "ab" * 32, (5, 7))
    raw = new_end(header, end)

    assert end_size(raw[-4:]) == len(raw)
    assert parse_end(header, raw) == end
    for place in range(len(raw) - 4):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            parse_end(header, bytes(changed))
