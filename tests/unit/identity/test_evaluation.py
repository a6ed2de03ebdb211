"""The one door: everything in one's own account, nothing elsewhere."""

import pytest

from entrepot.errors import AccessDenied
from entrepot.identity.evaluation import authorize
from entrepot.identity.principals import root_of, user_of

ANN = user_of("123456789012", user_id="AIDA1", path="/", name="ann")


@pytest.mark.parametrize("principal", [ANN, root_of("123456789012")])
@pytest.mark.parametrize("resource", ["*", "arn:aws:ecr:us-east-1:123456789012:repository/a/b:c"])
def test_everything_in_ones_own_account_is_allowed(principal, resource):
    authorize(principal, "ecr:PutImage", resource)


def test_another_account_is_refused_in_the_words_of_ecr():
    """Source: ecr-api C.4, cross-account: "because no resource-based policy allows the ecr:X action"."""
    with pytest.raises(AccessDenied) as refused:
        authorize(ANN, "ecr:PutImage", "arn:aws:ecr:us-east-1:210987654321:repository/app")

    assert str(refused.value) == (
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: ecr:PutImage "
        "on resource: arn:aws:ecr:us-east-1:210987654321:repository/app "
        "because no resource-based policy allows the ecr:PutImage action"
    )


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "**",
        "123456789012",
        "arn:aws:ecr:us-east-1::repository/x",
        "arn:aws:ecr:123456789012:1:x",
        "a:b:c:d:123456789012:x",
    ],
)
def test_what_names_no_account_is_nobodys(resource):
    with pytest.raises(AccessDenied):
        authorize(ANN, "ecr:PutImage", resource)
