"""Rules about a field that holds a URL. They are on its parent: the message of a rule on the URL would contain it."""

from typing import Final

from recording_operator.api.cel import Rule

_SCHEME: Final = "^[hH][tT][tT][pP][sS]?://"
_USER_INFO: Final = "[^/?#]*@"
_HOST: Final = "([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#]|$)"
# What resolvers read as an IPv4 address: the last label is a number, in any base. (Each character of a pattern costs.)
_NUMERIC_HOST: Final = "^[^:]*://([^/?#:]*[.])?(0[xX][0-9A-Fa-f]*|[0-9]+)[.]?([:/?#]|$)"
_NUMBER: Final = "(0|[1-9][0-9]{0,2})"
_IPV4_HOST: Final = f"^[^:]*://({_NUMBER}[.]){{3}}{_NUMBER}([:/?#]|$)"


def url_rules(field: str, *, instead_of_user: str) -> tuple[Rule, ...]:
    """The rules of an optional field with a URL. `instead_of_user` says where credentials belong."""
    url = f"self.{field}"

    def checked(rule: str, message: str) -> Rule:
        return Rule(rule=f"!has({url}) || {rule}", message=message, field_path=f".{field}")

    return (
        checked(
            f"{url}.matches('^[!-~]*$')",
            "must not contain spaces, control characters or letters outside ASCII; percent-encode them",
        ),
        checked(
            f"!{url}.matches('^[!-~]*$') || {url}.contains('#') || (isURL({url})"
            f" && {url}.matches('{_SCHEME}({_USER_INFO})?{_HOST}')"
            f" && (url({url}).getPort() == '' || int(url({url}).getPort()) <= 65535))",
            "must be an absolute http or https URL such as https://host/path",
        ),
        checked(
            f"!{url}.matches('{_NUMERIC_HOST}') || {url}.matches('{_IPV4_HOST}')",
            "must contain a host name, or an address of four decimal numbers such as 203.0.113.7",
        ),
        checked(
            f"!{url}.matches('{_SCHEME}{_USER_INFO}')", f"must not contain a user name or password; {instead_of_user}"
        ),
        checked(f"!{url}.contains('#')", "must not contain a fragment ('#…'), which is never sent to a server"),
    )
