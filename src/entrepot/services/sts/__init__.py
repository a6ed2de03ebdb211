"""AWS STS: who a caller is, and credentials for a while."""

from entrepot.aws.service import Service
from entrepot.services.sts import arns, caller, roles, users

service = Service("sts", caller, roles, users, resources=arns.of)
