"""Every sentence that a user reads, in English and Chinese, and the choice between the two."""

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

# What the bot says when no model spoke, in the language of the message.
SENTENCES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "empty": "I am listening: write me a few words.",
        "speechless": "I do not know what to say to that. Could you put it another way?",
        "failed": "Sorry, something went wrong on my side. Please say that again.",
    },
    "zh": {
        "empty": "我在听呢，跟我说点什么吧。",
        "speechless": "这个我不知道怎么回答，换个说法试试？",
        "failed": "抱歉，我这边出了点问题，请再说一遍。",
    },
}

# What the page says, in the language of the browser.
LABELS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Seq2seq chat",
        "message": "Your message",
        "placeholder": "Say something…",
        "conversation": "Conversation",
        "welcome": "A small model, trained from scratch on this machine.",
        "welcome_hint": "It read a few thousand dialogues and nothing else. Say hello, or try one:",
        "attention": "Attention",
        "attention_hint": "What did the model look at? After a reply, each row shows how one word "
        "of it weighed the words of your message.",
        "attention_none": "This model has no attention: the decoder saw your message only as one "
        "vector, so there are no weights to show.",
        "attention_axes": "Rows: the reply. Columns: what the model read.",
        "attention_past": "earlier",
        "attention_cut": "A long reply: only a part is shown.",
        "candidates": "Candidates",
        "candidates_hint": "What else could the model have said? Its best replies appear here, "
        "with their probabilities.",
        "candidates_score": "Bars: the average probability per token.",
        "settings": "Settings",
        "mode": "Decoding",
        "mode_beam": "Beam search",
        "mode_sampling": "Sampling",
        "beam": "Beam size",
        "samples": "Candidates",
        "temperature": "Temperature",
        "temperature_info": "Lower is more careful, higher is livelier",
        "topp": "Top-p",
        "topp_info": "Draw only from the likeliest tokens with this much probability in all",
        "length_penalty": "Length penalty",
        "length_penalty_info": "Above 1 favours longer replies",
        "no_repeat_ngram": "No repeated n-gram",
        "no_repeat_ngram_info": "No run of so many tokens occurs twice; 0: off",
        "max_length": "Maximum length",
        "max_length_info": "Tokens in a reply",
        "turns": "Memory",
        "turns_info": "Earlier exchanges that the model reads again",
        "seconds": "s",
        "tokens": "tokens",
        "speed": "tokens/s",
        "cut": "That was long: only the first {limit} characters were read.",
        "failed": "The reply failed. It was noted as {reference}; just go on talking.",
    },
    "zh": {
        "title": "Seq2seq 聊天",
        "message": "你的消息",
        "placeholder": "说点什么……",
        "conversation": "对话",
        "welcome": "一个在这台机器上从零训练的小模型。",
        "welcome_hint": "它只读过几千句对话。打个招呼，或者点一句试试：",
        "attention": "注意力",
        "attention_hint": "模型看了哪里？有了回复以后，每一行显示回复中的一个词"
        "如何分配对你消息里各词的注意。",
        "attention_none": "这个模型没有注意力：解码器只看到一个代表整句话的向量，"
        "所以没有权重可显示。",
        "attention_axes": "行：回复；列：模型读到的内容。",
        "attention_past": "之前",
        "attention_cut": "回复较长，只显示一部分。",
        "candidates": "候选回复",
        "candidates_hint": "模型还想说什么？最好的几个回复和它们的概率会显示在这里。",
        "candidates_score": "横条：每个词元的平均概率。",
        "settings": "设置",
        "mode": "解码方式",
        "mode_beam": "束搜索",
        "mode_sampling": "随机采样",
        "beam": "束宽",
        "samples": "候选数",
        "temperature": "温度",
        "temperature_info": "低则稳妥，高则活泼",
        "topp": "Top-p",
        "topp_info": "只从累计概率达到此值的最可能词元中抽取",
        "length_penalty": "长度惩罚",
        "length_penalty_info": "大于 1 时偏向较长的回复",
        "no_repeat_ngram": "禁止重复的 n 元组",
        "no_repeat_ngram_info": "这么长的词元序列不会出现两次；0 表示关闭",
        "max_length": "最大长度",
        "max_length_info": "一个回复的词元数",
        "turns": "记忆",
        "turns_info": "模型会重读的之前几轮对话",
        "seconds": "秒",
        "tokens": "词元",
        "speed": "词元/秒",
        "cut": "消息太长，只读了前 {limit} 个字符。",
        "failed": "这次回复失败了（编号 {reference}），请继续聊。",
    },
}

EXAMPLES: Mapping[Language, tuple[str, ...]] = {
    "en": ("How are you?", "What does attention do?", "Tell me a joke"),
    "zh": ("你好呀！", "什么是编码器？", "讲个笑话吧"),
}

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CANNED = frozenset(text for sentences in SENTENCES.values() for text in sentences.values())


def language_of(text: str) -> Language:
    """Chinese as soon as there is one Han character."""
    return "zh" if _HAN.search(text) else "en"


def preferred_language(accept_language: str) -> Language:
    """The first of a browser's languages that the page speaks, as in ``zh-CN,zh;q=0.9,en``."""
    for choice in accept_language.lower().split(","):
        language = choice.strip().split(";")[0].split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def is_canned(text: str) -> bool:
    """Whether the bot said this without the model, so that it is no part of the conversation."""
    return text in _CANNED
