"""What shells read to complete a command line."""

from typing import Final

import click
from click.shell_completion import get_completion_class

MARK: Final = "# Written by `completion install`; replaced by the next one."
KUBECTL_COMPLETE: Final = f"""\
#!/bin/sh
{MARK}
# kubectl calls this file to complete `kubectl recordings`.
exec kubectl-recordings __complete "$@"
"""
_LOADS_KUBECTL: Final = {
    "bash": """\
# kubectl completes its plugins. This loads its completion, unless that is loaded.
declare -F __start_kubectl >/dev/null || source <(kubectl completion bash)
""",
    "zsh": """\
# kubectl completes its plugins. This loads its completion, unless that is loaded.
(( $+functions[__kubectl_debug] )) || source <(kubectl completion zsh)
""",
    "fish": """\
# kubectl completes its plugins. This loads its completion, unless that is loaded.
functions -q __kubectl_perform_completion; or kubectl completion fish | source
""",
}
_KUBECTL_AS_FUNCTION: Final = """\
#compdef kubectl
source <(kubectl completion zsh)
_kubectl "$@"
"""


def script(shell: str, *, root: click.Command, program: str) -> str:
    """What `completion SHELL` prints: for the program itself, or what lets kubectl complete its plugin."""
    if program.startswith("kubectl "):
        return _LOADS_KUBECTL[shell]
    return _of_program(shell, root=root, program=program)


def file_content(shell: str, *, root: click.Command, program: str) -> str:
    """The same as a file that the shell loads by its name. zsh calls it as a function."""
    if not program.startswith("kubectl "):
        head, _, rest = _of_program(shell, root=root, program=program).partition("\n")
        return f"{head}\n{MARK}\n{rest}"
    if shell == "zsh":
        head, _, rest = _KUBECTL_AS_FUNCTION.partition("\n")
        return f"{head}\n{MARK}\n{rest}"
    return f"{MARK}\n{_LOADS_KUBECTL[shell]}"


def _of_program(shell: str, *, root: click.Command, program: str) -> str:
    of_shell = get_completion_class(shell)
    if of_shell is None:
        raise AssertionError(shell)
    variable = f"_{program.replace('-', '_')}_COMPLETE".upper()
    return of_shell(root, {}, program, variable).source()
