"""
What a refusal is. Domains raise faults; the faces put them on the wire in their own envelope.

A fault knows its AWS code, its OCI code and its sentence, and no status: the AWS status comes from
the service model, the OCI status from one table in ``oci.faults``.
"""

from typing import Any, ClassVar


class Fault(Exception):
    """A refusal that both faces can put on the wire."""

    aws: ClassVar[str] = "ServerException"
    oci: ClassVar[str] = "UNKNOWN"
    message: ClassVar[str] = "The request could not be completed"

    def __init_subclass__(cls, *, aws: str | None = None, oci: str | None = None) -> None:
        cls.aws, cls.oci = aws or cls.aws, oci or cls.oci

    def __init__(self, **members: Any) -> None:
        """*members* fill the sentence; those that the error's shape declares are also sent beside it."""
        super().__init__(self.message.format_map(members))
        self.members = members


class Refused(Exception):
    """Something that whoever runs the program has to mend. The text says what, and how."""


class FrontDoor(Fault):
    """A refusal before any service is asked: it never means the error of that name in a service's model."""


class InvalidParameter(Fault, aws="InvalidParameterException", oci="UNSUPPORTED"):
    """A member of the input breaks a rule. Members: parameter, reason."""

    message = "Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"


class Validation(Fault, aws="ValidationException", oci="UNSUPPORTED"):
    """A feature's state forbids the call. Members: reason."""

    message = "{reason}"


class AccessDenied(Fault, aws="AccessDeniedException", oci="DENIED"):
    """
    The principal may not do this. Members: principal, action, resource, reason.

    *reason* begins with ``because`` or ``with an explicit deny``: ecr-api C.4.
    """

    message = "User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}"


class LimitExceeded(Fault, aws="LimitExceededException", oci="DENIED"):
    """A quota is used up. Members: reason."""

    message = "{reason}"


class StoreUnavailable(Fault, aws="ServerException", oci="UNKNOWN"):
    """The store of the blobs does not answer, or refuses us. What it said is in the log."""

    message = "The store of the blobs does not answer: try again"


class NoSpace(Fault, aws="ServerException", oci="UNKNOWN"):
    """The disk is nearly full: pushes are refused, pulls go on. Members: free, least (bytes)."""

    message = (
        "The registry has {free} bytes of free disk and keeps {least} in reserve: "
        "pushes are refused until space is freed"
    )
