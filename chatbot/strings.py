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
        "busy": "Too many people are talking to me. Please say that again in a moment.",
        "stopped": "All right, I have stopped.",
    },
    "zh": {
        "empty": "我在听呢，跟我说点什么吧。",
        "speechless": "这个我不知道怎么回答，换个说法试试？",
        "failed": "抱歉，我这边出了点问题，请再说一遍。",
        "busy": "现在和我说话的人太多了，请过一会儿再说一遍。",
        "stopped": "好的，我停下了。",
    },
}

# What the bot says where a message is mostly unknown to the model: honest, and each another way on.
FALLBACKS: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "I only know a little, and not that. Try asking me about food, travel or music.",
        "That is beyond the dialogues I have read. Ask me what attention does, or for a joke.",
        "I have never read about that. We could talk about animals, the weather or your day.",
        "I am a small model, and those words are new to me. Try work, study or sleep.",
        "I would only be guessing. Ask me about encoders and decoders, or about my hobbies.",
        "My world is small, and that lies outside it. Shall we talk about films or sport?",
    ),
    "zh": (
        "我懂得不多，这个没学过。可以问问我美食、旅行或者音乐。",
        "这超出了我读过的那点对话。问问我什么是注意力，或者让我讲个笑话吧。",
        "这个我从没读到过。我们可以聊聊动物、天气，或者你今天过得怎么样。",
        "我只是个小模型，这些词我没见过。可以跟我聊工作、学习或者睡眠。",
        "再说下去我就是瞎猜了。可以问我编码器和解码器，或者我的爱好。",
        "我的世界很小，这个在外面。要不聊聊朋友、电影或者运动？",
    ),
}

# What the page says, in the language that its switch shows.
LABELS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Seq2seq chat",
        "language": "中文",
        "message": "Your message",
        "placeholder": "Say something…",
        "conversation": "Conversation",
        "conversation_aside": "Conversation with the second model",
        "welcome": "A small model, trained from scratch on this machine.",
        "welcome_hint": "It read a few thousand dialogues and nothing else. Say hello, or try one:",
        "welcome_aside": "This model answers the same messages.",
        "attention": "Attention",
        "attention_hint": "What did the model look at? After a reply, each row shows how one word "
        "of it weighed the words of your message.",
        "attention_none": "This model has no attention: the decoder saw your message only as one "
        "vector, so there are no weights to show.",
        "attention_fallback": "Most of these words are unknown to the model, so it was not asked: "
        "the answer is a stock sentence.",
        "attention_wait": "The weights come with the first word…",
        "attention_axes": "Rows: the reply. Columns: what the model read.",
        "attention_past": "earlier",
        "attention_cut": "A long reply: only a part is shown.",
        "read": "What the model was given",
        "plan": "What it decided to speak about:",
        "candidates": "Candidates",
        "reranked": "reranked",
        "candidates_hint": "What else could the model have said? Its best replies appear here, "
        "with their probabilities.",
        "candidates_score": "Bars: the average probability per token. Click one to put it in the "
        "reply's place.",
        "variants": "Answers",
        "settings": "Settings",
        "precise": "Precise",
        "balanced": "Balanced",
        "lively": "Lively",
        "mode": "Decoding",
        "mode_greedy": "Greedy",
        "mode_beam": "Beam search",
        "mode_sampling": "Sampling",
        "beam": "Beam size",
        "beam_info": "Hypotheses that the search keeps; all of them are candidates",
        "samples": "Candidates",
        "samples_info": "How many replies to choose among",
        "temperature": "Temperature",
        "temperature_info": "Lower is more careful, higher is livelier",
        "topk": "Top-k",
        "topk_info": "Draw only from so many likeliest tokens; 0: from all",
        "topp": "Top-p",
        "topp_info": "Draw only from the likeliest tokens with this much probability in all",
        "seed": "Seed",
        "seed_info": "The same number draws the same reply; empty: another one each time",
        "length_penalty": "Length penalty",
        "length_penalty_info": "Above 1 favours longer replies",
        "no_repeat_ngram": "No repeated n-gram",
        "no_repeat_ngram_info": "No run of so many tokens occurs twice; 0: off",
        "min_length": "Minimum length",
        "min_length_info": "Tokens in a reply, at least",
        "max_length": "Maximum length",
        "max_length_info": "Tokens in a reply, at most",
        "memory": "Remember the conversation",
        "memory_info": "The model reads earlier exchanges again",
        "turns": "Memory",
        "turns_info": "How many earlier exchanges the model reads again",
        "diversity": "Diversity",
        "diversity_info": "Prefers candidates that fit this message over ones that fit any; 0: off",
        "fallback": "Admit what it does not know",
        "fallback_info": "An honest sentence where most of the message is unknown",
        "model": "Model",
        "model_info": "Who answers",
        "compare": "Compare with",
        "compare_info": "A second model answers the same messages",
        "nobody": "nobody",
        "parameters": "parameters",
        "card_architecture": "Architecture",
        "card_parameters": "Parameters",
        "card_vocabulary": "Vocabulary",
        "card_data": "Trained on",
        "card_licence": "Licence",
        "card_date": "Date",
        "card_device": "Runs on",
        "perplexity": "Perplexity",
        "perplexity (validation)": "Perplexity (validation)",
        "updates": "Updates",
        "seconds": "s",
        "milliseconds": "ms",
        "first": "first token",
        "tokens": "tokens",
        "speed": "tokens/s",
        "cut": "That was long: only the first {limit} characters were read.",
        "failed": "The reply failed. It was noted as {reference}; just go on talking.",
        "busy": "The model is busy: try again in a moment.",
        "late": "The reply took too long and was cut.",
        "often": "Those were many messages in a minute: please wait a little.",
        "wrong": "Please check the settings. {reason}",
        "wrong_lengths": "The minimum length ({shortest}) is above the maximum length ({longest}).",
        "wrong_range": "{name}: a number from {low} to {high}, please.",
        "reloaded": "The page was loaded anew, so the conversation starts afresh.",
        "unloadable": "This model cannot be loaded; the other one stays.",
    },
    "zh": {
        "title": "Seq2seq 聊天",
        "language": "English",
        "message": "你的消息",
        "placeholder": "说点什么……",
        "conversation": "对话",
        "conversation_aside": "与第二个模型的对话",
        "welcome": "一个在这台机器上从零训练的小模型。",
        "welcome_hint": "它只读过几千句对话。打个招呼，或者点一句试试：",
        "welcome_aside": "这个模型回答同样的消息。",
        "attention": "注意力",
        "attention_hint": "模型看了哪里？有了回复以后，每一行显示回复中的一个词"
        "如何分配对你消息里各词的注意。",
        "attention_none": "这个模型没有注意力：解码器只看到一个代表整句话的向量，"
        "所以没有权重可显示。",
        "attention_fallback": "这句话里的词模型大多不认识，所以没有问它：这是一句备用的回答。",
        "attention_wait": "权重会随第一个词出现……",
        "attention_axes": "行：回复；列：模型读到的内容。",
        "attention_past": "之前",
        "attention_cut": "回复较长，只显示一部分。",
        "read": "模型实际读到的内容",
        "plan": "开口前先定下的话题：",
        "candidates": "候选回复",
        "reranked": "重排",
        "candidates_hint": "模型还想说什么？最好的几个回复和它们的概率会显示在这里。",
        "candidates_score": "横条：每个词元的平均概率。点击一条即可用它替换当前回复。",
        "variants": "回答",
        "settings": "设置",
        "precise": "严谨",
        "balanced": "均衡",
        "lively": "活泼",
        "mode": "解码方式",
        "mode_greedy": "贪心",
        "mode_beam": "束搜索",
        "mode_sampling": "随机采样",
        "beam": "束宽",
        "beam_info": "搜索保留的假设数，它们都是候选",
        "samples": "候选数",
        "samples_info": "有多少个回复可供选择",
        "temperature": "温度",
        "temperature_info": "低则稳妥，高则活泼",
        "topk": "Top-k",
        "topk_info": "只从这么多个最可能的词元中抽取；0 表示全部",
        "topp": "Top-p",
        "topp_info": "只从累计概率达到此值的最可能词元中抽取",
        "seed": "随机种子",
        "seed_info": "同样的数字抽出同样的回复；留空则每次不同",
        "length_penalty": "长度惩罚",
        "length_penalty_info": "大于 1 时偏向较长的回复",
        "no_repeat_ngram": "禁止重复的 n 元组",
        "no_repeat_ngram_info": "这么长的词元序列不会出现两次；0 表示关闭",
        "min_length": "最小长度",
        "min_length_info": "一个回复至少有多少词元",
        "max_length": "最大长度",
        "max_length_info": "一个回复至多有多少词元",
        "memory": "记住对话",
        "memory_info": "模型会重读之前的对话",
        "turns": "记忆",
        "turns_info": "模型会重读之前的几轮对话",
        "diversity": "多样性",
        "diversity_info": "偏向只适合这句话的候选，而不是放之四海皆准的；0 表示关闭",
        "fallback": "不懂就说不懂",
        "fallback_info": "大部分词都不认识时，老实说明",
        "model": "模型",
        "model_info": "由谁回答",
        "compare": "对比",
        "compare_info": "由第二个模型回答同样的消息",
        "nobody": "不对比",
        "parameters": "参数",
        "card_architecture": "结构",
        "card_parameters": "参数量",
        "card_vocabulary": "词表",
        "card_data": "训练数据",
        "card_licence": "许可",
        "card_date": "日期",
        "card_device": "运行于",
        "perplexity": "困惑度",
        "perplexity (validation)": "困惑度（验证集）",
        "updates": "更新步数",
        "seconds": "秒",
        "milliseconds": "毫秒",
        "first": "首词元",
        "tokens": "词元",
        "speed": "词元/秒",
        "cut": "消息太长，只读了前 {limit} 个字符。",
        "failed": "这次回复失败了（编号 {reference}），请继续聊。",
        "busy": "模型正忙，请稍后再试。",
        "late": "回复用时太长，已被截断。",
        "often": "一分钟内的消息太多了，请稍等片刻。",
        "wrong": "请检查设置。{reason}",
        "wrong_lengths": "最小长度（{shortest}）大于最大长度（{longest}）。",
        "wrong_range": "“{name}”应为 {low} 到 {high} 之间的数。",
        "reloaded": "页面已重新载入，对话从头开始。",
        "unloadable": "这个模型无法载入，仍用原来的模型。",
    },
}

EXAMPLES: Mapping[Language, tuple[str, ...]] = {
    "en": ("How are you?", "What does attention do?", "Do you know a joke?"),
    "zh": ("你好呀！", "什么是编码器？", "讲个笑话吧"),
}

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_CANNED = frozenset(
    [text for sentences in SENTENCES.values() for text in sentences.values()]
    + [text for texts in FALLBACKS.values() for text in texts]
)


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
