"""The options that ``run`` and ``compete`` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mlops_debug_env.commands.model_settings import extra_body, header, price
from mlops_debug_env.commands.options import ApiKeyOption, JsonOption, UrlOption

if TYPE_CHECKING:
    from mlops_debug_env.runner.model_options import ModelOptions

_LLM_PANEL = "Options of the agent llm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions:
    """Who plays, where, and into which folder."""

    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            help="Who plays: a shipped agent, llm, or a class of yours as module:Class or path/to/file.py:Class. Default: heuristic.",
        ),
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", help="Name of the model, for the agent llm. Default: MODEL_NAME.")
    ] = None
    url: UrlOption = "http://127.0.0.1:7860"
    api_key: ApiKeyOption = None
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the run. Default: runs/<run id>.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False
    abandon: Annotated[
        bool,
        typer.Option(
            "--abandon",
            help="Play nothing: end the episodes that the run in --out has left open on the server, with the lowest score.",
        ),
    ] = False
    max_outage: Annotated[
        float,
        typer.Option(
            "--max-outage",
            min=0.0,
            help="Seconds for which episodes wait for a server that cannot be reached. 0: a few retries.",
        ),
    ] = 60.0
    share_transcript: Annotated[
        bool,
        typer.Option(
            "--share-transcript",
            help="Send the server what the model said, shown on the page of an episode after its end.",
        ),
    ] = False
    as_json: JsonOption = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmOptions:
    """How a model is asked, and how much it may use."""

    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Of the model's endpoint.", rich_help_panel=_LLM_PANEL)
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            help="Further header of each request to the model, as 'Name: value'; may be repeated. Written nowhere.",
            rich_help_panel=_LLM_PANEL,
        ),
    ] = None
    extra_body: Annotated[
        str | None,
        typer.Option(
            "--extra-body",
            help="JSON object with further members of each request, such as '{\"top_p\": 0.9}'. Written to run.json.",
            rich_help_panel=_LLM_PANEL,
        ),
    ] = None
    tool_mode: Annotated[
        Literal["auto", "tools", "json"] | None,
        typer.Option("--tool-mode", help="How the model acts.", rich_help_panel=_LLM_PANEL),
    ] = None
    context_tokens: Annotated[
        int | None,
        typer.Option(
            "--context-tokens",
            min=2000,
            help="Bound on the messages of a call. Default: 16000.",
            rich_help_panel=_LLM_PANEL,
        ),
    ] = None
    max_output_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-output-tokens", min=16, help="Bound on one answer. Default: 2048.", rich_help_panel=_LLM_PANEL
        ),
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", min=0.0, help="Default: the model's own.", rich_help_panel=_LLM_PANEL),
    ] = None
    reasoning_effort: Annotated[
        str | None,
        typer.Option(
            "--reasoning-effort", help="Such as low or high. Default: the model's own.", rich_help_panel=_LLM_PANEL
        ),
    ] = None
    requests_per_minute: Annotated[
        int | None,
        typer.Option("--requests-per-minute", min=1, help="Of all episodes together.", rich_help_panel=_LLM_PANEL),
    ] = None
    tokens_per_minute: Annotated[
        int | None, typer.Option("--tokens-per-minute", min=1, help="The same.", rich_help_panel=_LLM_PANEL)
    ] = None
    budget_tokens: Annotated[
        int | None,
        typer.Option("--budget-tokens", min=1, help="Of the run, resumed ones included.", rich_help_panel=_LLM_PANEL),
    ] = None
    budget_usd: Annotated[
        float | None,
        typer.Option("--budget-usd", min=0.0, help="The same; needs --prices.", rich_help_panel=_LLM_PANEL),
    ] = None
    budget_seconds: Annotated[
        float | None, typer.Option("--budget-seconds", min=0.0, help="Of this go.", rich_help_panel=_LLM_PANEL)
    ] = None
    prices: Annotated[
        Path | None, typer.Option("--prices", help="JSON table of prices.", rich_help_panel=_LLM_PANEL)
    ] = None
    input_price: Annotated[
        float | None,
        typer.Option(
            "--input-price",
            min=0.0,
            help="Dollars for a million tokens of input; comes before all other prices.",
            rich_help_panel=_LLM_PANEL,
        ),
    ] = None
    output_price: Annotated[
        float | None,
        typer.Option("--output-price", min=0.0, help="The same of output.", rich_help_panel=_LLM_PANEL),
    ] = None
    cached_input_price: Annotated[
        float | None,
        typer.Option(
            "--cached-input-price",
            min=0.0,
            help="The same of input that the endpoint had in its cache. Default: that of input.",
            rich_help_panel=_LLM_PANEL,
        ),
    ] = None
    request_timeout: Annotated[
        float, typer.Option("--request-timeout", min=0.1, help="Seconds for one answer.", rich_help_panel=_LLM_PANEL)
    ] = 120.0

    def agent_options(self) -> dict[str, Any]:
        """The options that decide how the agent plays, without those that were not given."""
        given = {
            "tool_mode": self.tool_mode,
            "context_tokens": self.context_tokens,
            "max_output_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "reasoning_effort": self.reasoning_effort,
            "extra_body": extra_body(self.extra_body),
        }
        return {name: value for name, value in given.items() if value is not None}

    def model_options(self) -> ModelOptions:
        """The limits and addresses, which may differ each time a run is resumed."""
        from mlops_debug_env.runner.model_options import ModelOptions

        return ModelOptions(
            base_url=self.base_url,
            headers=dict(header(each) for each in self.header or ()),
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            budget_tokens=self.budget_tokens,
            budget_usd=self.budget_usd,
            budget_seconds=self.budget_seconds,
            prices=self.prices,
            price=price(self.input_price, self.output_price, self.cached_input_price),
            timeout_seconds=self.request_timeout,
        )
