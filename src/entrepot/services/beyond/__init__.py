"""What AWS has no operation for: a service of our own, asked and judged like AWS's. Its model is in ``aws.models``."""

from entrepot.aws.service import Service
from entrepot.services.beyond import accounts, arns, identities

service = Service("entrepot", accounts, identities, resources=arns.of)
