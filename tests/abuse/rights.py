"""
Who may do what: the table. Written by hand from AWS's documents, so that the product is held against it.

A line is an operation (or a route), the action that it needs and what it is about, and the action's access level:
List, Read, Write, Permissions management, Tagging. Source: ecr-api C.1, C.2, C.5; Service Authorization Reference,
"Actions, resources, and condition keys" for Amazon ECR, Amazon ECR Public, AWS IAM, AWS KMS, AWS Organizations,
AWS Secrets Manager and AWS STS; of our own service decisions/0022.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Need(NamedTuple):
    """What one operation needs: *actions* on a resource of that *kind*, all of them."""

    actions: tuple[str, ...]
    kind: str
    level: str


# What AmazonEC2ContainerRegistryReadOnly allows. Source: ecr-api C.5.
_READER = """
GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer GetRepositoryPolicy DescribeRepositories
ListImages DescribeImages BatchGetImage GetLifecyclePolicy GetLifecyclePolicyPreview ListTagsForResource
DescribeImageScanFindings
"""
READER = frozenset(f"ecr:{operation}" for operation in _READER.split())

# What is a matter of reading, and not allowed by ReadOnlyAccess. Source: AWS managed policy reference, which does not
# know ours.
UNSEEN = frozenset({"entrepot:ListAccounts", "secretsmanager:GetSecretValue", "sts:GetServiceBearerToken"})

# Kinds of resources that an account can speak of that are another's: by registryId, or by an ARN.
OWNED = frozenset({"repository", "repositories", "policy", "provider", "source", "role arn", "key", "secret"})
# Kinds whose owner can consent to what another account does: by a policy on the repository or the key, by the
# role's trust.
CONSENTING = frozenset({"repository", "role arn", "key"})

# In the lines below: kind and level, then the operations. "any" is the resource ``*``. It also stands for things of
# Organizations and for keys that are not there; those that are have ARNs of their own.
_ECR = """
registry R     DescribeRegistry GetAccountSetting GetAuthorizationToken GetRegistryPolicy
registry W     PutAccountSetting
registry P     DeleteRegistryPolicy PutRegistryPolicy
repository L   DescribeImages ListImages
repository R   BatchCheckLayerAvailability BatchGetImage DescribeRepositories GetDownloadUrlForLayer
repository R   GetRepositoryPolicy ListImageReferrers=BatchGetImage ListTagsForResource
repository W   BatchDeleteImage CompleteLayerUpload CreateRepository DeleteRepository InitiateLayerUpload PutImage
repository W   PutImageScanningConfiguration PutImageTagMutability UploadLayerPart
repository P   DeleteRepositoryPolicy SetRepositoryPolicy
repository T   TagResource UntagResource
"""
_IAM = """
user L         GetLoginProfile ListAccessKeys ListAttachedUserPolicies ListGroupsForUser ListMFADevices
user L         ListSSHPublicKeys ListServiceSpecificCredentials ListSigningCertificates ListUserPolicies ListUserTags
user R         GetUser GetUserPolicy
self W         ChangePassword
user W         CreateAccessKey CreateLoginProfile CreateUser DeleteAccessKey DeleteLoginProfile
user W         DeleteUser UpdateAccessKey UpdateLoginProfile UpdateUser
user P         AttachUserPolicy DeleteUserPermissionsBoundary DeleteUserPolicy DetachUserPolicy
user P         PutUserPermissionsBoundary PutUserPolicy
user T         TagUser UntagUser
group L        ListAttachedGroupPolicies ListGroupPolicies
group R        GetGroup GetGroupPolicy
group W        AddUserToGroup CreateGroup DeleteGroup RemoveUserFromGroup UpdateGroup
group P        AttachGroupPolicy DeleteGroupPolicy DetachGroupPolicy PutGroupPolicy
role L         ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies ListRoleTags
role R         GetRole GetRolePolicy
role W         CreateRole DeleteRole DeleteServiceLinkedRole UpdateRole UpdateRoleDescription
role P         AttachRolePolicy DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy
role P         PutRolePermissionsBoundary PutRolePolicy UpdateAssumeRolePolicy
role T         TagRole UntagRole
linked R       GetServiceLinkedRoleDeletionStatus
linked W       CreateServiceLinkedRole
profile L      ListInstanceProfileTags
profile R      GetInstanceProfile
profile W      AddRoleToInstanceProfile+PassRole CreateInstanceProfile DeleteInstanceProfile
profile W      RemoveRoleFromInstanceProfile
profile T      TagInstanceProfile UntagInstanceProfile
policy L       ListEntitiesForPolicy ListPolicyTags ListPolicyVersions
policy R       GetPolicy GetPolicyVersion
policy P       CreatePolicyVersion DeletePolicy DeletePolicyVersion SetDefaultPolicyVersion
policy T       TagPolicy UntagPolicy
new-policy P   CreatePolicy
provider L     ListOpenIDConnectProviderTags
provider R     GetOpenIDConnectProvider
provider W     AddClientIDToOpenIDConnectProvider DeleteOpenIDConnectProvider
provider W     RemoveClientIDFromOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint
provider T     TagOpenIDConnectProvider UntagOpenIDConnectProvider
new-provider W CreateOpenIDConnectProvider
source R       GetContextKeysForPrincipalPolicy SimulatePrincipalPolicy
any L          GetAccountSummary ListAccountAliases ListGroups ListInstanceProfiles ListOpenIDConnectProviders
any L          ListPolicies ListRoles ListUsers ListVirtualMFADevices
any R          GenerateCredentialReport GetAccessKeyLastUsed GetAccountAuthorizationDetails GetAccountPasswordPolicy
any R          GetContextKeysForCustomPolicy GetCredentialReport SimulateCustomPolicy
any W          CreateAccountAlias DeleteAccountAlias DeleteAccountPasswordPolicy UpdateAccountPasswordPolicy
"""
# Who makes, moves or deletes an alias needs the right on the alias and on every key that it means or meant.
_KMS = """
key L          ListGrants ListKeyPolicies ListKeyRotations ListResourceTags
key R          DescribeKey GetKeyPolicy GetKeyRotationStatus
key W          CancelKeyDeletion DisableKey DisableKeyRotation EnableKey EnableKeyRotation Encrypt GenerateDataKey
key W          GenerateDataKeyWithoutPlaintext RotateKeyOnDemand ScheduleKeyDeletion UpdateKeyDescription
key P          CreateGrant PutKeyPolicy RetireGrant RevokeGrant
key T          TagResource UntagResource
key W          Decrypt ReEncrypt=ReEncryptFrom+ReEncryptTo
alias W        CreateAlias DeleteAlias UpdateAlias
any L          ListAliases ListKeys ListRetirableGrants
any W          CreateKey GenerateRandom
"""
_ORGANIZATIONS = """
any L          ListAWSServiceAccessForOrganization ListAccounts ListAccountsForParent ListChildren
any L          ListCreateAccountStatus ListOrganizationalUnitsForParent ListParents ListPolicies
any L          ListPoliciesForTarget ListRoots ListTagsForResource ListTargetsForPolicy
any R          DescribeAccount DescribeCreateAccountStatus DescribeOrganization DescribeOrganizationalUnit
any R          DescribePolicy
any W          AttachPolicy CreateAccount CreateOrganization CreateOrganizationalUnit CreatePolicy
any W          DeleteOrganization DeleteOrganizationalUnit DeletePolicy DetachPolicy DisablePolicyType
any W          EnablePolicyType MoveAccount RemoveAccountFromOrganization UpdateOrganizationalUnit UpdatePolicy
any T          TagResource UntagResource
"""
_SECRETS_MANAGER = """
secret R       DescribeSecret GetResourcePolicy GetSecretValue ListSecretVersionIds
secret W       DeleteSecret PutSecretValue RestoreSecret UpdateSecret UpdateSecretVersionStage
new-secret W   CreateSecret
secret T       TagResource UntagResource
"""
# Nobody needs a right to be told who he is, nor for a session of his own; and a web identity needs no signature.
_STS = """
role-arn W     AssumeRole
unsigned W     AssumeRoleWithWebIdentity
any W          DecodeAuthorizationMessage
any R          GetAccessKeyInfo
nothing R      GetCallerIdentity GetSessionToken
federated W    GetFederationToken
"""


def _read(service: str, text: str) -> Iterator[tuple[tuple[str, str], Need]]:
    for line in text.strip().splitlines():
        kind, level, *operations = line.split()
        for entry in operations:
            first, _, second = entry.partition("+")
            operation, _, other = first.partition("=")
            actions = [f"{service}:{other or operation}"] + ([f"{service}:{second}"] if second else [])
            yield (service, operation), Need(tuple(actions), kind.replace("-", " "), level)


#: By service and operation.
OPERATIONS: dict[tuple[str, str], Need] = dict(
    [
        *_read("ecr", _ECR),
        *_read("iam", _IAM),
        *_read("kms", _KMS),
        *_read("organizations", _ORGANIZATIONS),
        *_read("secretsmanager", _SECRETS_MANAGER),
        *_read("sts", _STS),
    ]
)
# A password of ECR Public is a bearer token of another service's. Source: ecr-api C.1.
OPERATIONS["ecr-public", "GetAuthorizationToken"] = Need(
    ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"), "any", "R"
)
# Two of ours need the right by which AWS guards the like; accounts are for the default account alone.
OPERATIONS |= {
    ("entrepot", "CreateAccount"): Need(("entrepot:CreateAccount", "organizations:CreateAccount"), "account", "W"),
    ("entrepot", "ListAccounts"): Need(("entrepot:ListAccounts",), "account", "L"),
    ("entrepot", "RevokeSessions"): Need(("entrepot:RevokeSessions",), "user", "W"),
    ("entrepot", "SetProviderKeys"): Need(
        ("entrepot:SetProviderKeys", "iam:UpdateOpenIDConnectProviderThumbprint"), "provider", "P"
    ),
}


def _on(level: str, *operations: str) -> list[Need]:
    return [Need(tuple(f"ecr:{operation}" for operation in operations), "repository", level)]


_LOGGED_IN = [Need((), "nothing", "R")]

#: By method, kind of address and, where it makes a difference, how it is asked: alternatives. Source: ecr-api C.2;
#: deleting a blob is beyond ECR, and needs what deleting an image needs.
ROUTES: dict[tuple[str, str, str], list[Need]] = {
    ("GET", "", ""): _LOGGED_IN,
    ("HEAD", "", ""): _LOGGED_IN,
    ("GET", "_catalog", ""): [Need(("ecr:DescribeRepositories",), "repositories", "L")],
    ("GET", "tags", ""): _on("L", "ListImages"),
    ("GET", "referrers", ""): _on("R", "BatchGetImage"),
    ("HEAD", "manifests", "tag"): _on("R", "BatchGetImage"),
    ("HEAD", "manifests", "digest"): _on("R", "BatchGetImage"),
    ("GET", "manifests", "tag"): _on("R", "BatchGetImage"),
    ("GET", "manifests", "digest"): _on("R", "BatchGetImage"),
    ("PUT", "manifests", "tag"): _on("W", "PutImage"),
    ("PUT", "manifests", "digest"): _on("W", "PutImage"),
    ("DELETE", "manifests", "tag"): _on("W", "BatchDeleteImage"),
    ("DELETE", "manifests", "digest"): _on("W", "BatchDeleteImage"),
    ("HEAD", "blobs", ""): _on("R", "BatchCheckLayerAvailability") + _on("R", "GetDownloadUrlForLayer"),
    ("GET", "blobs", ""): _on("R", "GetDownloadUrlForLayer"),
    ("DELETE", "blobs", ""): _on("W", "BatchDeleteImage"),
    ("POST", "uploads", ""): _on("W", "InitiateLayerUpload"),
    ("POST", "uploads", "mount"): _on("W", "InitiateLayerUpload"),
    ("POST", "uploads", "digest"): _on("W", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"),
    ("PATCH", "upload", ""): _on("W", "UploadLayerPart"),
    ("PUT", "upload", ""): _on("W", "CompleteLayerUpload"),
    ("PUT", "upload", "bytes"): _on("W", "CompleteLayerUpload", "UploadLayerPart"),
    ("GET", "upload", ""): _on("W", "UploadLayerPart"),
    ("DELETE", "upload", ""): _on("W", "InitiateLayerUpload"),
}
