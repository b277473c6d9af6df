"""What all verbs have in common: examples that name the program, exit statuses, one line for each failure."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import click
from click.shell_completion import CompletionItem

from recording_operator.api.masking import MARK, mask_urls
from recording_operator.cells import clean
from recording_operator.kube.errors import (
    ApiUnavailable,
    ConnectionConfigError,
    Forbidden,
    Invalid,
    KubeError,
    Unauthorized,
)
from recording_operator.user_actions.rights import right_of

EXIT_FAILED: Final = 1
EXIT_TIMEOUT: Final = 124
EXIT_INTERRUPTED: Final = 130
_PROGRAM: Final = "PROGRAM"
_LACKS_A_RIGHT: Final = re.compile(r" cannot \w+ resource ")
"""As RBAC says it. A quota or an admission policy responds with 403 too."""
_DENIED: Final = "denied request"
_SENTENCE_CHARS: Final = 200
_QUERY: Final = re.compile(r"(?<=[\w/.%-])\?[^\s\"'<>=]+=[^\s\"'<>]*")
"""The query of a URL without its scheme."""


class Failure(click.ClickException):
    """The verb has failed. The message says what was found, what was expected, and what to do."""

    def __init__(self, message: str, *, status: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.status = status
        self._program = program()  # when the message is printed, the context of the command line is gone

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The exit status."""
        return self.status

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error."""
        click.echo(f"{self._program}: {_cleaned(self.message)}", err=True, file=file)


def note(message: str) -> None:
    """Print a message to standard error, after the name of the program."""
    click.echo(f"{program()}: {_cleaned(message)}", err=True)


def _cleaned(message: str) -> str:
    """The lines of a message without control characters and signatures: a part of it may come from the cluster."""
    return "\n".join(clean(line) for line in _without_signatures(message).split("\n"))


def _without_signatures(message: str) -> str:
    """A message that quotes an argument may quote a presigned URL, or the end of one."""
    return _QUERY.sub(f"?{MARK}", mask_urls(message))


@contextmanager
def _usage_without_signatures() -> Iterator[None]:
    """Errors about arguments quote them."""
    try:
        yield
    except click.UsageError as error:
        error.message = _without_signatures(error.message)  # type: ignore[misc]  # click itself reads it when it prints
        raise


def program() -> str:
    """How the user calls this program: `kubectl recordings` or `recording-operator`."""
    context = click.get_current_context(silent=True)
    return "recording-operator" if context is None else str(context.find_root().info_name)


class _NamesProgram(click.Command):
    """Puts the name of the program into the examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write_text(self.epilog.replace(_PROGRAM, str(ctx.find_root().info_name)))


class Verb(_NamesProgram):
    """A verb. Failures of the API server become one line and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except ConnectionConfigError as error:
            raise Failure(str(error)) from None
        except KubeError as error:
            raise Failure(explained(error)) from None
        except KeyboardInterrupt:
            sys.exit(EXIT_INTERRUPTED)


class VerbGroup(_NamesProgram, click.Group):
    """A group of verbs. An error about an unknown verb names the nearest one."""

    command_class = Verb
    group_class = type

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the verb."""
        with _usage_without_signatures():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        with _usage_without_signatures():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a verb by its name."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs with their whole first sentence, and options."""
        items = super().shell_complete(ctx, incomplete)
        for item in items:
            command = self.commands.get(str(item.value))
            item.help = command.get_short_help_str(_SENTENCE_CHARS) if command else item.help
        return items


def _lacks_a_right(message: str) -> bool:
    """Whether RBAC has rejected a request, or a server that gives no reason."""
    return message.rstrip().endswith(": 403") or (_LACKS_A_RIGHT.search(message) is not None and _DENIED not in message)


def explained(error: KubeError) -> str:
    """A failure of the API server for the person who called."""
    right = right_of(error.method, error.path)
    match error:
        case Forbidden() if right is not None and _lacks_a_right(str(error)):
            return f"You may not {right}. To check your rights: {right.check}"
        case Unauthorized():
            return "The API server does not accept your credentials. Log in again, or choose another --context."
        case ApiUnavailable() if error.status == 0:
            return f"The API server does not respond: {error}. Check --context, the network and --request-timeout."
        case Invalid() if error.problems:
            return f"The API server rejects it. {'; '.join(error.problems)}."
        case _:
            return str(error)
