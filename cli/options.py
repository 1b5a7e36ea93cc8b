"""Options that many verbs share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one object a line.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no messages, only data and errors.")]
