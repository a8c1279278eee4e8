"""Small data sets in the published formats, made here: what the recipes read, in a folder."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

COLOURS = {"red": "rot", "blue": "blau", "green": "grün", "old": "alt", "small": "klein"}
THINGS = {"dog": "Hund", "ball": "Ball", "hat": "Hut", "boat": "Kahn", "tree": "Baum", "car": "Wal"}
ACTIONS = {"stands": "steht", "falls": "fällt", "waits": "wartet", "shines": "glänzt"}
CHINESE = {
    "red": "红", "blue": "蓝", "green": "绿", "old": "旧", "small": "小", "dog": "狗", "ball": "球",
    "hat": "帽子", "boat": "船", "tree": "树", "car": "车", "stands": "站着", "falls": "倒了",
    "waits": "等着", "shines": "发光",
}  # fmt: skip


def words(count: int, seed: int) -> list[tuple[str, str, str]]:
    """So many different triples of colour, thing and action."""
    every = [(c, t, a) for c in COLOURS for t in THINGS for a in ACTIONS]
    return random.Random(seed).sample(every, count)


def english(colour: str, thing: str, action: str) -> str:
    return f"The {colour} {thing} {action}."


def german(colour: str, thing: str, action: str) -> str:
    return f"Was {COLOURS[colour]} ist, der {THINGS[thing]}, {ACTIONS[action]}."


def french(colour: str, thing: str, action: str) -> str:
    return f"Le {thing[::-1]} {colour[::-1]} {action[::-1]}."


def chinese(colour: str, thing: str, action: str) -> str:
    return f"{CHINESE[colour]}{CHINESE[thing]}{CHINESE[action]}。"


def put(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def multi30k(folder: Path) -> None:
    every = words(100, 1)
    parts = {"train": every[:70], "val": every[70:80], "test_2016_flickr": every[80:90]}
    for name, part in (parts | {"test_2017_flickr": every[90:]}).items():
        put(folder / f"{name}.en", [english(*each) for each in part])
        put(folder / f"{name}.de", [german(*each) for each in part])


def tatoeba_cmn_eng(folder: Path) -> None:
    lines = [f"{english(*w)}\t{chinese(*w)}\tmade by the tests" for w in words(120, 2)]
    put(folder / "cmn.txt", lines)


def tatoeba_fra_eng(folder: Path) -> None:
    put(folder / "fra.txt", [f"{english(*w)}\t{french(*w)}" for w in words(120, 3)])


MEDIUM = (
    "arm_e", "bul", "dut", "fre", "geo", "hbs_latn", "hun", "jpn_hira", "kor", "vie_hanoi",
)  # fmt: skip
LOW = ("ady", "gre", "ice", "ita", "khm", "lav", "mlt_latn", "rum", "slv", "wel_sw")


def spellings(count: int, seed: int) -> list[tuple[str, str]]:
    """Words of two to five letters, each letter with its sound."""
    rng = random.Random(seed)
    found = {"".join(rng.choices("abdeilmnorst", k=rng.randint(2, 5))): None for _ in range(count)}
    return [(word, " ".join(f"{letter.upper()}H" for letter in word)) for word in found]


def sigmorphon2021_g2p(folder: Path) -> None:
    tracks = {"eng_us": "high"} | dict.fromkeys(LOW, "low") | dict.fromkeys(MEDIUM, "medium")
    for place, (language, track) in enumerate(tracks.items()):
        every = [f"{word}\t{phones}" for word, phones in spellings(90, 4 + place)]
        for name, part in (("train", every[:60]), ("dev", every[60:70]), ("test", every[70:])):
            put(folder / track / f"{language}_{name}.tsv", part)


def cmudict(folder: Path) -> None:
    lines = [f"{word} {phones.replace('AH', 'AH0')}" for word, phones in spellings(80, 5)]
    put(folder / "cmudict.dict", [*lines, f"{lines[1].split()[0]}(2) AH1 BH # another one"])


def scan(folder: Path) -> None:
    verbs = {"walk": "I_WALK", "look": "I_LOOK", "run": "I_RUN", "jump": "I_JUMP"}
    lines = [
        f"IN: {verb} {turn} {times} OUT: {' '.join([f'I_TURN_{turn.upper()} {act}'] * count)}"
        for verb, act in verbs.items()
        for turn in ("left", "right")
        for times, count in (("twice", 2), ("thrice", 3), ("four times", 4), ("once", 1))
    ] * 3
    places = {"simple": "simple_split", "length": "length_split", "addprim_jump": "add_prim_split"}
    for split, place in places.items():
        commands = [f"IN: say {n} OUT: I_SAY_{n % 3}" for n in range(60)]
        put(folder / place / f"tasks_train_{split}.txt", lines + commands)
        put(folder / place / f"tasks_test_{split}.txt", lines[:20])


def dialogsum(folder: Path) -> None:
    rows = [
        {
            "fname": f"train_{number}",
            "dialogue": f"#Person1#: Where is the {c} {t}?\n#Person2#: Look, it {a} over there.",
            "summary": f"#Person2# tells #Person1# that the {c} {t} {a}.",
        }
        for number, (c, t, a) in enumerate(words(80, 6))
    ]
    put(folder / "dialogsum.train.pyliteral.txt", [repr(row) for row in rows[:60]])
    put(folder / "dialogsum.dev.jsonl", [json.dumps(row) for row in rows[60:70]])
    three = [row | {f"summary{n}": row["summary"] for n in (1, 2, 3)} for row in rows[70:]]
    put(folder / "dialogsum.test.jsonl", [json.dumps(row) for row in three])


def csl_title_devtest(folder: Path) -> None:
    texts = [chinese(*each) for each in words(120, 7)]
    rows = [f"to title\t本文研究{text}结果见下文。\t{text[:-1]}" for text in texts]
    put(folder / "dev.tsv", rows + rows[:40])
    put(folder / "test.tsv", rows[100:])


def webquestions(folder: Path) -> None:
    rows = [
        {"qText": f"what {action} by the {colour} {thing}?", "answers": [f"{thing} house", colour]}
        for colour, thing, action in words(90, 8)
    ]
    parts = {"trainmodel": rows[:50], "devtest": rows[50:60], "val": rows[60:70], "test": rows[70:]}
    for name, part in parts.items():
        put(folder / "main" / f"{name}.json", [json.dumps(part)])


def chatterbot(folder: Path) -> None:
    for language, write in (("english", english), ("chinese", chinese)):
        lines = ["conversations:"]
        for one, other in zip(words(110, 9), words(110, 10), strict=True):
            lines += [f"- - {json.dumps(write(*one))}", f"  - {json.dumps(write(*other))}"]
        put(folder / language / "tiny.yml", lines)


def xdailydialog(folder: Path) -> None:
    ends = " __eou__ "
    for language, write in (("en", english), ("zh", chinese)):
        said = [write(*each) for each in words(120, 11)]
        talks = [ends.join(said[at : at + 4]) for at in range(0, 120, 4)]
        name = {"en": "En", "zh": "Zh"}[language]
        put(folder / "train" / f"dialogues_text_{name}.txt", talks[:22])
        for subset, part in (("dev", talks[22:26]), ("test", talks[26:])):
            rows = [f"{talk}{ends}\t1\t1 1 1 1\t0 0 0 0" for talk in part]
            put(folder / subset / f"{language}_{subset}_human.txt", rows)


def alibi_wordalign_fr_en(folder: Path) -> None:
    story = folder / "ali" / "LeConte_TheTale"
    triples = words(12, 12)
    rows = {
        "LeConte_sents.txt": [french(*w).replace(".", " .") for w in triples],
        "TheTale_sents.txt": [english(*w).replace(".", " .") for w in triples],
        "ali_w2w_LeConte_TheTale.txt": ["0-0 1-2 2-1 3-3 4-4 0p1"] * 12,
    }
    for name, lines in rows.items():
        put(story / name, [f"{number}\t{line}" for number, line in enumerate(lines, start=1)])


EVERY = (
    multi30k, tatoeba_cmn_eng, tatoeba_fra_eng, sigmorphon2021_g2p, cmudict, scan, dialogsum,
    csl_title_devtest, webquestions, chatterbot, xdailydialog, alibi_wordalign_fr_en,
)  # fmt: skip


def make(folder: Path) -> None:
    """All of them, each under its name."""
    for data_set in EVERY:
        data_set(folder / data_set.__name__)
