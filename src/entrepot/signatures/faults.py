"""Refusals of signatures, in AWS's own words, because clients and people search for them."""

from entrepot.errors import FrontDoor


class MissingAuthenticationToken(FrontDoor, aws="MissingAuthenticationTokenException"):
    """The request carries no credentials of AWS's kind."""

    message = "Request is missing Authentication Token"


class IncompleteSignature(FrontDoor, aws="IncompleteSignatureException"):
    """The signature's parameters cannot be read. Members: reason."""

    message = "{reason}"


class UnrecognizedClient(FrontDoor, aws="UnrecognizedClientException"):
    """The key id is unknown or inactive, or the session token is not the key's."""

    message = "The security token included in the request is invalid."


class ExpiredToken(FrontDoor, aws="ExpiredTokenException"):
    """The session of these credentials has ended."""

    message = "The security token included in the request is expired"


class InvalidSignature(FrontDoor, aws="InvalidSignatureException"):
    """The signature does not hold here and now. Members: reason."""

    message = "{reason}"


class SignatureMismatch(FrontDoor, aws="InvalidSignatureException"):
    """The signature is not that of this request."""

    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )
