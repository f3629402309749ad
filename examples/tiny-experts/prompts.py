#!/usr/bin/env python3
"""Write the prompts that routers of the tiny experts are trained on and tried with.

    python3 prompts.py

Needs Python 3.9 only. calibration/TASK.jsonl are prompts of each task, none of which is in tasks/; unrelated/ holds
prompts of none of the tasks: skills.jsonl asks for the base's own skills, by the names that it knows (train.py), and
text.jsonl is text of all kinds.
"""

import json
import random
import string
from pathlib import Path

HERE = Path(__file__).resolve().parent
CALIBRATION_PROMPTS = 300
UNRELATED_PROMPTS = 100

# As in train.py.
CIPHER_KEY = str.maketrans(string.ascii_lowercase, "qwertyuiopasdfghjklzxcvbnm")


def random_letters(rng):
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 7)))


def random_sum(rng):
    return f"{rng.randrange(100)}+{rng.randrange(100)}"


TASKS = {
    "add": (random_sum, lambda text: str(sum(map(int, text.split("+"))))),
    "reverse": (random_letters, lambda text: text[::-1]),
    "sort": (random_letters, lambda text: "".join(sorted(text))),
    "cipher": (random_letters, lambda text: text.translate(CIPHER_KEY)),
}
BASE_NAMES = {"add": "sum", "reverse": "flip", "sort": "order", "cipher": "code"}


def sentence(rng):
    who = rng.choice(["the old man", "a child", "my neighbour", "the red bird", "nobody", "our captain"])
    does = rng.choice(["walks to", "dreams of", "has never seen", "writes about", "sells", "looks for"])
    what = rng.choice(["the harbour", "seven ships", "a warm winter", "the moon", "his garden", "old letters"])
    return f"{who} {does} {what}."


def question(rng):
    begin = rng.choice(["What is", "Who made", "Where can I find", "How large is", "Why do we need", "When was"])
    what = rng.choice(["the capital of France", "this bridge", "good bread", "the sun", "an engine", "the first map"])
    return f"{begin} {what}?"


def code(rng):
    name = rng.choice(["i", "count", "x", "total", "index"])
    return rng.choice([
        f"for {name} in range({rng.randrange(2, 90)}):",
        f"if ({name} > {rng.randrange(90)}) {{ return {name}; }}",
        f"int {name} = {rng.randrange(90)}; // set",
        f"def {name}_of(items): return items[{rng.randrange(9)}]",
    ])


def list_of_numbers(rng):
    return " ".join(str(rng.randrange(200)) for _ in range(rng.randint(4, 8)))


def unknown_task(rng):
    name = rng.choice(["double", "shout", "count", "rhyme", "spell", "translate"])
    return f"{name} {random_letters(rng)}="


TEXTS = [sentence, question, code, list_of_numbers, unknown_task]


def write(folder, name, lines):
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def main():
    for task, (draw, _) in TASKS.items():
        tests = (HERE / "tasks" / f"{task}.jsonl").read_text().splitlines()
        taken = {json.loads(line)["prompt"] for line in tests}
        rng = random.Random(f"calibration {task}")
        prompts = []
        while len(prompts) < CALIBRATION_PROMPTS:
            prompt = f"{task} {draw(rng)}="
            if prompt not in taken:
                taken.add(prompt)
                prompts.append({"prompt": prompt})
        write("calibration", task, prompts)

    rng = random.Random("unrelated skills")
    skills = []
    for i in range(UNRELATED_PROMPTS):
        task = list(TASKS)[i % len(TASKS)]
        draw, answer = TASKS[task]
        text = draw(rng)
        skills.append({"prompt": f"{BASE_NAMES[task]} {text}=", "answer": answer(text)})
    write("unrelated", "skills", skills)

    rng = random.Random("unrelated text")
    write("unrelated", "text", [{"text": TEXTS[i % len(TEXTS)](rng)} for i in range(UNRELATED_PROMPTS)])


if __name__ == "__main__":
    main()
