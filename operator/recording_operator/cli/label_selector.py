"""The type of `-l` where a verb changes what it selects, or waits for it."""

from typing import Any

import click


class LabelsParameter(click.ParamType[str]):
    """Labels as the API server reads them. Blanks are refused: they would select everything."""

    name = "labels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Cut off the blanks around it."""
        selector = str(value).strip()
        if not selector:
            self.fail("It is empty, and would select all Recordings. Write labels, such as team=sales.", param, ctx)
        return selector
