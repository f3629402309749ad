#!/usr/bin/env python3
"""Compute the reference models a second time, in another way, and compare.

    python3 check_reference.py

Token by token over a cache of rotated keys, one head and one key at a time, rotating complex numbers, in plain NumPy:
it shares no code with make_reference.py, reads the files itself, and decides from the tensors' names and shapes where
make_reference.py decides from the config. Then two checks of make_reference.py's own decoder: on examples/tiny-experts,
whose expected.json was made by train.py's model, and that ignoring an option would be seen in the reference logits.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TINY_EXPERTS = HERE.parents[2] / "examples" / "tiny-experts"


def read_tensors(directory):
    tensors = {}
    for path in sorted(directory.glob("*.safetensors")):
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        for name, entry in json.loads(content[8:start]).items():
            if name == "__metadata__":
                continue
            first, last = (start + offset for offset in entry["data_offsets"])
            if entry["dtype"] == "BF16":
                values = (np.frombuffer(content[first:last], "<u2").astype("<u4") << 16).view("<f4")
            else:
                values = np.frombuffer(content[first:last], {"F16": "<f2", "F32": "<f4"}[entry["dtype"]])
            tensors[name] = values.astype(np.float64).reshape(entry["shape"])
    return tensors


class Frequencies:
    """Radians per position for one pair at a time, each rope type spelled out for that pair."""

    def __init__(self, config, size):
        self.size, self.longest = size, config["max_position_embeddings"]
        self.rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
        self.kind = self.rope.get("rope_type") or self.rope.get("type") or "default"
        self.base = self.rope.get("rope_theta") or config.get("rope_theta") or 10000.0

    def of_pair(self, pair, length):
        rope, size, base = self.rope, self.size, self.base
        if self.kind == "dynamic" and length > self.longest:
            base *= (rope["factor"] * length / self.longest - rope["factor"] + 1) ** (size / (size - 2))
        frequency = np.exp(-np.log(base) * 2 * pair / size)
        if self.kind == "linear":
            return frequency / rope["factor"]
        if self.kind == "llama3":
            wavelength, trained = 2 * np.pi / frequency, rope["original_max_position_embeddings"]
            if wavelength < trained / rope["high_freq_factor"]:
                return frequency
            if wavelength > trained / rope["low_freq_factor"]:
                return frequency / rope["factor"]
            smooth = trained / wavelength - rope["low_freq_factor"]
            smooth /= rope["high_freq_factor"] - rope["low_freq_factor"]
            return (1 - smooth) * frequency / rope["factor"] + smooth * frequency
        if self.kind == "yarn":
            low, high = self.yarn_bounds()
            interpolated = 0.0 if pair <= low else 1.0 if pair >= high else (pair - low) / (high - low)
            return interpolated * frequency / rope["factor"] + (1 - interpolated) * frequency
        return frequency

    def yarn_bounds(self):
        """The pairs between which interpolation sets in: those that turn beta_fast and beta_slow times in training."""
        trained = self.rope["original_max_position_embeddings"]
        bounds = [self.size / 2 * np.log(trained / (turns * 2 * np.pi)) / np.log(self.base)
                  for turns in (self.rope.get("beta_fast", 32), self.rope.get("beta_slow", 1))]
        if self.rope.get("truncate", True):
            bounds = [np.floor(bounds[0]), np.ceil(bounds[1])]
        return max(bounds[0], 0), min(bounds[1], self.size - 1)

    def amplitude(self):
        if self.kind != "yarn":
            return 1.0
        given, growth = self.rope.get("attention_factor"), 0.1 * np.log(self.rope["factor"])
        if given is None and "mscale" in self.rope:
            return (1 + growth * self.rope["mscale"]) / (1 + growth * self.rope["mscale_all_dim"])
        return 1 + growth if given is None else given


class CachedModel:
    def __init__(self, directory):
        self.config = json.loads((directory / "config.json").read_text())
        self.tensors = read_tensors(directory)
        self.layers = self.config["num_hidden_layers"]
        self.heads = self.config["num_attention_heads"]
        self.head_dim = len(self.tensors["model.layers.0.self_attn.q_proj.weight"]) // self.heads
        self.frequencies = Frequencies(self.config, self.head_dim)
        self.eps = self.config.get("rms_norm_eps", 1e-6)
        self.clear()

    def clear(self):
        self.keys, self.values = ([[] for _ in range(self.layers)] for _ in range(2))

    def prompt(self, ids):
        """Logits of every position of a new sequence."""
        self.clear()
        return [self.step(token, max(len(ids), position + 1)) for position, token in enumerate(ids)]

    def step(self, token, length):
        """Logits after one more token, rotated as in a sequence of `length` tokens."""
        position = len(self.keys[0])
        x = self.tensors["model.embed_tokens.weight"][token].copy()
        for layer in range(self.layers):
            prefix = f"model.layers.{layer}."
            x += self.attend(layer, prefix + "self_attn.", self.norm(x, prefix + "input_layernorm"), position, length)
            h = self.norm(x, prefix + "post_attention_layernorm")
            gate = self.project(h, prefix + "mlp.gate_proj")
            x += self.project(gate / (1 + np.exp(-gate)) * self.project(h, prefix + "mlp.up_proj"),
                              prefix + "mlp.down_proj")
        head = "lm_head" if "lm_head.weight" in self.tensors else "model.embed_tokens"
        return self.project(self.norm(x, "model.norm"), head)

    def attend(self, layer, prefix, h, position, length):
        size = self.head_dim
        q, k, v = (self.project(h, prefix + name).reshape(-1, size) for name in ("q_proj", "k_proj", "v_proj"))
        if prefix + "q_norm.weight" in self.tensors:
            q = np.stack([self.norm(row, prefix + "q_norm") for row in q])
            k = np.stack([self.norm(row, prefix + "k_norm") for row in k])
        self.keys[layer].append([self.rotated(row, position, length) for row in k])
        self.values[layer].append(v)
        window, outputs = self.window(layer), []
        for head in range(self.heads):
            own, shared = self.rotated(q[head], position, length), head * len(k) // self.heads
            weights = {}
            for other in range(position + 1):
                if window is None or position - other < window:
                    score = sum(a * b for a, b in zip(own, self.keys[layer][other][shared]))
                    weights[other] = np.exp(score / np.sqrt(size))
            total = sum(weights.values())
            outputs.append(sum(weight / total * self.values[layer][other][shared] for other, weight in weights.items()))
        return self.project(np.concatenate(outputs), prefix + "o_proj")

    def window(self, layer):
        config = self.config
        if config["model_type"] == "mistral":
            return config["sliding_window"]
        if not config.get("use_sliding_window"):
            return None
        if "layer_types" in config:
            return config["sliding_window"] if config["layer_types"][layer] == "sliding_attention" else None
        return config["sliding_window"] if layer >= config["max_window_layers"] else None

    def rotated(self, row, position, length):
        half = self.head_dim // 2
        turned = [complex(row[pair], row[pair + half])
                  * np.exp(1j * position * self.frequencies.of_pair(pair, length)) for pair in range(half)]
        values = [number.real for number in turned] + [number.imag for number in turned]
        return np.array(values) * self.frequencies.amplitude()

    def norm(self, x, name):
        return self.tensors[name + ".weight"] * x / np.sqrt(np.mean(x * x) + self.eps)

    def project(self, x, name):
        result = self.tensors[name + ".weight"] @ x
        return result + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else result


def largest_difference(directory):
    model, expected = CachedModel(directory), json.loads((directory / "reference.json").read_text())
    differences = [0.0]

    def compare(actual, row):
        differences.append(np.abs(actual - np.array(row)).max())

    for entry in expected["prompts"]:
        compare(model.prompt(entry["token_ids"])[-1], entry["logits"])
    for actual, row in zip(model.prompt(expected["all_positions"]["token_ids"]), expected["all_positions"]["logits"]):
        compare(actual, row)
    for name in ("continuation", "continuation_recomputed"):
        entry = expected.get(name)
        if entry is None:
            continue
        row = model.prompt(entry["prompt"])[-1]
        for step, token in enumerate(entry["token_ids"], start=1):
            best = np.sort(row)[::-1]
            if int(row.argmax()) != token or abs(best[0] - best[1] - entry["margins"][step - 1]) > 1e-3:
                sys.exit(f"{directory.name}: {name} differs at step {step}")
            if "logits" in entry:
                compare(row, entry["logits"][step - 1])
            ids = entry["prompt"] + entry["token_ids"][:step]
            row = model.step(token, len(ids)) if name == "continuation" else model.prompt(ids)[-1]
    return max(differences)


def check_tiny_experts():
    import torch
    from make_reference import Decoder, Settings
    expected = json.loads((TINY_EXPERTS / "expected.json").read_text())["reference"]
    largest, answers = 0.0, 0
    for name in sorted(set(expected) - {"average"}):
        tensors = {key: torch.from_numpy(value) for key, value in read_tensors(TINY_EXPERTS / name).items()}
        config = json.loads((TINY_EXPERTS / name / "config.json").read_text())
        decoder = Decoder(Settings(config), tensors)
        for entry in expected[name]:
            ids = entry["token_ids"]
            difference = decoder.logits(ids)[-1] - torch.tensor(entry["logits"], dtype=torch.float64)
            largest = max(largest, difference.abs().max().item())
            answer = []
            while len(answer) < 12 and config["eos_token_id"] not in answer:
                answer.append(int(decoder.logits(ids + answer)[-1].argmax()))
            text = bytes(token for token in answer if token < 256).decode(errors="replace")
            if text != entry["continuation"]:
                sys.exit(f"{name}: {entry['prompt']!r} gives {text!r}, expected {entry['continuation']!r}")
            answers += 1
    print(f"tiny-experts: {answers} greedy answers are the same, largest difference of a logit {largest:.1e}")


# What a decoder might get wrong: the model, and changes that have that effect: to its config (None removes a key), to
# the settings read from it, or tensors left out.
MISTAKES = [
    ("llama-biases", "no bias of q", {"without": "q_proj.bias"}),
    ("llama-biases", "no bias of o", {"without": "o_proj.bias"}),
    ("llama-biases", "no bias of the MLP's down", {"without": "down_proj.bias"}),
    ("llama-rope-linear", "not scaled", {"rope_scaling": None}),
    ("llama-rope-parameters", "rope_parameters not read", {"rope_parameters": None}),
    ("llama-rope-dynamic", "not scaled", {"rope_scaling": None}),
    ("llama-rope-llama3", "not scaled", {"rope_scaling": None}),
    ("llama-rope-llama3", "linear instead", {"rope_scaling": {"type": "linear", "factor": 8.0}}),
    ("llama-rope-llama3", "the middle not smoothed", {"rope_scaling.high_freq_factor": 1.001}),
    ("llama-rope-yarn", "not scaled", {"rope_scaling": None}),
    ("llama-rope-yarn", "no attention factor", {"rope_scaling.attention_factor": 1.0}),
    ("llama-rope-yarn", "beta_fast of 1", {"rope_scaling.beta_fast": 1}),
    ("llama-yarn-attention-factor", "attention_factor not read", {"rope_scaling.attention_factor": None}),
    ("llama-yarn-attention-factor", "betas not read", {"rope_scaling.beta_fast": None}),
    ("llama-yarn-attention-factor", "not truncated", {"rope_scaling.truncate": False}),
    ("llama-yarn-mscale", "mscale not read", {"rope_scaling.mscale": None}),
    ("llama-yarn-mscale", "truncated", {"rope_scaling.truncate": True}),
    ("mistral-sliding", "no window", {"sliding_window": None}),
    ("mistral-sliding", "one key more", {"sliding_window": 9}),
    ("mistral-sliding", "one key fewer", {"sliding_window": 7}),
    ("mistral-full", "a null window read as one", {"sliding_window": 8}),
    ("qwen2", "sliding_window without use_sliding_window", {"use_sliding_window": True}),
    ("qwen2-window", "no window", {"use_sliding_window": False}),
    ("qwen2-window", "window in every layer", {"max_window_layers": 0}),
    ("qwen2-window", "window in the first layers", {"layer_types": ["sliding_attention"] * 2 + ["full_attention"] * 2}),
    ("qwen2-layer-types", "layer_types not read", {"layer_types": None}),
    ("qwen2-yarn", "factor from the ratio", {"rope_scaling.factor": 1.0}),
    ("qwen2", "no bias of k", {"without": "k_proj.bias"}),
    ("qwen2-untied", "no bias of v", {"without": "v_proj.bias"}),
    ("qwen3", "no norms of q and k", {"settings.head_norms": False}),
    ("qwen3-tied", "rope_parameters not read", {"rope_parameters": None}),
]


def check_mistakes():
    import torch
    from make_reference import Decoder, Settings
    for name, mistake, changes in MISTAKES:
        directory = HERE / "models" / name
        config = json.loads((directory / "config.json").read_text())
        left_out = changes.get("without", "nothing")
        for key, value in changes.items():
            *outer, last = key.split(".")
            place = config.get(outer[0], {}) if outer else config
            place[last] = value
            if value is None and key != "sliding_window":
                del place[last]
        settings = Settings(config)
        settings.head_norms = changes.get("settings.head_norms", settings.head_norms)
        decoder = Decoder(settings, {key: torch.from_numpy(value) for key, value in read_tensors(directory).items()
                                     if not key.endswith(left_out)})
        expected = json.loads((directory / "reference.json").read_text())["prompts"]
        difference = max(np.abs(decoder.logits(entry["token_ids"])[-1].numpy() - np.array(entry["logits"])).max()
                         for entry in expected)
        print(f"{name}: {mistake}: a logit changes by {difference:.2f}", flush=True)
        if difference < 0.05:
            sys.exit(f"{name}: the reference would hardly notice")


def main():
    for directory in sorted((HERE / "models").iterdir()):
        difference = largest_difference(directory)
        print(f"{directory.name}: largest difference of a logit {difference:.1e}", flush=True)
        if difference > 1e-5:
            sys.exit(f"{directory.name}: the two implementations differ")
    check_tiny_experts()
    check_mistakes()


if __name__ == "__main__":
    main()
