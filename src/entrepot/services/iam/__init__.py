"""AWS IAM: every operation that is written so far."""

from entrepot.aws.service import Service
from entrepot.services.iam import access_keys, account, arns, groups, passwords, providers, users

service = Service("iam", users, access_keys, groups, passwords, account, providers, resources=arns.of)
