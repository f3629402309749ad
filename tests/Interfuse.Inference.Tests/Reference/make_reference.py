#!/usr/bin/env python3
"""Write the reference models of README.md: models/NAME/{config.json, model.safetensors, reference.json}.

    python3 make_reference.py

Needs PyTorch and NumPy. Weights are drawn from a seed made of the model's name, rounded to the dtype of the file, and
then everything is computed in float64 on one thread. `check_reference.py` computes the same in another way.
"""

import json
import math
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import linear, silu

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
CONFIG_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}

VOCABULARY = 96
PROMPT_LENGTHS = [1, 2, 7, 30]
ALL_POSITIONS_LENGTH = 13
CONTINUATION_LENGTH = 12
SMALLEST_MARGIN = 0.03  # of a greedy step; weights that come closer to a tie are drawn again


# ---------------------------------------------------------------- what a config means

class Settings:
    """A config.json with the family's defaults filled in."""

    def __init__(self, config):
        family = config["architectures"][0]
        self.family = family[:-len("ForCausalLM")]
        self.hidden, self.layers = config["hidden_size"], config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        absent_kv_heads = {"Llama": self.heads, "Mistral": 8, "Qwen2": 32, "Qwen3": 32}[self.family]
        self.kv_heads = config.get("num_key_value_heads", absent_kv_heads) or self.heads
        absent_head_dim = 128 if self.family == "Qwen3" else None
        self.head_dim = config.get("head_dim", absent_head_dim) or self.hidden // self.heads
        self.intermediate, self.vocabulary = config["intermediate_size"], config["vocab_size"]
        self.eps = config.get("rms_norm_eps", 1e-6)
        self.tied = config.get("tie_word_embeddings", False)
        biased = self.family in ("Llama", "Qwen3") and config.get("attention_bias", False)
        self.qkv_bias, self.output_bias = biased or self.family == "Qwen2", biased
        self.mlp_bias = self.family == "Llama" and config.get("mlp_bias", False)
        self.head_norms = self.family == "Qwen3"
        self.windows = [self.window(config, layer) for layer in range(self.layers)]
        absent_positions = {"Llama": 2048, "Mistral": 131072, "Qwen2": 32768, "Qwen3": 32768}[self.family]
        self.max_positions = config.get("max_position_embeddings", absent_positions)
        self.rope = dict(config.get("rope_scaling") or config.get("rope_parameters") or {})
        self.rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
        self.rope.setdefault("rope_type", self.rope.get("type", "default"))

    def window(self, config, layer):
        if self.family == "Mistral":
            return config.get("sliding_window", 4096)
        if not config.get("use_sliding_window", False) or self.family == "Llama":
            return None
        types = config.get("layer_types")
        slides = types[layer] == "sliding_attention" if types else layer >= config.get("max_window_layers", 28)
        return config.get("sliding_window", 4096) if slides else None


def rope_frequencies(settings, length):
    """Radians per position of each pair of dimensions, and the factor on the rotated vectors."""
    rope, size = settings.rope, settings.head_dim
    kind, base, factor = rope["rope_type"], rope["rope_theta"], rope.get("factor")
    exponents = torch.arange(size // 2, dtype=torch.float64) * 2 / size
    plain = float(base) ** -exponents
    if kind == "default":
        return plain, 1.0
    if kind == "linear":
        return plain / factor, 1.0
    if kind == "dynamic":
        trained = settings.max_positions
        stretch = factor * max(length, trained) / trained - (factor - 1)
        return (base * stretch ** (size / (size - 2))) ** -exponents, 1.0
    trained = rope.get("original_max_position_embeddings", settings.max_positions)
    if kind == "llama3":
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        turns = trained * plain / (2 * math.pi)
        share = ((turns - low) / (high - low)).clamp(0, 1)
        return plain * (share + (1 - share) / factor), 1.0
    if kind == "yarn":
        factor = factor or settings.max_positions / trained

        def dimension(turns):
            return size * math.log(trained / (2 * math.pi * turns)) / (2 * math.log(base))

        low, high = dimension(rope.get("beta_fast") or 32), dimension(rope.get("beta_slow") or 1)
        if rope.get("truncate", True):
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, size - 1)
        high += 0.001 if low == high else 0
        ramp = ((torch.arange(size // 2, dtype=torch.float64) - low) / (high - low)).clamp(0, 1)
        return plain * (1 - ramp + ramp / factor), yarn_attention_factor(rope, factor)
    raise ValueError(f"rope type {kind}")


def yarn_attention_factor(rope, factor):
    if rope.get("attention_factor") is not None:
        return rope["attention_factor"]

    def temperature(weight):
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    if rope.get("mscale") and rope.get("mscale_all_dim"):
        return temperature(rope["mscale"]) / temperature(rope["mscale_all_dim"])
    return temperature(1.0)


# ---------------------------------------------------------------- the decoder

class Decoder:
    def __init__(self, settings, tensors):
        self.settings = settings
        self.tensors = {name: tensor.double() for name, tensor in tensors.items()}

    def logits(self, ids, prompt_length=None):
        """Logits (length, vocabulary). Position p is rotated as in a sequence of max(prompt length, p + 1) tokens."""
        settings, length = self.settings, len(ids)
        cos, sin = self.rotations(length, length if prompt_length is None else prompt_length)
        distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        x = self.tensors["model.embed_tokens.weight"][torch.tensor(ids)]
        for layer in range(settings.layers):
            prefix, window = f"model.layers.{layer}.", settings.windows[layer]
            hidden_keys = (distance < 0) | (distance >= (window or length))
            h = self.norm(x, prefix + "input_layernorm")
            x = x + self.attention(prefix + "self_attn.", h, cos, sin, hidden_keys)
            h = self.norm(x, prefix + "post_attention_layernorm")
            gate, up = self.project(prefix + "mlp.gate_proj", h), self.project(prefix + "mlp.up_proj", h)
            x = x + self.project(prefix + "mlp.down_proj", silu(gate) * up)
        head = "model.embed_tokens" if settings.tied else "lm_head"
        return self.project(head, self.norm(x, "model.norm"))

    def rotations(self, length, prompt_length):
        rows, factor = [], 1.0
        for position in range(length):
            frequencies, factor = rope_frequencies(self.settings, max(prompt_length, position + 1))
            rows.append(position * frequencies)
        angles = torch.stack(rows)
        return factor * angles.cos(), factor * angles.sin()

    def attention(self, prefix, h, cos, sin, hidden_keys):
        settings, length = self.settings, len(h)
        q = self.project(prefix + "q_proj", h).view(length, settings.heads, settings.head_dim).transpose(0, 1)
        k = self.project(prefix + "k_proj", h).view(length, settings.kv_heads, settings.head_dim).transpose(0, 1)
        v = self.project(prefix + "v_proj", h).view(length, settings.kv_heads, settings.head_dim).transpose(0, 1)
        if settings.head_norms:
            q, k = self.norm(q, prefix + "q_norm"), self.norm(k, prefix + "k_norm")
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        group = settings.heads // settings.kv_heads
        k, v = k.repeat_interleave(group, dim=0), v.repeat_interleave(group, dim=0)
        scores = (q @ k.transpose(1, 2)) * settings.head_dim ** -0.5
        mixed = scores.masked_fill(hidden_keys, -math.inf).softmax(dim=-1) @ v
        return self.project(prefix + "o_proj", mixed.transpose(0, 1).reshape(length, -1))

    def norm(self, x, name):
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.settings.eps)
        return self.tensors[name + ".weight"] * x * scale

    def project(self, name, x):
        return linear(x, self.tensors[name + ".weight"], self.tensors.get(name + ".bias"))


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


# ---------------------------------------------------------------- random weights and their files

def tensor_shapes(settings):
    """Every tensor of the model with its shape, in the order of the file."""
    queries, keys = settings.heads * settings.head_dim, settings.kv_heads * settings.head_dim
    shapes = {"model.embed_tokens.weight": (settings.vocabulary, settings.hidden)}
    for layer in range(settings.layers):
        prefix = f"model.layers.{layer}."
        shapes[prefix + "input_layernorm.weight"] = (settings.hidden,)
        for name, rows, columns, biased in [
                ("self_attn.q_proj", queries, settings.hidden, settings.qkv_bias),
                ("self_attn.k_proj", keys, settings.hidden, settings.qkv_bias),
                ("self_attn.v_proj", keys, settings.hidden, settings.qkv_bias),
                ("self_attn.o_proj", settings.hidden, queries, settings.output_bias),
                ("mlp.gate_proj", settings.intermediate, settings.hidden, settings.mlp_bias),
                ("mlp.up_proj", settings.intermediate, settings.hidden, settings.mlp_bias),
                ("mlp.down_proj", settings.hidden, settings.intermediate, settings.mlp_bias)]:
            shapes[prefix + name + ".weight"] = (rows, columns)
            if biased:
                shapes[prefix + name + ".bias"] = (rows,)
        if settings.head_norms:
            shapes[prefix + "self_attn.q_norm.weight"] = (settings.head_dim,)
            shapes[prefix + "self_attn.k_norm.weight"] = (settings.head_dim,)
        shapes[prefix + "post_attention_layernorm.weight"] = (settings.hidden,)
    shapes["model.norm.weight"] = (settings.hidden,)
    if not settings.tied:
        shapes["lm_head.weight"] = (settings.vocabulary, settings.hidden)
    return shapes


def random_tensors(settings, seed, dtype, norm_dtype):
    """Weights scaled so that attention is far from uniform and logits spread over about +-10."""
    generator = np.random.RandomState(seed)
    tensors = {}
    for name, shape in tensor_shapes(settings).items():
        values = generator.standard_normal(shape)
        if name.endswith("norm.weight"):
            tensors[name] = torch.from_numpy(1 + 0.3 * values).to(DTYPES[norm_dtype])
            continue
        if name.endswith(".bias"):
            values *= 0.5
        elif "embed_tokens" in name or "lm_head" in name:
            values *= 3 / math.sqrt(settings.hidden)
        else:
            values *= (1.4 if "q_proj" in name or "k_proj" in name else 1.0) / math.sqrt(shape[1])
        tensors[name] = torch.from_numpy(values).to(DTYPES[dtype])
    return tensors


def write_safetensors(path, tensors):
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    names = {dtype: name for name, dtype in DTYPES.items()}
    for name, tensor in tensors.items():
        data = (tensor.view(torch.int16) if tensor.dtype != torch.float32 else tensor).numpy().tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(chunks))


def write_shards(directory, tensors, count):
    """Consecutive tensors in `count` files of about the same number of tensors, and the index of them."""
    names, weight_map = list(tensors), {}
    for shard in range(count):
        own = names[shard * len(names) // count:(shard + 1) * len(names) // count]
        file = f"model-{shard + 1:05}-of-{count:05}.safetensors"
        write_safetensors(directory / file, {name: tensors[name] for name in own})
        weight_map.update({name: file for name in own})
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


# ---------------------------------------------------------------- the reference

def rounded(row):
    return [float(f"{value:.7g}") for value in row.tolist()]


def continuation(decoder, prompt, cached):
    """Greedy tokens, the margin of each over the runner-up, and the logits that decided it.

    Cached: a position keeps the rotation of the step that wrote it. Else every step rotates all positions anew.
    Only dynamic rope can tell the two apart."""
    ids, margins, logits = list(prompt), [], []
    for _ in range(CONTINUATION_LENGTH):
        row = decoder.logits(ids, len(prompt) if cached else len(ids))[-1]
        best, second = row.topk(2).values.tolist()
        ids.append(int(row.argmax()))
        margins.append(float(f"{best - second:.4g}"))
        logits.append(rounded(row))
    return {"prompt": prompt, "token_ids": ids[len(prompt):], "margins": margins, "logits": logits}


def reference(decoder, seed, lengths, continued_length):
    generator = np.random.RandomState(seed + 1)

    def prompt(length):
        return generator.randint(0, VOCABULARY, length).tolist()

    result = {"prompts": []}
    for length in lengths:
        ids = prompt(length)
        result["prompts"].append({"token_ids": ids, "logits": rounded(decoder.logits(ids)[-1])})
    ids = prompt(ALL_POSITIONS_LENGTH)
    result["all_positions"] = {"token_ids": ids, "logits": [rounded(row) for row in decoder.logits(ids)]}
    ids = prompt(continued_length)
    result["continuation"] = continuation(decoder, ids, cached=True)
    if decoder.settings.rope["rope_type"] == "dynamic":
        result["continuation_recomputed"] = continuation(decoder, ids, cached=False)
    else:
        del result["continuation"]["logits"]
    return result


def write_reference(path, value):
    """One line for each row of numbers: readable in a diff, and not one number a line."""
    def text(value, depth):
        if isinstance(value, dict) or isinstance(value, list) and value and isinstance(value[0], (list, dict)):
            pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
            inner = ["  " * (depth + 1) + (f"{json.dumps(name)}: " if name else "") + text(item, depth + 1)
                     for name, item in pairs]
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            return opening + "\n" + ",\n".join(inner) + "\n" + "  " * depth + closing
        return json.dumps(value, separators=(",", ":"))
    path.write_text(text(value, 0) + "\n")


# ---------------------------------------------------------------- the models

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "bos_token_id": 1, "eos_token_id": 2,
         "hidden_act": "silu", "initializer_range": 0.02, "hidden_size": 32, "intermediate_size": 28,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
         "rms_norm_eps": 1e-5, "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False,
         "pretraining_tp": 1, "rope_theta": 10000.0, "rope_scaling": None, "tie_word_embeddings": False,
         "use_cache": True, "vocab_size": VOCABULARY}
MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "bos_token_id": 1, "eos_token_id": 2,
           "attention_dropout": 0.0, "hidden_act": "silu", "initializer_range": 0.02, "hidden_size": 32,
           "intermediate_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
           "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "sliding_window": None,
           "tie_word_embeddings": False, "use_cache": True, "vocab_size": VOCABULARY}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "bos_token_id": 1, "eos_token_id": 2,
         "attention_dropout": 0.0, "hidden_act": "silu", "initializer_range": 0.02, "hidden_size": 32,
         "intermediate_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 128, "max_window_layers": 1, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
         "sliding_window": 8, "use_sliding_window": False, "tie_word_embeddings": False, "use_cache": True,
         "vocab_size": VOCABULARY}
QWEN3 = {**QWEN2, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
         "head_dim": 16, "rope_scaling": None, "sliding_window": None}


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


def llama_rope(settings, **more):
    return {**LLAMA, "head_dim": 16, "num_hidden_layers": 1, "rope_scaling": settings, **more}


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LINEAR = {"factor": 2.5}

# name: (config, dtype, options: dtype of the norms, shards, the config's key for the dtype, whose weights to share,
# lengths of the prompts, length of the prompt that is continued)
CATALOGUE = {
    "llama-mha": (without(LLAMA, "num_key_value_heads", "rope_theta", "attention_bias", "mlp_bias",
                          "tie_word_embeddings", "rms_norm_eps", "head_dim"), "BF16", {}),
    "llama-gqa": ({**LLAMA, "num_attention_heads": 8, "num_key_value_heads": 2}, "F16", {}),
    "llama-head-dim": ({**LLAMA, "hidden_size": 36, "intermediate_size": 50, "num_hidden_layers": 1,
                        "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10}, "F32", {}),
    "llama-biases": ({**LLAMA, "attention_bias": True, "mlp_bias": True}, "BF16", {}),
    "llama-tied": ({**LLAMA, "tie_word_embeddings": True}, "BF16", {}),
    "llama-mixed-dtypes": (LLAMA, "BF16", {"norms": "F32"}),
    "llama-sharded": (LLAMA, "F16", {"shards": 2}),
    "llama-rope-linear": (llama_rope({"type": "linear", **LINEAR}), "BF16", {}),
    "llama-rope-parameters": (without(llama_rope(None, rope_parameters={"rope_type": "linear", "rope_theta": 10000.0,
                                                                        **LINEAR}), "rope_theta", "rope_scaling"),
                              "BF16", {"seed_of": "llama-rope-linear", "dtype_key": "dtype"}),
    "llama-rope-dynamic": (llama_rope({"type": "dynamic", "factor": 2.0}, max_position_embeddings=16,
                                      num_hidden_layers=2), "BF16",
                           {"lengths": [1, 7, 16, 17, 40], "continued": 12}),
    "llama-rope-llama3": (llama_rope({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                      "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
                                     rope_theta=500.0), "BF16", {"lengths": [1, 2, 7, 48]}),
    "llama-rope-yarn": (llama_rope(YARN), "BF16", {"lengths": [1, 2, 7, 48]}),
    "llama-yarn-attention-factor": (llama_rope({**YARN, "original_max_position_embeddings": 64, "beta_fast": 2,
                                                "beta_slow": 1, "attention_factor": 1.3},
                                               max_position_embeddings=256), "F16", {}),
    "llama-yarn-mscale": (llama_rope({**YARN, "original_max_position_embeddings": 64, "beta_fast": 2.0,
                                      "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 0.4, "truncate": False},
                                     max_position_embeddings=256), "BF16", {}),
    "mistral-sliding": ({**MISTRAL, "sliding_window": 8}, "BF16", {"lengths": [1, 8, 9, 30]}),
    "mistral-full": ({**MISTRAL, "head_dim": 12}, "F16", {}),
    "qwen2": ({**QWEN2, "tie_word_embeddings": True}, "BF16", {}),
    "qwen2-untied": (QWEN2, "F16", {}),
    "qwen2-window": ({**QWEN2, "num_hidden_layers": 4, "max_window_layers": 2, "use_sliding_window": True}, "BF16",
                     {"lengths": [1, 8, 9, 30]}),
    "qwen2-layer-types": ({**QWEN2, "num_hidden_layers": 4, "max_window_layers": 4, "use_sliding_window": True,
                           "layer_types": ["full_attention", "sliding_attention"] * 2, "sliding_window": 5}, "BF16",
                          {"lengths": [1, 5, 6, 30], "dtype_key": "dtype"}),
    "qwen2-yarn": ({**QWEN2, "num_hidden_layers": 1, "head_dim": 16, "max_position_embeddings": 32,
                    "rope_theta": 1000.0, "rope_scaling": {"type": "yarn", "factor": 4.0,
                                                           "original_max_position_embeddings": 32}},
                   "BF16", {"lengths": [1, 2, 7, 48]}),
    "qwen3": (QWEN3, "BF16", {}),
    "qwen3-tied": ({**without(QWEN3, "rope_theta", "rope_scaling"), "tie_word_embeddings": True,
                    "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}}, "BF16",
                   {"dtype_key": "dtype"}),
}


def write_model(name):
    config, dtype, options = CATALOGUE[name]
    directory = MODELS / name
    directory.mkdir(parents=True)
    config = {**config, options.get("dtype_key", "torch_dtype"): CONFIG_DTYPES[dtype]}
    (directory / "config.json").write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")
    settings = Settings(config)
    seed, margin = zlib.crc32(options.get("seed_of", name).encode()) // 2, 0.0
    while margin < SMALLEST_MARGIN:
        tensors = random_tensors(settings, seed, dtype, options.get("norms", dtype))
        result = reference(Decoder(settings, tensors), seed, options.get("lengths", PROMPT_LENGTHS),
                           options.get("continued", 7))
        margin, seed = min(result["continuation"]["margins"]), seed + 2
    if "shards" in options:
        write_shards(directory, tensors, options["shards"])
    else:
        write_safetensors(directory / "model.safetensors", tensors)
    write_reference(directory / "reference.json", result)
    largest = max(abs(value) for entry in result["prompts"] for value in entry["logits"])
    print(f"{name}: largest logit {largest:.1f}, smallest margin {margin:.3f}", flush=True)


def main():
    torch.set_num_threads(1)
    if MODELS.exists():
        shutil.rmtree(MODELS)
    for name in CATALOGUE:
        write_model(name)


if __name__ == "__main__":
    main()
