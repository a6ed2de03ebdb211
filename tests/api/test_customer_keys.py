"""Repositories under keys of customers: made, used, stopped by whoever rules the key, and deleted."""

import itertools
import json

import pytest
import urllib3

from tests.api.test_kms_rights import Person, allow, own, policy
from tests.oci.principals import new_account
from tests.oci.wire import append, begin, finish
from tests.support.api import image, push_layer, refused
from tests.support.server import ACCOUNT, REGION, digest_of

KINDS = ["KMS", "KMS_DSSE"]
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SERVICE = "ecr.amazonaws.com"
VIA = f"ecr.{REGION}.amazonaws.com"
LARGE = b"a layer of more than a row takes " * 4000
NOBODYS = "11111111-2222-4333-8444-555555555555"


class Owner(Person):
    """A user that also asks ECR, as *ecr*."""

    def __init__(self, server, iam, name, *statements):
        super().__init__(server, iam, name, *statements)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        self.ecr = server.aws("ecr", key=(made["AccessKeyId"], made["SecretAccessKey"]))


def arn_of(name, account=ACCOUNT):
    return f"arn:aws:ecr:{REGION}:{account}:repository/{name}"


@pytest.fixture
def key(kms):
    """The ARN of a new key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def faces(ecr, kms):
    """Both services."""
    return ecr, kms


@pytest.fixture
def create(ecr, request):
    """Makes repositories of the test's own under a key; their names."""
    numbers = itertools.count(1)

    def create(key=None, kind="KMS", ecr=ecr):
        name = f"keys/{abs(hash(request.node.nodeid)):x}/{next(numbers)}"
        configuration = {"encryptionType": kind} | ({"kmsKey": key} if key else {})
        ecr.create_repository(repositoryName=name, encryptionConfiguration=configuration)
        return name

    return create


@pytest.fixture
def person(server, iam, request):
    """Makes users with rights of their own, and all of ECR."""
    numbers = itertools.count(1)

    def make(*statements):
        name = f"c{abs(hash(request.node.nodeid)):x}-{next(numbers)}"
        return Owner(server, iam, name, own("ecr:*"), *statements)

    return make


def shown(ecr, name):
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return repository["encryptionConfiguration"]


def grants_of(kms, key):
    return [grant for page in kms.get_paginator("list_grants").paginate(KeyId=key) for grant in page["Grants"]]


# ── made ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_may_be_named_in_any_way_and_is_shown_by_its_arn(faces, create, kind, form):
    ecr, kms = faces
    key = kms.create_key()["KeyMetadata"]
    alias = f"alias/{kind}-{form.replace(' ', '-')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    names = {"id": key["KeyId"], "arn": key["Arn"], "alias": alias}
    names["alias arn"] = f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}"

    name = create(names[form], kind)

    assert shown(ecr, name) == {"encryptionType": kind, "kmsKey": key["Arn"]}


def test_two_grants_let_the_service_in_for_this_repository_alone(kms, key, create):
    name = create(key)

    made = grants_of(kms, key)
    assert len(made) == 2
    for grant in made:
        assert grant["GranteeServicePrincipal"] == grant["RetiringServicePrincipal"] == SERVICE
        assert grant["Constraints"] == {"EncryptionContextSubset": {"aws:ecr:arn": arn_of(name)}}
        assert grant["IssuingAccount"] == ROOT
    operations = sorted(sorted(grant["Operations"]) for grant in made)
    assert operations == [["Decrypt", "DescribeKey", "RetireGrant"], ["DescribeKey", "GenerateDataKey", "RetireGrant"]]


def test_without_a_key_it_is_the_one_that_ecr_keeps_for_the_account(server, create):
    account = new_account(server)
    ecr, kms = server.aws("ecr", key=account.key), server.aws("kms", key=account.key)
    assert kms.list_aliases()["Aliases"] == []

    names = [create(kind=kind, ecr=ecr) for kind in KINDS]

    (alias,) = kms.list_aliases()["Aliases"]
    assert alias["AliasName"] == "alias/aws/ecr"
    metadata = kms.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]
    assert (metadata["KeyManager"], metadata["KeyId"]) == ("AWS", alias["TargetKeyId"])
    assert [shown(ecr, name)["kmsKey"] for name in names] == [metadata["Arn"]] * 2
    assert len(grants_of(kms, metadata["Arn"])) == 4


def test_the_key_of_ecr_is_for_ecr_alone_and_nobody_manages_it(kms, create):
    create()
    key = kms.describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"]
    grant = grants_of(kms, key)[0]["GrantId"]
    context = {"aws:ecr:arn": arn_of("app")}

    for ask in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context),
        lambda: kms.disable_key(KeyId=key),
        lambda: kms.schedule_key_deletion(KeyId=key),
        lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(allow(ROOT, "kms:*"))),
        lambda: kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Decrypt"]),
        lambda: kms.revoke_grant(KeyId=key, GrantId=grant),
    ):
        with refused("AccessDeniedException"):
            ask()


# ── refused ─────────────────────────────────────────────────────────────────────────────────────────


def broken(kms, how):
    """A key with which something is wrong, as one would name it."""
    key = kms.create_key()["KeyMetadata"]["Arn"]
    if how == "disabled":
        kms.disable_key(KeyId=key)
    elif how == "about to be deleted":
        kms.schedule_key_deletion(KeyId=key)
    elif how == "of another region":
        return key.replace(REGION, "eu-west-1")
    return {"of nobody": NOBODYS, "no key": "what?", "an alias of nothing": "alias/nothing"}.get(how, key)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("disabled", "DisabledException"),
        ("about to be deleted", "KMSInvalidStateException"),
        ("of another region", "NotFoundException"),
        ("of nobody", "NotFoundException"),
        ("no key", "NotFoundException"),
        ("an alias of nothing", "NotFoundException"),
    ],
)
def test_a_key_that_does_not_work_is_refused_in_the_words_of_kms(ecr, kms, create, how, error):
    key = broken(kms, how)
    before = len(ecr.describe_repositories()["repositories"])

    with refused("KmsException") as answer:
        create(key)

    assert answer["kmsError"] == error
    with pytest.raises(kms.exceptions.ClientError) as told:
        kms.encrypt(KeyId=key, Plaintext=b"x")
    assert answer["Error"]["Message"] == told.value.response["Error"]["Message"]
    assert len(ecr.describe_repositories()["repositories"]) == before


@pytest.mark.parametrize("missing", ["kms:DescribeKey", "kms:CreateGrant"])
def test_who_makes_a_repository_needs_the_rights_to_look_and_to_grant(kms, key, create, person, missing):
    ada = person(own(*{"kms:DescribeKey", "kms:CreateGrant"} - {missing}))

    with refused("KmsException") as answer:
        create(key, ecr=ada.ecr)

    assert answer["kmsError"] == "AccessDeniedException"
    assert f"is not authorized to perform: {missing} on resource: {key}" in answer["Error"]["Message"]
    assert grants_of(kms, key) == []


def test_rights_may_be_for_what_ecr_asks_for_and_nothing_else(kms, key, create, person):
    via = {"StringEquals": {"kms:ViaService": VIA, "kms:CallerAccount": ACCOUNT}}
    resource = {
        "Bool": {"kms:GrantIsForAWSResource": "true", "aws:ViaAWSService": "true"},
        "StringEquals": {"kms:GranteePrincipal": SERVICE, "kms:GrantConstraintType": "EncryptionContextSubset"},
        "ForAllValues:StringEquals": {
            "kms:GrantOperations": ["GenerateDataKey", "Decrypt", "DescribeKey", "RetireGrant"]
        },
    }
    ada = person(own("kms:DescribeKey", Condition=via), own("kms:CreateGrant", Condition=resource))

    create(key, ecr=ada.ecr)

    for ask in (
        lambda: ada.kms.describe_key(KeyId=key),
        lambda: ada.kms.create_grant(KeyId=key, GranteePrincipal=SERVICE, Operations=["Decrypt"]),
    ):
        with refused("AccessDeniedException"):
            ask()


# ── used ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pushed_on_either_face_is_pulled_on_both(ecr, registry, key, create, kind):
    name = create(key, kind)
    _, text = registry.push_image(name, "one")
    large = registry.push_blob(name, LARGE)
    other = image(ecr, name, "two")
    ecr.put_image(repositoryName=name, imageManifest=other, imageTag="two")
    first = append(registry, begin(registry, name), 0, LARGE)
    both = finish(registry, first.headers["Location"], digest_of(LARGE + LARGE), LARGE)
    push_layer(ecr, name, LARGE[1:] * 50)

    assert both.status == 201
    assert registry("GET", f"/v2/{name}/manifests/one").data == text
    assert registry("GET", f"/v2/{name}/manifests/two").data == other.encode()
    images = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "one"}, {"imageTag": "two"}])["images"]
    assert {each["imageManifest"] for each in images} == {text.decode(), other}
    assert registry("GET", f"/v2/{name}/blobs/{large}").data == LARGE
    assert registry("GET", f"/v2/{name}/blobs/{digest_of(LARGE + LARGE)}").data == LARGE + LARGE
    assert registry("GET", f"/v2/{name}/blobs/{digest_of(LARGE[1:] * 50)}").data == LARGE[1:] * 50
    part = registry("GET", f"/v2/{name}/blobs/{large}", headers={"Range": "bytes=70000-70009"})
    assert (part.status, part.data) == (206, LARGE[70000:70010])
    sizes = {each["imageDigest"]: each["imageSizeInBytes"] for each in pages(ecr, name)}
    assert len(sizes) == 2
    assert min(sizes.values()) > 0


def pages(ecr, name):
    return [
        each
        for page in ecr.get_paginator("describe_images").paginate(repositoryName=name)
        for each in page["imageDetails"]
    ]


def test_a_referrer_has_the_size_of_its_text_and_is_listed(registry, key, create):
    name = create(key)
    digest, _ = registry.push_image(name, "one")
    subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2}
    referrer, text = registry.push_image(name, None, seed=b"referrer", subject=subject)

    (listed,) = registry("GET", f"/v2/{name}/referrers/{digest}").json()["manifests"]

    assert (listed["digest"], listed["size"]) == (referrer, len(text))


def test_bytes_are_shared_where_they_are_sealed_alike_and_nowhere_else(server, registry, kms, key, create):
    """A mount is answered as if there were no such blob."""
    other = kms.create_key()["KeyMetadata"]["Arn"]
    source = create(key)
    digest = registry.push_blob(source, LARGE)

    def mounted(name):
        return registry("POST", f"/v2/{name}/blobs/uploads/?mount={digest}&from={source}").status

    assert mounted(create(key)) == 201
    assert [mounted(create(other)), mounted(create(key, "KMS_DSSE")), mounted(create())] == [202] * 3
    plain = f"{source}/plain"
    server.aws("ecr").create_repository(repositoryName=plain)
    assert mounted(plain) == 202
    assert registry.push_blob(plain, LARGE) == digest
    assert registry("POST", f"/v2/{create(key)}/blobs/uploads/?mount={digest}&from={plain}").status == 202
    sealings = server.sql(f"SELECT DISTINCT sealing FROM blobs WHERE digest = '{digest}'")
    assert (key,) in sealings
    assert (other,) not in sealings


def test_nothing_is_mounted_from_a_repository_that_lost_its_grants(registry, kms, key, create):
    source = create(key)
    digest = registry.push_blob(source, LARGE)
    for grant in grants_of(kms, key):
        kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])

    assert registry("POST", f"/v2/{create(key)}/blobs/uploads/?mount={digest}&from={source}").status == 202


def test_a_mounted_blob_outlives_the_repository_it_came_from(ecr, registry, key, create):
    source, target = create(key), create(key)
    digest = registry.push_blob(source, LARGE)
    assert registry("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from={source}").status == 201

    ecr.delete_repository(repositoryName=source, force=True)

    assert registry("GET", f"/v2/{target}/blobs/{digest}").data == LARGE


# ── stopped ─────────────────────────────────────────────────────────────────────────────────────────


class Use:
    """Everything that may be done with a repository that has an image and an upload under way."""

    def __init__(self, ecr, registry, name):
        self.ecr, self.registry, self.name = ecr, registry, name
        self.digest, self.text = registry.push_image(name, "v1")
        self.layer = registry.push_blob(name, LARGE)
        self.layers = [entry["digest"] for entry in json.loads(self.text)["layers"]]
        self.session = begin(registry, name)
        append(registry, self.session, 0, LARGE)
        self.upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        self.url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=self.layers[0])["downloadUrl"]

    def answers(self):
        """Statuses and error codes of all that the OCI face has, and of an address for one layer."""
        place, face = f"/v2/{self.name}", self.registry
        asked = [
            face("GET", f"{place}/manifests/v1"),
            face("HEAD", f"{place}/manifests/v1"),
            face("GET", f"{place}/manifests/{self.digest}"),
            face("GET", f"{place}/blobs/{self.layers[0]}"),
            face("GET", f"{place}/blobs/{self.layer}"),
            face("HEAD", f"{place}/blobs/{self.layer}"),
            face("PUT", f"{place}/manifests/v2", self.text),
            face("POST", f"{place}/blobs/uploads/?digest={digest_of(b'small')}", b"small"),
            face("POST", f"{place}/blobs/uploads/?digest={digest_of(LARGE)}", LARGE),
            face("POST", f"{place}/blobs/uploads/"),
            urllib3.request("GET", self.url),
        ]
        return [answer.status for answer in asked], [answer.data for answer in asked]

    def calls(self):
        """The calls of ECR that seal or open something."""
        name, upload = self.name, self.upload
        part = {"partFirstByte": 0, "partLastByte": 4, "layerPartBlob": b"small"}
        return [
            lambda: self.ecr.initiate_layer_upload(repositoryName=name),
            lambda: self.ecr.upload_layer_part(repositoryName=name, uploadId=upload, **part),
            lambda: self.ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[self.layer]),
            lambda: self.ecr.put_image(repositoryName=name, imageManifest=self.text.decode(), imageTag="v3"),
        ]


@pytest.fixture
def used(ecr, registry):
    return lambda name: Use(ecr, registry, name)


def stop(kms, key, how):
    """Stop a key; what starts it again, and KMS's word for it."""
    pull, push = sorted(grants_of(kms, key), key=lambda grant: "GenerateDataKey" in grant["Operations"])
    if how == "disabled":
        kms.disable_key(KeyId=key)
        return "DisabledException", lambda: kms.enable_key(KeyId=key)
    if how == "about to be deleted":
        kms.schedule_key_deletion(KeyId=key)
        return "KMSInvalidStateException", lambda: (kms.cancel_key_deletion(KeyId=key), kms.enable_key(KeyId=key))
    if how == "denied by its policy":
        old = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(allow(ROOT, "kms:*"), deny))
        return "AccessDeniedException", lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=old)
    kms.revoke_grant(KeyId=key, GrantId=(pull if how == "without its grant to open" else push)["GrantId"])
    return "AccessDeniedException", None


WAYS = [
    "disabled",
    "about to be deleted",
    "denied by its policy",
    "without its grant to open",
    "without its grant to seal",
]


@pytest.mark.parametrize("how", WAYS)
def test_abuse_63_with_the_next_request_nothing_is_pulled_or_pushed_that_its_key_does_not_open(
    kms, key, create, used, how
):
    """Whether the answer was kept ready or not; two workers answer. It is the next request: nobody waits here."""
    use, other = used(create(key)), used(create())
    ecr, registry = use.ecr, use.registry
    for _ in range(4):
        assert use.answers()[0][:6] == [200] * 6

    error, start = stop(kms, key, how)

    for _ in range(4):
        statuses, bodies = use.answers()
        assert statuses == [403] * len(statuses)
        for body in filter(None, bodies):
            (told,) = json.loads(body)["errors"]
            assert (told["code"], told["detail"]) == ("DENIED", {"kmsError": error})
        assert append(registry, use.session, len(LARGE), b"more").status == 403
        assert finish(registry, use.session, digest_of(LARGE)).status == 403
        for call in use.calls():
            with refused("KmsException") as answer:
                call()
            assert answer["kmsError"] == error
        batch = ecr.batch_get_image(repositoryName=use.name, imageIds=[{"imageTag": "v1"}])
        assert batch["images"] == []
        assert [failure["failureCode"] for failure in batch["failures"]] == ["KmsError"]
    assert other.answers()[0][:6] == [200] * 6
    if start is not None:
        start()
        assert registry("GET", f"/v2/{use.name}/manifests/v1").data == use.text
        assert registry("GET", f"/v2/{use.name}/blobs/{use.layer}").data == LARGE
        assert finish(registry, use.session, digest_of(LARGE)).status == 201


def test_without_its_key_a_repository_is_still_looked_at_and_emptied(ecr, registry, kms, key, create):
    name = create(key)
    registry.push_image(name, "v1")
    digest, _ = registry.push_image(name, "v2", seed=b"two")
    kms.disable_key(KeyId=key)

    assert registry("GET", f"/v2/{name}/tags/list").json()["tags"] == ["v1", "v2"]
    assert len(pages(ecr, name)) == 2
    assert registry("DELETE", f"/v2/{name}/manifests/{digest}").status == 202
    done = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])
    assert done["failures"] == []
    assert pages(ecr, name) == []
    ecr.delete_repository(repositoryName=name)


def test_a_key_of_another_account_stops_when_that_account_says_so(server, registry, create, person):
    owner = new_account(server)
    kms = server.aws("kms", key=owner.key)
    guests = allow(ROOT, "kms:DescribeKey", "kms:CreateGrant", "kms:RetireGrant")
    mine = allow(f"arn:aws:iam::{owner.id}:root", "kms:*")
    key = kms.create_key(Policy=policy(mine, guests))["KeyMetadata"]["Arn"]
    ada = person(own("kms:DescribeKey", "kms:CreateGrant"))
    name = create(key, ecr=ada.ecr)
    digest = registry.push_blob(name, LARGE)

    with refused("KmsException"):
        create(kms.create_key()["KeyMetadata"]["Arn"], ecr=ada.ecr)
    kms.disable_key(KeyId=key)

    assert registry("GET", f"/v2/{name}/blobs/{digest}").status == 403
    kms.enable_key(KeyId=key)
    assert registry("GET", f"/v2/{name}/blobs/{digest}").data == LARGE


# ── deleted ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_repository_that_goes_gives_its_grants_back_and_no_others(ecr, kms, key, create):
    stays, goes = create(key), create(key)

    ecr.delete_repository(repositoryName=goes)

    left = {grant["Constraints"]["EncryptionContextSubset"]["aws:ecr:arn"] for grant in grants_of(kms, key)}
    assert left == {arn_of(stays)}


def test_who_deletes_a_repository_needs_the_right_to_retire_on_a_customers_key(ecr, key, create, person):
    name, managed, ada = create(key), create(), person()

    with refused("KmsException") as answer:
        ada.ecr.delete_repository(repositoryName=name)

    assert answer["kmsError"] == "AccessDeniedException"
    assert shown(ecr, name)["kmsKey"] == key
    ada.allow(own("ecr:*", "kms:RetireGrant"))
    ada.ecr.delete_repository(repositoryName=name)
    ada.allow(own("ecr:*"))
    ada.ecr.delete_repository(repositoryName=managed)


def test_a_repository_without_its_grants_or_its_key_can_be_deleted(ecr, kms, key, create):
    revoked, pending = create(key), create(key)
    for grant in grants_of(kms, key)[:2]:
        kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    ecr.delete_repository(repositoryName=revoked)
    kms.schedule_key_deletion(KeyId=key)

    ecr.delete_repository(repositoryName=pending)

    assert grants_of(kms, key) == []


def test_a_namesake_that_is_made_later_has_a_key_of_its_own(ecr, registry, kms, key, create):
    name = create(key)
    registry.push_image(name, "v1")
    ecr.delete_repository(repositoryName=name, force=True)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    ecr.create_repository(repositoryName=name, encryptionConfiguration={"encryptionType": "KMS", "kmsKey": other})
    kms.disable_key(KeyId=key)

    _, text = registry.push_image(name, "v1")

    assert registry("GET", f"/v2/{name}/manifests/v1").data == text


# ── Terraform ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_aws_ecr_repository_with_encryption_configuration(ecr, key, kind, request):
    """
    The calls of its create, read, update of tags and delete, in their order; a plan after them would be empty.

    Source: hashicorp/terraform-provider-aws, internal/service/ecr/repository.go.
    """
    name = f"terraform/{abs(hash(request.node.nodeid)):x}"
    configuration = {"encryptionType": kind, "kmsKey": key}

    made = ecr.create_repository(
        repositoryName=name,
        imageTagMutability="MUTABLE",
        encryptionConfiguration=configuration,
        tags=[{"Key": "env", "Value": "dev"}],
    )["repository"]

    def read():
        (found,) = ecr.describe_repositories(repositoryNames=[name], registryId=ACCOUNT)["repositories"]
        tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
        return found["encryptionConfiguration"], {tag["Key"]: tag["Value"] for tag in tags}

    assert made["encryptionConfiguration"] == configuration
    assert read() == (configuration, {"env": "dev"})
    ecr.tag_resource(resourceArn=made["repositoryArn"], tags=[{"Key": "env", "Value": "prod"}])
    assert read() == (configuration, {"env": "prod"})
    ecr.delete_repository(repositoryName=name, registryId=ACCOUNT, force=False)
    with refused("RepositoryNotFoundException"):
        read()
