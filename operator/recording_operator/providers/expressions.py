"""JMESPath expressions that tenants write, evaluated on payloads that others write.

The library evaluates anything to the end: `[@,@][]|[@,@][]|…` would double a list with every step. Here an evaluation
has a budget of steps, and lists and objects cannot be compared or turned into text, which takes exponential time if
they contain each other repeatedly.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from jmespath import parser, visitor
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

MOST_EXPRESSION_CHARS: Final = 1024
_MOST_STEPS: Final = 100_000
_MOST_ELEMENTS: Final = 10_000
"""Elements of a list that an expression makes."""
_MOST_TEXT_CHARS: Final = 64 * 2**10
"""Length of a text that an expression makes."""
_CHARS_IN_MESSAGE: Final = 200


class _TooExpensiveError(Exception):
    """The evaluation takes too many steps, or its result is too large."""


def check(expression: str) -> None:
    """Raises ValueError if the expression does not parse. The message says where."""
    _compiled(expression)


def search(expression: str, payload: object) -> Any:
    """What the expression yields; None if that is nothing, or if it fails on this payload.

    Raises ValueError if the expression does not parse.
    """
    compiled = _compiled(expression)
    try:
        return _Interpreter().visit(compiled, payload)
    except (JMESPathError, _TooExpensiveError, RecursionError, ValueError, TypeError, OverflowError):
        return None


def evaluate(expression: str, payload: object) -> str | None:
    """The text or integer that the expression yields, as text; None for anything else, and for an empty text.

    Raises ValueError if the expression does not parse.
    """
    found = search(expression, payload)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


@lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    if len(expression) > MOST_EXPRESSION_CHARS:
        raise ValueError(f"the expression has more than {MOST_EXPRESSION_CHARS} characters")
    try:
        compiled = parser.Parser().parse(expression).parsed
        unknown = sorted(set(_functions(compiled)) - Functions.FUNCTION_TABLE.keys())
    except RecursionError:
        raise ValueError("the expression is nested too deeply") from None
    except (JMESPathError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:_CHARS_IN_MESSAGE]
        raise ValueError(f"it is not a JMESPath expression: {said}") from None
    if unknown:
        raise ValueError(f"JMESPath has no function {unknown[0]}")
    return compiled


def _functions(node: Any) -> Iterator[str]:
    """Names of the functions that the expression calls. The library would report unknown ones when it calls them."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _functions(child)


class _Interpreter(visitor.TreeInterpreter):
    """Evaluates one expression once."""

    def __init__(self) -> None:
        super().__init__(visitor.Options(custom_functions=_Functions(self)))
        self._steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate one node."""
        self.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Evaluate `[]`."""
        return self.bounded(super().visit_flatten(node, value))

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Evaluate `==`, `<` and so on."""
        operands = [self.visit(child, value) for child in node["children"]]
        if any(isinstance(operand, list | dict) for operand in operands):
            return None
        self.spend(sum(len(operand) for operand in operands if isinstance(operand, str)) // 100)
        compared: Any = dict(node)
        compared["children"] = [{"type": "literal", "value": operand, "children": []} for operand in operands]
        return super().visit_comparator(compared, value)

    def spend(self, steps: int) -> None:
        """Count steps. Raises _TooExpensiveError."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise _TooExpensiveError

    def bounded(self, result: Any) -> Any:
        """`result` if it is small enough. Raises _TooExpensiveError."""
        most = _MOST_TEXT_CHARS if isinstance(result, str) else _MOST_ELEMENTS
        if isinstance(result, str | list | dict) and len(result) > most:
            raise _TooExpensiveError
        return result


class _Functions(Functions):
    """The functions of JMESPath, except on what would take too long."""

    def __init__(self, interpreter: _Interpreter) -> None:
        self._interpreter = interpreter

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        """Call one function."""
        arguments = list(resolved_args)
        for argument in arguments:
            self._interpreter.spend(len(argument) // 10 if isinstance(argument, str | list | dict) else 1)
        compared = {"to_string": arguments[:1], "contains": arguments[1:]}.get(function_name, [])
        if any(isinstance(argument, list | dict) for argument in compared):
            raise _TooExpensiveError
        return self._interpreter.bounded(super().call_function(function_name, arguments))
