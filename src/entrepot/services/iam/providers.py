"""Providers of OpenID Connect, whose tokens may stand for a role."""

from collections.abc import Mapping, Sequence

from entrepot.call import Call
from entrepot.identity import entity_tags, providers
from entrepot.identity.providers import Provider
from entrepot.services.iam import shapes
from entrepot.services.iam.shapes import Output


def create_open_id_connect_provider(
    call: Call,
    *,
    url: str,
    client_id_list: Sequence[str] = (),
    thumbprint_list: Sequence[str] = (),
    tags: Sequence[Mapping[str, str]] = (),
) -> Output:
    """
    Register a provider.

    Raises: InvalidProviderUrl, ProviderExists, QuotaExceeded, TooManyThumbprints, and what tags raise.
    Source: IAM API reference, CreateOpenIDConnectProvider.
    """
    made = providers.create(
        call.tx,
        call.registry.account,
        url=url,
        client_ids=client_id_list,
        thumbprints=thumbprint_list,
        tags=shapes.tags_in(tags),
    )
    return {"OpenIDConnectProviderArn": made.arn, "Tags": list(tags) or None}


def get_open_id_connect_provider(call: Call, *, open_id_connect_provider_arn: str) -> Output:
    """
    A provider. Raises: ProviderNotFound.

    Source: IAM API reference, GetOpenIDConnectProvider.
    """
    found = _provider(call, open_id_connect_provider_arn)
    return {
        "Url": found.url,
        "ClientIDList": list(found.client_ids),
        "ThumbprintList": list(found.thumbprints),
        "CreateDate": found.created_at,
        "Tags": shapes.tags_of(call.tx, found.arn) or [],
    }


def list_open_id_connect_providers(call: Call) -> Output:
    """
    The ARNs of all providers of the account.

    Source: IAM API reference, ListOpenIDConnectProviders.
    """
    found = providers.of_account(call.tx, call.registry.account)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}


def delete_open_id_connect_provider(call: Call, *, open_id_connect_provider_arn: str) -> Output:
    """
    Delete a provider: its tokens count no more. One that is not there is nothing to delete.

    Source: IAM API reference, DeleteOpenIDConnectProvider.
    """
    found = providers.find(call.tx, open_id_connect_provider_arn)
    if found is not None and found.account == call.registry.account:
        providers.remove(call.tx, found)
    return {}


def tag_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, tags: Sequence[Mapping[str, str]]
) -> Output:
    """
    Put tags on a provider; those of other keys stay. Raises: ProviderNotFound, and what tags raise.

    Source: IAM API reference, TagOpenIDConnectProvider.
    """
    entity_tags.tag(call.tx, _provider(call, open_id_connect_provider_arn).arn, shapes.tags_in(tags))
    return {}


def untag_open_id_connect_provider(call: Call, *, open_id_connect_provider_arn: str, tag_keys: Sequence[str]) -> Output:
    """
    Take tags off a provider. Raises: ProviderNotFound.

    Source: IAM API reference, UntagOpenIDConnectProvider.
    """
    entity_tags.untag(call.tx, _provider(call, open_id_connect_provider_arn).arn, tag_keys)
    return {}


def list_open_id_connect_provider_tags(
    call: Call, *, open_id_connect_provider_arn: str, marker: str | None = None, max_items: int | None = None
) -> Output:
    """
    The tags of a provider. Raises: ProviderNotFound, InvalidMarker.

    Source: IAM API reference, ListOpenIDConnectProviderTags.
    """
    return shapes.page_of_tags(call, _provider(call, open_id_connect_provider_arn).arn, marker, max_items)


def add_client_id_to_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> Output:
    """
    Let tokens for one more client count. Raises: ProviderNotFound, QuotaExceeded.

    Source: IAM API reference, AddClientIDToOpenIDConnectProvider.
    """
    providers.add_client(call.tx, _provider(call, open_id_connect_provider_arn), client_id)
    return {}


def remove_client_id_from_open_id_connect_provider(
    call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> Output:
    """
    Let tokens for a client count no more; one that is not there is nothing to remove. Raises: ProviderNotFound.

    Source: IAM API reference, RemoveClientIDFromOpenIDConnectProvider.
    """
    providers.remove_client(call.tx, _provider(call, open_id_connect_provider_arn), client_id)
    return {}


def update_open_id_connect_provider_thumbprint(
    call: Call, *, open_id_connect_provider_arn: str, thumbprint_list: Sequence[str]
) -> Output:
    """
    Replace the thumbprints of a provider's certificates. Raises: ProviderNotFound, NoThumbprints, TooManyThumbprints.

    Source: IAM API reference, UpdateOpenIDConnectProviderThumbprint.
    """
    providers.replace_thumbprints(call.tx, _provider(call, open_id_connect_provider_arn), thumbprint_list)
    return {}


def _provider(call: Call, arn: str) -> Provider:
    return providers.get(call.tx, call.registry.account, arn)
