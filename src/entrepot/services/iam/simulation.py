"""The policy simulator, and the condition keys that it wants to know."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from entrepot.call import Call, moves_bytes
from entrepot.identity import simulated
from entrepot.identity.simulation import Result, Setting, Simulation, context_keys
from entrepot.services.iam import paging
from entrepot.services.iam.shapes import Output

# Decisions in one answer, and so how long one call may keep a thread; there may always be another page.
_MOST_DECISIONS = 2000
_ORDER = ("allowed", "implicitDeny", "explicitDeny")


def simulate_custom_policy(
    call: Call,
    *,
    policy_input_list: Sequence[str],
    action_names: Sequence[str],
    permissions_boundary_policy_input_list: Sequence[str] = (),
    ordered_organization_policy_input_list: Sequence[Mapping[str, Any]] = (),
    resource_arns: Sequence[str] = (),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] = (),
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Output:
    """
    What policies that are given would decide. Raises: InputInvalid, InvalidMarker.

    Source: IAM API reference, SimulateCustomPolicy. *resource_handling_option* is about EC2, which is not here.
    """
    levels = [level.get("ServiceControlPolicyInputList", ()) for level in ordered_organization_policy_input_list]

    def setting() -> Setting:
        return simulated.custom(
            call.registry.account,
            policies=policy_input_list,
            boundaries=permissions_boundary_policy_input_list,
            levels=levels,
            resource_policy=resource_policy,
            owner=resource_owner,
            caller_arn=caller_arn,
            context=context_entries,
        )

    return _simulate(call, setting, action_names, resource_arns=resource_arns, marker=marker, max_items=max_items)


def simulate_principal_policy(
    call: Call,
    *,
    policy_source_arn: str,
    action_names: Sequence[str],
    policy_input_list: Sequence[str] = (),
    permissions_boundary_policy_input_list: Sequence[str] = (),
    policy_exclusion_list: Sequence[Mapping[str, Any]] = (),
    resource_arns: Sequence[str] = (),
    resource_policy: str | None = None,
    resource_owner: str | None = None,
    caller_arn: str | None = None,
    context_entries: Sequence[Mapping[str, Any]] = (),
    resource_handling_option: str | None = None,
    max_items: int | None = None,
    marker: str | None = None,
) -> Output:
    """
    What the policies of a user, a group or a role would decide, with others that are given.

    Raises: EntityNotFound, InputInvalid, InvalidMarker.
    Source: IAM API reference, SimulatePrincipalPolicy. What is known of the principal need not be given. Source: ours.
    """

    def setting() -> Setting:
        return simulated.of_principal(
            call.tx,
            call.registry.account,
            policy_source_arn,
            policies=policy_input_list,
            boundaries=permissions_boundary_policy_input_list,
            exclusions=policy_exclusion_list,
            resource_policy=resource_policy,
            owner=resource_owner,
            caller_arn=caller_arn,
            context=context_entries,
        )

    return _simulate(call, setting, action_names, resource_arns=resource_arns, marker=marker, max_items=max_items)


@moves_bytes
def get_context_keys_for_custom_policy(call: Call, *, policy_input_list: Sequence[str]) -> Output:
    """
    The condition keys that policies look at. Raises: InputInvalid.

    The policies may be long, so they are read on a thread of their own.

    Source: IAM API reference, GetContextKeysForCustomPolicy.
    """
    return {"ContextKeyNames": context_keys(simulated.judged(policy_input_list))}


@moves_bytes
def get_context_keys_for_principal_policy(
    call: Call, *, policy_source_arn: str, policy_input_list: Sequence[str] = ()
) -> Output:
    """
    The condition keys that the policies of a user, a group or a role look at. Raises: EntityNotFound, InputInvalid.

    Source: IAM API reference, GetContextKeysForPrincipalPolicy.
    """
    with call.runtime.database.reading() as tx:
        own = simulated.texts_of(tx, call.registry.account, policy_source_arn)
    return {"ContextKeyNames": context_keys([*own, *simulated.judged(policy_input_list)])}


def _simulate(
    call: Call,
    setting: Callable[[], Setting],
    actions: Sequence[str],
    *,
    resource_arns: Sequence[str],
    marker: str | None,
    max_items: int | None,
) -> Output:
    """A page of results, one for each action."""
    simulated.check(actions, resource_arns)
    resources = list(dict.fromkeys(resource_arns)) or ["*"]
    most = max(1, _MOST_DECISIONS // len(resources))
    shown, more = paging.cut(
        call,
        actions,
        resources,
        marker=marker,
        max_items=min(max_items or 100, most),
        items=list(enumerate(actions)),
        key=lambda item: f"{item[0]}",
    )
    simulation = Simulation(setting())
    results = [_result(name, [simulation.ask(name, each) for each in resources]) for _, name in shown]
    return {"EvaluationResults": results, **more}


def _result(action: str, results: Sequence[Result]) -> Output:
    """Shape EvaluationResult: of several resources the most restrictive."""
    single = results[0] if len(results) == 1 else None
    matched = list(dict.fromkeys(each for result in results for each in result.matched))
    organized = [result.organized for result in results if result.organized is not None]
    bounded = [result.bounded for result in results if result.bounded is not None]
    details: dict[str, str] = {}
    for result in results:
        for kind, verdict in (result.details or {}).items():
            details[kind] = max(details.get(kind, "allowed"), verdict, key=_ORDER.index)
    is_any = single is not None and single.resource == "*"
    return {
        "EvalActionName": action,
        "EvalResourceName": single.resource if single else "*",
        "EvalDecision": max((result.verdict for result in results), key=_ORDER.index),
        "MatchedStatements": [_statement(each) for each in matched],
        "MissingContextValues": sorted({key for result in results for key in result.missing}),
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": all(organized)} if organized else None,
        "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": all(bounded)} if bounded else None,
        "EvalDecisionDetails": None if is_any or any(result.details is None for result in results) else details,
        "ResourceSpecificResults": None if is_any else [_specific(result) for result in results],
    }


def _specific(result: Result) -> Output:
    """Shape ResourceSpecificResult."""
    bounded = result.bounded
    return {
        "EvalResourceName": result.resource,
        "EvalResourceDecision": result.verdict,
        "MatchedStatements": [_statement(each) for each in result.matched],
        "MissingContextValues": result.missing,
        "EvalDecisionDetails": result.details or None,
        "PermissionsBoundaryDecisionDetail": None if bounded is None else {"AllowedByPermissionsBoundary": bounded},
    }


def _statement(matched: Any) -> Output:
    return {
        "SourcePolicyId": matched.source,
        "SourcePolicyType": matched.kind,
        "StartPosition": {"Line": matched.start.line, "Column": matched.start.column},
        "EndPosition": {"Line": matched.end.line, "Column": matched.end.column},
    }
