"""GRPO against a running server, on the CPU, with a tiny model that starts from random weights.

    mlops-debug serve &
    pip install '.[trl]'
    python examples/grpo.py --steps 1

The model is first taught two diagnoses, one right and one wrong, with equal weight; with more steps (40 take some minutes) the reward rises,
as it comes to prefer the right one. It learns nothing about training runs: that the loop of rollouts, rewards and updates works is the point.

For a real training replace `tiny_model` by a model that can call tools, and raise the sizes in `GRPOConfig`; the rest
stays as it is. MLOPS_DEBUG_URL names another server.
"""

from __future__ import annotations

import argparse
import inspect
import json
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import get_json_schema
from trl import GRPOConfig, GRPOTrainer
from trl.chat_template_utils import qwen3_chat_template

from mlops_debug_env.trl import MlopsDebugToolEnv

TASK_ID, SEED = "medium", 5
"""One of the two diagnoses that the model is primed with is right there."""
PROMPT = [{"role": "user", "content": ""}]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>"]
PRIMING_STEPS = 300
LAYERS, WINDOW = 2, 64
VOCABULARY = 4000
PRIMING_CONTEXT = LAYERS * WINDOW
"""Tokens of the prompt that the model can see."""

Messages = list[dict[str, Any]]


def tool_call(name: str, **arguments: Any) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def tools_of(env: MlopsDebugToolEnv) -> list[Any]:
    """The methods that the trainer will offer to the model."""
    names = [name for name, _ in inspect.getmembers(type(env), predicate=inspect.isfunction)]
    return [getattr(env, name) for name in names if not name.startswith("_") and name not in ("reset", "get_reward")]


def tiny_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte pairs learned from the texts, with the chat template of Qwen3, which knows tools."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )
    tokenizer.chat_template = qwen3_chat_template
    return tokenizer


def tiny_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # at this size threads would only wait for each other
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=16_384,
        # It looks back a few words only, so that it does after a long prompt what it was primed to do after its end.
        use_sliding_window=True,
        sliding_window=WINDOW,
        layer_types=["sliding_attention"] * LAYERS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


def prime(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, dialogues: list[Messages], tools: list[Any]
) -> None:
    """Teach the shape of a tool call: random weights would never make one, and rewards could teach nothing."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    examples = []
    for messages in dialogues:
        whole = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
        start = tokenizer.apply_chat_template(messages[:1], tools=tools, tokenize=False, add_generation_prompt=True)
        asked = len(tokenizer(start)["input_ids"])
        ids = tokenizer(whole)["input_ids"]
        # The end of the prompt is enough, and takes seconds instead of minutes.
        first = max(0, asked - PRIMING_CONTEXT)
        examples.append((torch.tensor([ids[first:]]), torch.tensor([[-100] * (asked - first) + ids[asked:]])))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, PRIMING_STEPS)
    for _ in range(PRIMING_STEPS):
        # All in one step: the one that came last would be preferred.
        loss = sum(model(input_ids=ids, labels=labels).loss for ids, labels in examples) / len(examples)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    lengths = [int((labels != -100).sum()) for _, labels in examples]
    print(
        f"primed: loss {loss.item():.3f} after {PRIMING_STEPS} steps; the dialogues have {lengths} tokens of their own"
    )


def played(env: MlopsDebugToolEnv, answer: dict[str, Any]) -> Messages:
    """What follows an answer: what the environment shows, and an end. As in a rollout, so that only the choice is open there."""
    env.reset(task_id=TASK_ID, seed=SEED)
    call = answer["tool_calls"][0]["function"]
    shown = getattr(env, call["name"])(**call["arguments"])
    return [{"role": "tool", "name": call["name"], "content": shown}, {"role": "assistant", "content": "Done."}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--output", default="grpo-output", help="folder for checkpoints and logs")
    given = parser.parse_args()

    env = MlopsDebugToolEnv()
    opening = {"role": "user", "content": env.reset(task_id=TASK_ID, seed=SEED)}
    guess = {"root_cause_file": "preprocessing.py", "diagnosis": "?", "proposed_fix": "?", "confidence": 0.5}
    answers = [
        tool_call(
            "submit_diagnosis",
            failure_category="data_leakage",
            root_cause_field="StandardScaler.fit_transform",
            **guess,
        ),
        tool_call("submit_diagnosis", failure_category="config_error", root_cause_field="model.eval", **guess),
    ]
    dialogues = [[opening, answer, *played(env, answer)] for answer in answers]
    tools = tools_of(env)
    # Phrases of the prompt become tokens: attention on a CPU costs the square of their number.
    said = [json.dumps(answer["tool_calls"][0]["function"]) for answer in answers]
    tokenizer = tiny_tokenizer([opening["content"], *(json.dumps(get_json_schema(tool)) for tool in tools), *said * 20])
    model = tiny_model(tokenizer)
    prime(model, tokenizer, dialogues, tools)
    before = [each.detach().clone() for each in model.parameters()]

    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": PROMPT, "task_id": TASK_ID, "seed": SEED}] * 8 * given.steps),
        environment_factory=MlopsDebugToolEnv,
        args=GRPOConfig(
            output_dir=given.output,
            max_steps=given.steps,
            per_device_train_batch_size=8,
            num_generations=8,
            max_completion_length=200,
            max_tool_calling_iterations=2,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            bf16=False,
        ),
    )
    trainer.train()
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    logged = next(entry for entry in trainer.state.log_history if "reward" in entry)
    moved = sum(int(not torch.equal(old, new)) for old, new in zip(before, model.parameters(), strict=True))
    print(
        f"reward {logged['reward']:.4f}, spread {logged['reward_std']:.4f}, tool calls {logged['tools/call_frequency']:.2f}"
    )
    print(f"{moved} of {len(before)} weight tensors moved in {trainer.state.global_step} GRPO step(s)")
    print("rewards by step: " + " ".join(f"{each:.2f}" for each in rewards))
    part = max(1, len(rewards) // 4)
    first, last = sum(rewards[:part]) / part, sum(rewards[-part:]) / part
    print(f"mean reward of the first {part} step(s) {first:.3f}, of the last {part} {last:.3f}")


if __name__ == "__main__":
    main()
