"""JMESPath expressions that tenants write, evaluated on payloads that others write.

The library evaluates anything to the end: `[@,@][]|[@,@][]|…` would double a list with every step. Here an evaluation
has a budget of steps, which all expressions of a delivery can share. Lists and objects cannot be compared or turned
into text, which takes exponential time if they contain each other repeatedly.
"""

from collections.abc import Callable, Iterable, Iterator
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


class StepBudget:
    """The steps that evaluations may still take together."""

    def __init__(self) -> None:
        self._left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        """Count steps. Raises _TooExpensiveError."""
        self._left -= steps
        if self._left < 0:
            raise _TooExpensiveError

    @property
    def is_spent(self) -> bool:
        """Whether an evaluation has failed because nothing was left."""
        return self._left < 0


def check(expression: str) -> None:
    """Raises ValueError if the expression does not parse. The message says where."""
    _compiled(expression)


def search(expression: str, payload: object, budget: StepBudget | None = None) -> Any:
    """What the expression yields; None if that is nothing, or if it fails on this payload or the budget is spent.

    Raises ValueError if the expression does not parse.
    """
    compiled = _compiled(expression)
    try:
        return _Interpreter(budget or StepBudget()).visit(compiled, payload)
    except (JMESPathError, _TooExpensiveError, RecursionError, ValueError, TypeError, OverflowError):
        return None


def evaluate(expression: str, payload: object) -> str | None:
    """The text or integer that the expression yields, as text; None for anything else, and for an empty text.

    Raises ValueError if the expression does not parse.
    """
    return text_of(search(expression, payload))


def text_of(found: object) -> str | None:
    """What an expression has yielded, as text, if it is a text or an integer."""
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

    def __init__(self, budget: StepBudget) -> None:
        super().__init__(visitor.Options(custom_functions=_Functions(self)))
        self.spend = budget.spend

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
            self._interpreter.spend(_cost(argument))
        compared = {"to_string": arguments[:1], "contains": arguments[1:]}.get(function_name, [])
        if any(isinstance(argument, list | dict) for argument in compared):
            raise _TooExpensiveError
        return self._interpreter.bounded(super().call_function(function_name, arguments))

    def _create_key_func(self, *arguments: Any) -> Callable[[Any], Any]:
        """The key of `sort_by` and the like: long texts take long to compare."""
        key_of: Callable[[Any], Any] = super()._create_key_func(*arguments)  # type: ignore[misc]

        def key(element: Any) -> Any:
            found = key_of(element)
            self._interpreter.spend(_cost(found))
            return found

        return key


def _cost(argument: Any) -> int:
    """Steps for an argument. A list may contain the same long text often: `join` would copy, `sort` compare each."""
    if not isinstance(argument, str | list | dict):
        return 1
    texts = sum(len(element) for element in argument if isinstance(element, str)) if isinstance(argument, list) else 0
    return len(argument) // 10 + texts // 100
