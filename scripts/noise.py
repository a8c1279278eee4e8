"""How people type: slips of the keyboard, swallowed words, small words before and after."""

import random
import re
from collections.abc import Callable

BEFORE = {
    "en": ("hey", "hi", "so", "ok", "well", "um", "oh", "please", "and", "haha", "btw", "now"),
    "zh": ("那", "嗯", "哎", "请问", "话说", "哈哈", "对了", "嘿", "我想问", "哦", "那个", "所以"),
}
AFTER = {
    "en": ("please", "then", "lol", "haha", "mate", "bot", "tho", "right", "again", "my friend"),
    "zh": ("呀", "啊", "呢", "哈", "吧", "嘛", "啦", "哦", "哈哈", "哎", "了", "诶"),
}
# Chinese slips are characters of the same sound, or nearly (xin, xing); these are the common ones.
SAME_SOUND = tuple(
    """
    在再 的得地 他她它 做作坐座 吗嘛妈马 那哪拿 已以意易 象像向相想 是事式市试师
    有又友右油游 喜洗西 欢换 会回汇 什甚 你妮泥 好号 长常尝 话画化花 见件间
    听厅停 买卖 气汽起 请情晴清轻 道到 知只之直 心新星 学雪 工公功 天填甜 饭犯烦
    题提体 今金斤紧 明名鸣 上尚 班斑搬般 累泪类 睡水税 早找枣 晚玩完碗 吃迟持 喝和河
    茶查差 非飞啡 猫毛帽 狗够构 球求 篮蓝兰 足组祖 跑泡 步部不布 山三 海还孩 书输叔舒
    读毒独 影应硬 电点店 乐月 音因阴 歌哥个 唱场 舞五午 房防放 家加佳 爸把 弟第地
    姐结解 病并 感敢干 冒帽 头投 疼腾 药要 衣医一 院远愿 雨语鱼与 风封疯 热惹 冷愣
    钱前 贵归 机鸡几 手首受 恋练连 爱哎 分份 难男南 过国果 笑小校 讲奖 谢写些 译亿
    思丝司 老劳 板版办 经精京 面免 试式 考靠 业叶夜 课客可 程成城 序续 器七期
    注住主祝 力里理 编遍边 码马骂 训讯 练链 该改 觉绝 真珍针 怕爬 忘往网望 记计既
    跟根 谈弹 聊料 陪赔 帮邦 忙盲 快块 慢漫 旅绿 行型形 火伙 车扯 票漂 酒久九
    糖汤堂 辣拉啦 菜才财 面棉
    """.split()
)
SHORTER = {
    "you": "u", "are": "r", "your": "ur", "what is": "whats", "please": "pls", "because": "cuz",
    "do not": "dont", "going to": "gonna", "want to": "wanna", "favourite": "favorite",
    "about": "abt", "and": "n", "the": "teh", "really": "rly", "i am": "im", "cannot": "cant",
}  # fmt: skip
_HAN = re.compile("[\u4e00-\u9fff]")


def noisy(text: str, language: str, rng: random.Random) -> str:
    """A phrasing as somebody else would have typed it: one change, sometimes two."""
    changes: tuple[Callable[[str, str, random.Random], str], ...] = (slip, slip, framed, swallowed)
    for _ in range(1 + (rng.random() < 0.3)):
        text = rng.choice(changes)(text, language, rng)
    return text


def slip(text: str, language: str, rng: random.Random) -> str:
    """One slip of the keyboard, in a word of four letters or more, or a chat spelling."""
    if language == "zh" and _HAN.search(text):
        return _same_sound(text, rng)
    known = [word for word in SHORTER if re.search(rf"\b{word}\b", text, re.IGNORECASE)]
    if known and rng.random() < 0.5:
        word = rng.choice(known)
        return re.sub(rf"\b{word}\b", SHORTER[word], text, count=1, flags=re.IGNORECASE)
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    if long:
        place = rng.choice(long)
        words[place] = _mistyped(words[place], rng)
    return " ".join(words)


def framed(text: str, language: str, rng: random.Random) -> str:
    """A small word before or after."""
    join = "" if language == "zh" else " "
    if rng.random() < 0.5:
        return rng.choice(BEFORE[language]) + join + text
    return text.rstrip("?？!！.。") + join + rng.choice(AFTER[language])


def swallowed(text: str, language: str, rng: random.Random) -> str:
    """One word less, where four are left; in Chinese one character of six or more."""
    units, join = (list(text), "") if language == "zh" else (text.split(), " ")
    if len(units) >= (6 if language == "zh" else 5):
        units.pop(rng.randrange(len(units)))
    return join.join(units)


def _mistyped(word: str, rng: random.Random) -> str:
    """A letter lost, doubled, or two changed over; the first letter stays."""
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:i] + word[i + 1 :]
    if kind == 1:
        return word[:i] + word[i] + word[i:]
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _same_sound(text: str, rng: random.Random) -> str:
    """One character by another that sounds alike."""
    options = [
        (i, other)
        for i, char in enumerate(text)
        for group in SAME_SOUND
        if char in group
        for other in group
        if other != char
    ]
    if not options:
        return text
    i, other = rng.choice(options)
    return text[:i] + other + text[i + 1 :]
