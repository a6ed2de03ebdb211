"""Passwords of users, and the account's rules for them."""

from entrepot.call import Call, moves_bytes
from entrepot.identity import login_profiles, passwords, users
from entrepot.identity.faults import LoginProfileExists, NotAUser, OldPasswordWrong
from entrepot.identity.login_profiles import LoginProfile
from entrepot.identity.passwords import Rules
from entrepot.identity.users import User
from entrepot.services.iam import callers
from entrepot.services.iam.shapes import Output


@moves_bytes  # hashing takes 0.2 s, for which the writer's thread has no time
def create_login_profile(
    call: Call, *, user_name: str | None = None, password: str | None = None, password_reset_required: bool = False
) -> Output:
    """
    Give a user a password.

    Raises: EntityNotFound, NoUserName, LoginProfileExists, PasswordRefused.
    Source: IAM API reference, CreateLoginProfile.
    """
    database = call.runtime.database
    with database.reading() as tx:
        user = callers.user(call.within(tx), user_name)
        if login_profiles.find(tx, user):
            raise LoginProfileExists(name=user.name)
        rules, unlike = _rules(call.within(tx))
    passwords.check(password or "", rules, unlike=unlike)
    kept = passwords.keep(password or "")
    made = database.write(
        lambda tx: login_profiles.create(
            tx, _again(call.within(tx), user), kept=kept, reset_required=password_reset_required
        )
    )
    return {"LoginProfile": _profile(user, made)}


def get_login_profile(call: Call, *, user_name: str | None = None) -> Output:
    """
    That a user has a password, and since when. Raises: EntityNotFound, NoUserName, LoginProfileNotFound.

    Source: IAM API reference, GetLoginProfile.
    """
    user = callers.user(call, user_name)
    return {"LoginProfile": _profile(user, login_profiles.get(call.tx, user))}


@moves_bytes  # hashing takes 0.2 s, for which the writer's thread has no time
def update_login_profile(
    call: Call, *, user_name: str, password: str | None = None, password_reset_required: bool | None = None
) -> Output:
    """
    Give a user another password, or have it choose one. Raises: EntityNotFound, LoginProfileNotFound, PasswordRefused.

    Source: IAM API reference, UpdateLoginProfile.
    """
    database = call.runtime.database
    with database.reading() as tx:
        user = callers.user(call.within(tx), user_name)
        profile = login_profiles.get(tx, user)
        rules, unlike = _rules(call.within(tx))
    kept = None if password is None else _changed(password, profile, rules, unlike=unlike)
    database.write(
        lambda tx: login_profiles.change(
            tx, _again(call.within(tx), user), seen=profile, kept=kept, reset_required=password_reset_required
        )
    )
    return {}


def delete_login_profile(call: Call, *, user_name: str | None = None) -> Output:
    """
    Take a user's password away; its access keys stay. Raises: EntityNotFound, NoUserName, LoginProfileNotFound.

    Source: IAM API reference, DeleteLoginProfile.
    """
    login_profiles.remove(call.tx, callers.user(call, user_name))
    return {}


@moves_bytes  # hashing takes 0.2 s, for which the writer's thread has no time
def change_password(call: Call, *, old_password: str, new_password: str) -> Output:
    """
    The caller's own password, by the caller: where the account's rules let its users, no other right is needed.

    Raises: AccessDenied, NotAUser, LoginProfileNotFound, OldPasswordWrong, PasswordRefused.
    Source: IAM API reference, ChangePassword.
    """
    if call.principal.kind != "user":
        raise NotAUser
    database = call.runtime.database
    with database.reading() as tx:
        user = callers.user(call.within(tx), None)
        rules, unlike = _rules(call.within(tx))
        _check_may_change(call, rules)
        profile = login_profiles.get(tx, user)
    if not passwords.is_current(old_password, profile.kept):
        raise OldPasswordWrong
    kept = _changed(new_password, profile, rules, unlike=unlike)
    database.write(
        lambda tx: login_profiles.change(
            tx, _again(call.within(tx), user), seen=profile, kept=kept, reset_required=False
        )
    )
    return {}


def get_account_password_policy(call: Call) -> Output:
    """
    The account's own rules for passwords. Raises: PasswordPolicyNotFound.

    Source: IAM API reference, GetAccountPasswordPolicy.
    """
    rules = login_profiles.get_rules(call.tx, call.registry.account)
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": rules.minimum_password_length,
            "RequireSymbols": rules.require_symbols,
            "RequireNumbers": rules.require_numbers,
            "RequireUppercaseCharacters": rules.require_uppercase_characters,
            "RequireLowercaseCharacters": rules.require_lowercase_characters,
            "AllowUsersToChangePassword": rules.allow_users_to_change_password,
            "ExpirePasswords": rules.max_password_age is not None,
            "MaxPasswordAge": rules.max_password_age,
            "PasswordReusePrevention": rules.password_reuse_prevention,
            "HardExpiry": rules.hard_expiry,
        }
    }


def update_account_password_policy(
    call: Call,
    *,
    minimum_password_length: int = 6,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int | None = None,
    password_reuse_prevention: int | None = None,
    hard_expiry: bool | None = None,
) -> Output:
    """
    Set the account's rules for passwords; what is left out gets its default.

    Source: IAM API reference, UpdateAccountPasswordPolicy.
    """
    rules = Rules(
        minimum_password_length,
        require_symbols,
        require_numbers,
        require_uppercase_characters,
        require_lowercase_characters,
        allow_users_to_change_password,
        max_password_age,
        password_reuse_prevention,
        hard_expiry,
    )
    login_profiles.put_rules(call.tx, call.registry.account, rules)
    return {}


def delete_account_password_policy(call: Call) -> Output:
    """
    Go back to AWS's usual rules. Raises: PasswordPolicyNotFoundToDelete.

    Source: IAM API reference, DeleteAccountPasswordPolicy.
    """
    login_profiles.remove_rules(call.tx, call.registry.account)
    return {}


def _check_may_change(call: Call, rules: Rules | None) -> None:
    """Raises: AccessDenied."""
    asked = call.principal, call.action, call.principal.arn
    decision = call.directory.decide(*asked, facts=call.facts)
    if decision.outcome == "ExplicitlyDenied" or not (rules and rules.allow_users_to_change_password):
        call.directory.authorize(*asked, facts=call.facts)


def _rules(call: Call) -> tuple[Rules | None, tuple[str, ...]]:
    """The account's rules for passwords, and what no password may be."""
    account = call.registry.account
    return login_profiles.rules_of(call.tx, account), login_profiles.names_of_account(call.tx, account)


def _changed(password: str, profile: LoginProfile, rules: Rules | None, *, unlike: tuple[str, ...]) -> str:
    passwords.check(password, rules, unlike=unlike)
    unlike_last = (rules.password_reuse_prevention or 0) if rules else 0
    return passwords.keep(password, before=profile.kept, unlike_last=unlike_last)


def _again(call: Call, user: User) -> User:
    """The user, if it is still there when the password is written. Raises: EntityNotFound."""
    return users.get(call.tx, user.account, name=user.name)


def _profile(user: User, profile: LoginProfile) -> Output:
    return {
        "UserName": user.name,
        "CreateDate": profile.created_at,
        "PasswordResetRequired": profile.reset_required,
    }
