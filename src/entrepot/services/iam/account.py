"""An account as a whole: its aliases, its summary, its report of credentials."""

from entrepot.call import Call, moves_bytes
from entrepot.identity import aliases, credential_report, summary
from entrepot.services.iam.paging import cut
from entrepot.services.iam.shapes import Output


def create_account_alias(call: Call, *, account_alias: str) -> Output:
    """
    Give the account its alias, in place of the one that it had. Raises: AliasTaken.

    Source: IAM API reference, CreateAccountAlias.
    """
    aliases.put(call.tx, call.registry.account, account_alias)
    return {}


def delete_account_alias(call: Call, *, account_alias: str) -> Output:
    """
    Take the account's alias away. Raises: AliasNotFound.

    Source: IAM API reference, DeleteAccountAlias.
    """
    aliases.remove(call.tx, call.registry.account, account_alias)
    return {}


def list_account_aliases(call: Call, *, marker: str | None = None, max_items: int | None = None) -> Output:
    """
    The account's alias, if it has one. Raises: InvalidMarker.

    Source: IAM API reference, ListAccountAliases.
    """
    alias = aliases.find(call.tx, call.registry.account)
    shown, more = cut(call, marker=marker, max_items=max_items, items=[alias] if alias else [], key=str)
    return {"AccountAliases": shown, **more}


def get_account_summary(call: Call) -> Output:
    """
    How much of everything the account has, and may have.

    Source: IAM API reference, GetAccountSummary.
    """
    return {"SummaryMap": summary.of_account(call.tx, call.registry.account)}


@moves_bytes  # a statement or two for each of 5,000 users
def generate_credential_report(call: Call) -> Output:
    """
    Make a report, unless there is one of the last four hours.

    Source: IAM API reference, GenerateCredentialReport.
    """
    database, account = call.runtime.database, call.registry.account
    with database.reading() as tx:
        last = credential_report.find(tx, account)
        if last and last.is_fresh:
            return {"State": "COMPLETE"}
        report = credential_report.make(tx, account)
    database.write(lambda tx: credential_report.put(tx, account, report))
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


def get_credential_report(call: Call) -> Output:
    """
    The report that was made last. Raises: ReportNotPresent, ReportExpired.

    Source: IAM API reference, GetCredentialReport.
    """
    report = credential_report.get(call.tx, call.registry.account)
    return {"Content": report.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": report.made_at}
