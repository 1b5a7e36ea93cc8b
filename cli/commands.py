"""A Typer group over the table of verbs that imports only the module of the verb that was chosen."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from inspect import cleandoc
from typing import Any, Final

import typer
from typer._click.core import Command, Context  # the pinned Typer has click inside, under no public name
from typer._click.formatting import HelpFormatter
from typer._click.shell_completion import CompletionItem
from typer.core import TyperGroup

from cli.verbs import VERBS, Group, Table, Verb

_EXAMPLES: Final = "\nExamples:\n"


class _Commands(MutableMapping[str, Command]):
    """Commands of a table, built when they are asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._built: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._built:
            self._built[name] = build(name, self._table[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Command) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class LazyGroup(TyperGroup):
    """A group over a table; `aster` itself is the one over `VERBS`."""

    table: Table = VERBS

    def __init__(self, *, table: Table = VERBS, **settings: Any) -> None:  # noqa: ANN401  Typer's own
        super().__init__(**settings)
        self.table = table
        self.commands = _Commands(table)

    def list_commands(self, ctx: Context) -> list[str]:
        """The names, without building anything."""
        return list(self.table)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """One line for each verb, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """Names that begin so, from the table."""
        return [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.table.items()
            if name.startswith(incomplete)
        ] + super(TyperGroup, self).shell_complete(ctx, incomplete)


def build(name: str, entry: Verb | Group) -> Command:
    """The command of one entry of the table; of a group none of its verbs is built yet."""
    if isinstance(entry, Group):
        return LazyGroup(
            name=name, help=entry.summary, no_args_is_help=True, table=entry.verbs, rich_markup_mode=None
        )
    function = getattr(import_module(entry.module), entry.function)
    text, _, examples = cleandoc(function.__doc__ or "").partition(_EXAMPLES)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, help=text, epilog=_verbatim(examples))(function)
    return typer.main.get_command(app)


def _verbatim(examples: str) -> str | None:
    """The examples so that the help does not wrap them (``\\b``)."""
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines) if lines else None
