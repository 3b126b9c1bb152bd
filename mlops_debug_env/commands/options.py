"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mlops_debug_env.version import VERSION

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Context settings of a command group; its commands inherit them."""


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"mlops-debug {VERSION}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
]


def group_options(version: VersionOption = False) -> None:
    """Options of ``mlops-debug`` itself."""


_MODEL_PANEL = "Options of the agent llm"

UrlOption = Annotated[str, typer.Option("--url", envvar="MLOPS_DEBUG_URL", help="Address of the server.")]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="MLOPS_DEBUG_API_KEY", help="Key for a server that asks for one.")
]
ConcurrencyOption = Annotated[int, typer.Option("--concurrency", min=1, max=2000, help="Most episodes in flight.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        help="Who plays: a shipped agent, llm, or a class of yours as module:Class or path/to/file.py:Class. Default: heuristic.",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder of the run. Default: runs/<run id>.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
AbandonOption = Annotated[
    bool,
    typer.Option(
        "--abandon",
        help="Play nothing: end the episodes that the run in --out has left open on the server, with the lowest score.",
    ),
]

ModelOption = Annotated[
    str | None, typer.Option("--model", help="Name of the model, for the agent llm. Default: MODEL_NAME.")
]
BaseUrlOption = Annotated[
    str | None, typer.Option("--base-url", help="Of the model's endpoint.", rich_help_panel=_MODEL_PANEL)
]
ToolModeOption = Annotated[
    Literal["auto", "tools", "json"] | None,
    typer.Option("--tool-mode", help="How the model acts.", rich_help_panel=_MODEL_PANEL),
]
ContextTokensOption = Annotated[
    int | None,
    typer.Option(
        "--context-tokens",
        min=2000,
        help="Bound on the messages of a call. Default: 16000.",
        rich_help_panel=_MODEL_PANEL,
    ),
]
MaxOutputTokensOption = Annotated[
    int | None,
    typer.Option(
        "--max-output-tokens", min=16, help="Bound on one answer. Default: 2048.", rich_help_panel=_MODEL_PANEL
    ),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option("--temperature", min=0.0, help="Default: the model's own.", rich_help_panel=_MODEL_PANEL),
]
RequestsPerMinuteOption = Annotated[
    int | None,
    typer.Option("--requests-per-minute", min=1, help="Of all episodes together.", rich_help_panel=_MODEL_PANEL),
]
TokensPerMinuteOption = Annotated[
    int | None, typer.Option("--tokens-per-minute", min=1, help="The same.", rich_help_panel=_MODEL_PANEL)
]
BudgetTokensOption = Annotated[
    int | None,
    typer.Option("--budget-tokens", min=1, help="Of the run, resumed ones included.", rich_help_panel=_MODEL_PANEL),
]
BudgetUsdOption = Annotated[
    float | None,
    typer.Option("--budget-usd", min=0.0, help="The same; needs --prices.", rich_help_panel=_MODEL_PANEL),
]
BudgetSecondsOption = Annotated[
    float | None, typer.Option("--budget-seconds", min=0.0, help="Of this go.", rich_help_panel=_MODEL_PANEL)
]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", help="JSON table of prices.", rich_help_panel=_MODEL_PANEL)
]
InputPriceOption = Annotated[
    float | None,
    typer.Option(
        "--input-price",
        min=0.0,
        help="Dollars for a million tokens of input; comes before all other prices.",
        rich_help_panel=_MODEL_PANEL,
    ),
]
OutputPriceOption = Annotated[
    float | None,
    typer.Option("--output-price", min=0.0, help="The same of output.", rich_help_panel=_MODEL_PANEL),
]
CachedInputPriceOption = Annotated[
    float | None,
    typer.Option(
        "--cached-input-price",
        min=0.0,
        help="The same of input that the endpoint had in its cache. Default: that of input.",
        rich_help_panel=_MODEL_PANEL,
    ),
]
ReasoningEffortOption = Annotated[
    str | None,
    typer.Option(
        "--reasoning-effort", help="Such as low or high. Default: the model's own.", rich_help_panel=_MODEL_PANEL
    ),
]
ExtraBodyOption = Annotated[
    str | None,
    typer.Option(
        "--extra-body",
        help="JSON object with further members of each request, such as '{\"top_p\": 0.9}'. Written to run.json.",
        rich_help_panel=_MODEL_PANEL,
    ),
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        help="Further header of each request to the model, as 'Name: value'; may be repeated. Written nowhere.",
        rich_help_panel=_MODEL_PANEL,
    ),
]
RequestTimeoutOption = Annotated[
    float, typer.Option("--request-timeout", min=0.1, help="Seconds for one answer.", rich_help_panel=_MODEL_PANEL)
]
