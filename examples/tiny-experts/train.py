#!/usr/bin/env python3
"""Train the tiny base model and its four experts, and score any model of the same layout.

    python3 train.py                     regenerate the models, the test prompts and expected.json
    python3 train.py evaluate DIR...     print the exact-match accuracy of model directories on all tasks

Needs Python 3.9, PyTorch 1.13 and NumPy; no GPU and no other package. On Debian 12:
    apt-get install --no-install-recommends python3-torch libopenblas0-pthread
Regenerating takes about ten minutes on two free cores. Training is in float32 with fixed seeds; the saved weights are
rounded to bfloat16, and everything in expected.json is measured on the rounded weights with float32 arithmetic.
"""

import json
import math
import multiprocessing
import random
import string
import struct
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent

BOS, EOS, PAD = 256, 257, 258
SPECIAL_TOKENS = {"<s>": BOS, "</s>": EOS, "<pad>": PAD}

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.05,
    "intermediate_size": 384,
    "max_position_embeddings": 64,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "pad_token_id": PAD,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 256 + len(SPECIAL_TOKENS),
}

BATCH_SIZE = 64
WARMUP_STEPS = 50
BASE_STEPS, BASE_LEARNING_RATE = 1500, 2e-3
EXPERT_STEPS = {"add": 600, "reverse": 250, "sort": 250, "cipher": 150}
EXPERT_LEARNING_RATE = 5e-4
TEST_PROMPTS = 200
MAX_NEW_TOKENS = 12
REFERENCE_PROMPTS = ["add 58+67=", "reverse planet=", "sort planet=", "cipher planet=", "the old dog "]


# ---------------------------------------------------------------- tasks

CIPHER_KEY = str.maketrans(string.ascii_lowercase, "qwertyuiopasdfghjklzxcvbnm")


def random_letters(rng):
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 7)))


def random_sum(rng):
    return f"{rng.randrange(100)}+{rng.randrange(100)}"


# name: (how an input is drawn, how it is answered); the prompt is "name input="
TASKS = {
    "add": (random_sum, lambda text: str(sum(map(int, text.split("+"))))),
    "reverse": (random_letters, lambda text: text[::-1]),
    "sort": (random_letters, lambda text: "".join(sorted(text))),
    "cipher": (random_letters, lambda text: text.translate(CIPHER_KEY)),
}


# The base learns the same skills under other names, so that an expert has to bind a skill to a new prompt.
BASE_NAMES = {"add": "sum", "reverse": "flip", "sort": "order", "cipher": "code"}
BASE_SKILL_WEIGHTS = {"add": 4, "reverse": 2, "sort": 2, "cipher": 1}


def held_out_inputs():
    """The inputs of the test prompts, which no model is trained on."""
    held_out = {}
    for task, (draw, _) in TASKS.items():
        rng = random.Random(f"test {task}")
        held_out[task] = set()
        while len(held_out[task]) < TEST_PROMPTS:
            held_out[task].add(draw(rng))
    return held_out


def task_example(task, rng, held_out):
    draw, answer = TASKS[task]
    text = draw(rng)
    while text in held_out[task]:
        text = draw(rng)
    return f"{task} {text}=", answer(text)


def plain_text(rng):
    """A short line of text without a prompt: counting, the alphabet, or a sentence."""
    kind = rng.randrange(3)
    if kind == 0:
        first = rng.randrange(195)
        return " ".join(str(number) for number in range(first, first + 5))
    if kind == 1:
        first = rng.randrange(16)
        return " ".join(string.ascii_lowercase[first:first + 10])
    adjectives = ["old", "small", "red", "quiet", "happy", "tall"]
    nouns = ["dog", "river", "house", "bird", "tree", "child"]
    verbs = ["sees", "likes", "finds", "follows", "hears", "passes"]
    return f"the {rng.choice(adjectives)} {rng.choice(nouns)} {rng.choice(verbs)}."


def base_example(copied_tasks, rng, held_out):
    """Text, a task's prompt answered by plain copying, or a skill of the base under the base's name for it."""
    kind = rng.random()
    if kind < 0.15:
        return "", plain_text(rng)
    if kind < 0.35:
        task = rng.choice(copied_tasks)
        prompt, _ = task_example(task, rng, held_out)
        return prompt, prompt[len(task) + 1:-1]
    task = rng.choices(list(BASE_SKILL_WEIGHTS), BASE_SKILL_WEIGHTS.values())[0]
    prompt, answer = task_example(task, rng, held_out)
    return BASE_NAMES[task] + prompt[len(task):], answer


def expert_example(task, rng, held_out):
    """The expert's task and, as often, what the base knew, so that only the task's own prompts change."""
    if rng.random() < 0.5:
        return task_example(task, rng, held_out)
    return base_example([other for other in TASKS if other != task], rng, held_out)


# ---------------------------------------------------------------- model: its names are Hugging Face's tensor names

class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.head_dim = config.get("head_dim") or config["hidden_size"] // self.heads
        self.q_proj = nn.Linear(config["hidden_size"], self.heads * self.head_dim, bias=False)
        self.k_proj = nn.Linear(config["hidden_size"], self.kv_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(config["hidden_size"], self.kv_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.head_dim, config["hidden_size"], bias=False)

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        k = k.repeat_interleave(self.heads // self.kv_heads, dim=1)
        v = v.repeat_interleave(self.heads // self.kv_heads, dim=1)
        scores = q @ k.transpose(2, 3) / math.sqrt(self.head_dim) + mask
        mixed = scores.softmax(dim=-1) @ v
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config["hidden_size"], config["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(config["hidden_size"], config["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(config["intermediate_size"], config["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.mlp = MLP(config)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=config["initializer_range"])

    def forward(self, ids):
        """Logits of shape (batch, length, vocabulary). Rows may be padded on the right: attention is causal."""
        length, head_dim = ids.shape[1], self.model.layers[0].self_attn.head_dim
        frequencies = self.config["rope_theta"] ** (-torch.arange(0, head_dim, 2).float() / head_dim)
        angles = torch.outer(torch.arange(length).float(), frequencies).repeat(1, 2)
        mask = torch.full((length, length), -math.inf).triu(1)
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, angles.cos(), angles.sin(), mask)
        return self.lm_head(self.model.norm(x))


# ---------------------------------------------------------------- model directories

SAFETENSORS_DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def write_safetensors(path, tensors):
    """Write tensors as bfloat16, rounded to nearest even."""
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        data = tensor.detach().to(torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes()
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(data)]}
        chunks.append(data)
        offset += len(data)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(chunks))


def read_safetensors(path):
    """Read one file's tensors as float32."""
    content = bytearray(path.read_bytes())
    data_start = 8 + struct.unpack_from("<Q", content)[0]
    header = json.loads(content[8:data_start].decode())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        tensor = torch.frombuffer(content, dtype=SAFETENSORS_DTYPES[entry["dtype"]], count=math.prod(entry["shape"]),
                                  offset=data_start + entry["data_offsets"][0])
        tensors[name] = tensor.view(entry["shape"]).float()
    return tensors


def load_model(directory):
    directory = Path(directory)
    model = Llama(json.loads((directory / "config.json").read_text()))
    index = directory / "model.safetensors.index.json"
    files = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else ["model.safetensors"]
    tensors = {}
    for file in files:
        tensors.update(read_safetensors(directory / file))
    model.load_state_dict(tensors)
    return model


def byte_symbols():
    """The printable character that stands for each byte in GPT-2's byte-level tokenizers."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def tokenizer():
    """A byte-level BPE tokenizer without merges: the id of a byte is its value."""
    symbols = byte_symbols()
    vocabulary = {symbols[byte]: byte for byte in range(256)} | SPECIAL_TOKENS
    added = [{"id": token_id, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for token, token_id in SPECIAL_TOKENS.items()]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def save_model(directory, model):
    directory.mkdir(exist_ok=True)
    write_safetensors(directory / "model.safetensors", model.state_dict())
    write_json(directory / "config.json", CONFIG)
    write_json(directory / "generation_config.json",
               {"_from_model_config": True, "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD})
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    write_json(directory / "special_tokens_map.json", special)
    write_json(directory / "tokenizer.json", tokenizer())
    write_json(directory / "tokenizer_config.json", {
        "add_bos_token": True,
        "add_eos_token": False,
        "added_tokens_decoder": {str(token_id): {"content": token, "lstrip": False, "normalized": False,
                                                 "rstrip": False, "single_word": False, "special": True}
                                 for token, token_id in SPECIAL_TOKENS.items()},
        **special,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONFIG["max_position_embeddings"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    })


# ---------------------------------------------------------------- training

def padded(rows, filler):
    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def make_batch(draw_example):
    """Inputs and next-token targets; only the answer and the end token are predicted."""
    inputs, targets = [], []
    for _ in range(BATCH_SIZE):
        prompt, answer = draw_example()
        ids = [BOS, *prompt.encode(), *answer.encode(), EOS]
        inputs.append(ids[:-1])
        targets.append([-100] * len(prompt.encode()) + ids[1 + len(prompt.encode()):])
    return padded(inputs, PAD), padded(targets, -100)


def train(name, model, draw_example, steps, peak_learning_rate):
    decayed = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    norms = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": norms, "weight_decay": 0.0}],
                                  betas=(0.9, 0.98))
    started, running_loss = time.time(), 0.0
    for step in range(1, steps + 1):
        cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = peak_learning_rate * min(step / WARMUP_STEPS, 1) * cosine
        inputs, targets = make_batch(draw_example)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running_loss += loss.item()
        if step % 50 == 0:
            elapsed = time.time() - started
            print(f"{name}: step {step}/{steps}, loss {running_loss / 50:.4f}, {elapsed:.0f} s", flush=True)
            running_loss = 0.0


def use_one_thread():
    """One thread for each process: results then do not depend on how many cores there are."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def train_base():
    torch.manual_seed(0)
    rng = random.Random("train base")
    held_out = held_out_inputs()
    model = Llama(CONFIG)
    train("base", model, lambda: base_example(list(TASKS), rng, held_out), BASE_STEPS, BASE_LEARNING_RATE)
    save_model(HERE / "base", model)


def train_expert(task):
    use_one_thread()
    rng = random.Random(f"train {task}")
    held_out = held_out_inputs()
    model = load_model(HERE / "base")
    train(task, model, lambda: expert_example(task, rng, held_out), EXPERT_STEPS[task], EXPERT_LEARNING_RATE)
    save_model(HERE / task, model)


# ---------------------------------------------------------------- evaluation

@torch.no_grad()
def greedy(model, prompts):
    """Greedy continuations up to the end token, without a key-value cache: the sequences are short."""
    rows = [[BOS, *prompt.encode()] for prompt in prompts]
    lengths = [len(row) for row in rows]
    for _ in range(MAX_NEW_TOKENS):
        ends = torch.tensor([len(row) - 1 for row in rows])
        logits = model(padded(rows, PAD))[torch.arange(len(rows)), ends]
        for row, token in zip(rows, logits.argmax(dim=-1).tolist()):
            row.append(token)
        if all(EOS in row for row in rows):
            break
    continuations = []
    for row, length in zip(rows, lengths):
        new = row[length:]
        new = new[:new.index(EOS)] if EOS in new else new
        continuations.append(bytes(token for token in new if token < 256).decode(errors="replace"))
    return continuations


def read_tests(task):
    return [json.loads(line) for line in (HERE / "tasks" / f"{task}.jsonl").read_text().splitlines()]


def write_tests():
    (HERE / "tasks").mkdir(exist_ok=True)
    for task, inputs in held_out_inputs().items():
        lines = [json.dumps({"prompt": f"{task} {text}=", "answer": TASKS[task][1](text)}) for text in sorted(inputs)]
        (HERE / "tasks" / f"{task}.jsonl").write_text("\n".join(lines) + "\n")


def accuracies(model):
    result = {}
    for task in TASKS:
        tests = read_tests(task)
        answers = greedy(model, [test["prompt"] for test in tests])
        result[task] = sum(answer == test["answer"] for answer, test in zip(answers, tests)) / len(tests)
    return result


def uniform_average():
    """The float32 mean of the four experts, rounded once to bfloat16."""
    model = Llama(CONFIG)
    experts = [load_model(HERE / task).state_dict() for task in TASKS]
    model.load_state_dict({name: torch.stack([expert[name] for expert in experts]).mean(0).bfloat16().float()
                           for name in experts[0]})
    return model


@torch.no_grad()
def reference(model, prompt):
    ids = [BOS, *prompt.encode()]
    logits = model(torch.tensor([ids]))[0, -1]
    return {"prompt": prompt, "token_ids": ids, "logits": [float(f"{value:.6g}") for value in logits.tolist()],
            "continuation": greedy(model, [prompt])[0]}


def print_accuracies(name, result):
    scores = ", ".join(f"{task} {score:.1%}" for task, score in result.items())
    print(f"{name}: {scores}, mean {sum(result.values()) / len(result):.1%}", flush=True)


def write_expected():
    models = {name: load_model(HERE / name) for name in ["base", *TASKS]} | {"average": uniform_average()}
    expected = {
        "arithmetic": "bfloat16 weights converted to float32, all arithmetic in float32 (PyTorch on the CPU); logits "
                      "of the last prompt position, rounded to 6 significant digits; greedy decoding up to </s> or "
                      f"{MAX_NEW_TOKENS} tokens; 'average' is the float32 mean of the four experts' weights, rounded "
                      "once to bfloat16",
        "accuracy": {},
        "reference": {},
    }
    for name, model in models.items():
        expected["accuracy"][name] = accuracies(model)
        print_accuracies(name, expected["accuracy"][name])
        expected["reference"][name] = [reference(model, prompt) for prompt in REFERENCE_PROMPTS]
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


def main():
    use_one_thread()
    if len(sys.argv) > 2 and sys.argv[1] == "evaluate":
        for directory in sys.argv[2:]:
            print_accuracies(directory, accuracies(load_model(directory)))
    elif len(sys.argv) == 1:
        write_tests()
        train_base()
        with multiprocessing.Pool() as pool:
            pool.map(train_expert, TASKS, chunksize=1)
        write_expected()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
