"""
Refusals of the front door, and how the codes that any operation may raise travel.

Their texts are AWS's own, because clients and people search for them.
"""

from typing import NamedTuple

from entrepot.errors import FrontDoor


class NotPresignable(FrontDoor, aws="AccessDeniedException"):
    """A signed address was used for more than showing who one is. Members: action."""

    message = "Presigned requests are accepted for sts:GetCallerIdentity only, not for {action}"


class NotForSessions(FrontDoor, aws="AccessDeniedException"):
    """The operation wants long-term credentials. Members: operation."""

    message = "Cannot call {operation} with session credentials"


class UnknownOperation(FrontDoor, aws="UnknownOperationException"):
    """The request names no operation of this server. Members: reason."""

    message = "{reason}"


class Serialization(FrontDoor, aws="SerializationException"):
    """The body is not what its protocol says. Members: reason."""

    message = "{reason}"


class RequestTooLarge(FrontDoor, aws="RequestEntityTooLargeException"):
    """The body is longer than its operation allows. Members: limit (bytes)."""

    message = "The request body is longer than the {limit} bytes that this operation allows"


class RequestTimeout(FrontDoor, aws="RequestTimeoutException"):
    """The body came too slowly."""

    message = "The request body did not arrive in time"


class InternalFailure(FrontDoor, aws="ServerException"):
    """A bug of ours; the log has it under the request id. Members: request_id."""

    message = "The request could not be completed: an internal error, logged as {request_id}"


class Wire(NamedTuple):
    """How a code travels: its name in the query protocol, the HTTP status elsewhere and in the query protocol."""

    query_code: str
    status: int
    query_status: int


# Source: AWS, "Common errors" of each service, and what clients print: ecr-api B.4.
COMMON = {
    "MissingAuthenticationTokenException": Wire("MissingAuthenticationToken", 400, 403),
    "IncompleteSignatureException": Wire("IncompleteSignature", 400, 400),
    "UnrecognizedClientException": Wire("InvalidClientTokenId", 400, 403),
    "ExpiredTokenException": Wire("ExpiredToken", 400, 403),
    "InvalidSignatureException": Wire("SignatureDoesNotMatch", 400, 403),
    "AccessDeniedException": Wire("AccessDenied", 400, 403),
    "UnknownOperationException": Wire("InvalidAction", 400, 400),
    "SerializationException": Wire("MalformedInput", 400, 400),
    "ValidationException": Wire("ValidationError", 400, 400),
    "InvalidInputException": Wire("InvalidInput", 400, 400),
    "ThrottlingException": Wire("Throttling", 400, 400),
    "RequestEntityTooLargeException": Wire("RequestEntityTooLarge", 413, 413),
    "RequestTimeoutException": Wire("RequestTimeout", 408, 408),
    "ServerException": Wire("InternalFailure", 500, 500),
}
