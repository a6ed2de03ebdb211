"""A fault as the OCI face shows it: a status, and the envelope of the distribution specification."""

import orjson

from entrepot.bodies import BodyIncomplete
from entrepot.errors import Fault, NoSpace, StoreUnavailable
from entrepot.keys.faults import KmsUnavailable
from entrepot.registry import faults

# By code; where one code means two things, the class decides.
_STATUS = {
    "UNAUTHORIZED": 401,
    "DENIED": 403,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "MANIFEST_UNKNOWN": 404,
    "MANIFEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 400,
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "DIGEST_INVALID": 400,
    "SIZE_INVALID": 413,
    "TAG_INVALID": 400,
    "UNSUPPORTED": 405,
    "TOOMANYREQUESTS": 429,
    "BAD_REQUEST": 400,
    "MISDIRECTED": 421,
    "HEADERS_TOO_LARGE": 431,
    "UNKNOWN": 500,
}
_STATUS_OF: dict[type[Fault], int] = {
    faults.LayersMissing: 400,
    faults.InvalidLayerPart: 416,
    faults.UploadBusy: 409,
    NoSpace: 507,
    StoreUnavailable: 503,
}


class Unauthorized(Fault, aws="MissingAuthenticationTokenException", oci="UNAUTHORIZED"):
    """No credentials, or wrong ones: the answer carries a challenge."""

    message = "Not Authorized"


class Unsupported(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A method that this address does not know. Members: method."""

    message = "The operation is unsupported: {method}"


class NoSuchAddress(Fault, aws="InvalidParameterException", oci="NAME_UNKNOWN"):
    """An address under /v2/ that the specification does not have."""

    message = "There is nothing at this address"


class ReferenceInvalid(Fault, aws="InvalidParameterException", oci="TAG_INVALID"):
    """A reference that is neither a tag nor a digest. Members: reference."""

    message = "The reference '{reference}' is neither a tag nor a digest"


class QueryTooLong(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """Parameters, tags among them, that nobody can want. Members: most."""

    message = "The address has more than {most} parameters"


class RangeInvalid(Fault, aws="InvalidLayerPartException", oci="BLOB_UPLOAD_INVALID"):
    """A piece that does not begin where the upload ends. Members: start, size."""

    message = "First byte of the layer part is {start} instead of {size}"


class InsecureLogin(Fault, aws="AccessDeniedException", oci="DENIED"):
    """A password came over plain http from another machine."""

    message = (
        "Logins over plain http are only accepted from this machine. Serve https (--tls-cert, --tls-key), "
        "or set insecure_http if the network is trusted"
    )


_STATUS_OF[QueryTooLong] = 414
_STATUS_OF[RangeInvalid] = 416
_STATUS_OF[BodyIncomplete] = 400
_STATUS_OF[NoSuchAddress] = 404


def status_of(fault: Fault) -> int:
    """The HTTP status of a fault."""
    return _STATUS_OF.get(type(fault)) or _STATUS.get(fault.oci, 400)


def document_of(fault: Fault) -> bytes:
    """The error document. Source: OCI distribution-spec 1.1, "Error Codes"."""
    detail = {"detail": {"kmsError": fault.members["kms_error"]}} if isinstance(fault, KmsUnavailable) else {}
    return orjson.dumps({"errors": [{"code": fault.oci, "message": str(fault), **detail}]})
