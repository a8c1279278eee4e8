"""What the terminal says, in English and Chinese."""

from collections.abc import Mapping

from .strings import Language

TEXTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "you": "you> ",
        "bot": "bot> ",
        "greeting": "Say something. /help lists the commands; Ctrl-D ends the conversation.",
        "goodbye": "Goodbye.",
        "help": """/help              show this
/clear             forget the conversation
/retry             another answer to the last message, drawn
/undo              take back the last message and its answer
/candidates        what else the model could have said
/use N             put candidate N in the answer's place
/attention         which words of the message each word of the answer looked at
/settings          how replies are searched for
/set NAME VALUE    change one of these
/preset NAME       change several: {presets}
/card              what is known about the model
/model NAME        talk to another model: {models}
/save FILE         keep the conversation as .json or .md
/lang en|zh        English or Chinese
/quit              end it; Ctrl-D does too, Ctrl-C stops an answer""",
        "cleared": "The conversation is forgotten.",
        "undone": "Taken back: {text}",
        "nothing": "Nothing has been said yet.",
        "no_candidates": "There are no candidates for this answer.",
        "no_candidate": "There is no candidate {value}: choose a number from 1 to {count}.",
        "no_attention": "There is no attention to show for this answer.",
        "legend": "rows: the answer; columns: what the model read",
        "set": "{name} is now {value}.",
        "set_needs": "/set needs a name and a value: {names}.",
        "no_setting": "There is no setting {name!r}: choose among {names}.",
        "no_range": "{name} cannot be {value!r}: {allowed}.",
        "range": "{low} to {high}",
        "lengths": "min_length must not be above max_length.",
        "no_preset": "There is no preset {name!r}: choose among {names}.",
        "model": "You are talking to {name}. The models are {names}.",
        "no_model": "There is no model {name!r}: choose among {names}.",
        "broken_model": "The model {name!r} cannot be loaded.",
        "saved": "Saved as {file}.",
        "save_needs": "/save needs the name of a file that ends in .json or .md.",
        "exists": "{file} is there already: choose another name.",
        "not_saved": "{file} cannot be written: {why}.",
        "lang": "I speak English now.",
        "lang_needs": "/lang needs en or zh.",
        "unknown": "There is no command {command}: /help lists them.",
        "cut": "That was long: only the first {limit} characters were read.",
        "busy": "(nothing is lost: the arrow key up brings your message back)",
        "late": "(it took too long and was cut)",
        "failed": "(noted in the log as {reference})",
        "card_name": "name",
        "card_architecture": "architecture",
        "card_parameters": "parameters",
        "card_vocabulary": "vocabulary",
        "card_device": "device",
        "card_data": "data",
        "card_licence": "licence",
        "card_date": "date",
    },
    "zh": {
        "you": "你> ",
        "bot": "答> ",
        "greeting": "说点什么吧。/help 列出命令，Ctrl-D 结束对话。",
        "goodbye": "再见。",
        "help": """/help              显示本说明
/clear             忘掉这段对话
/retry             对上一句随机再答一次
/undo              收回上一句话和它的回复
/candidates        模型还想说什么
/use N             用第 N 个候选替换回复
/attention         回复的每个词看了消息里的哪些词
/settings          回复是怎样搜索的
/set 名称 值       改变其中一项
/preset 名称       一次改几项：{presets}
/card              模型的介绍
/model 名称        换一个模型：{models}
/save 文件         把对话存成 .json 或 .md
/lang en|zh        英文或中文
/quit              结束；Ctrl-D 也可以，Ctrl-C 停止回复""",
        "cleared": "对话已忘掉。",
        "undone": "已收回：{text}",
        "nothing": "还没有说过话。",
        "no_candidates": "这个回复没有候选。",
        "no_candidate": "没有第 {value} 个候选：请选 1 到 {count}。",
        "no_attention": "这个回复没有可显示的注意力。",
        "legend": "行：回复；列：模型读到的内容",
        "set": "{name} 现在是 {value}。",
        "set_needs": "/set 需要名称和值：{names}。",
        "no_setting": "没有 {name!r} 这项设置，可选：{names}。",
        "no_range": "{name} 不能是 {value!r}，可以是：{allowed}。",
        "range": "{low} 到 {high}",
        "lengths": "min_length 不能大于 max_length。",
        "no_preset": "没有 {name!r} 这组设置，可选：{names}。",
        "model": "你在和 {name} 说话。所有模型：{names}。",
        "no_model": "没有模型 {name!r}，可选：{names}。",
        "broken_model": "模型 {name!r} 无法载入。",
        "saved": "已存为 {file}。",
        "save_needs": "/save 需要以 .json 或 .md 结尾的文件名。",
        "exists": "{file} 已经存在，请换个名字。",
        "not_saved": "{file} 无法写入：{why}。",
        "lang": "现在说中文。",
        "lang_needs": "/lang 需要 en 或 zh。",
        "unknown": "没有 {command} 这个命令，/help 列出全部命令。",
        "cut": "消息太长，只读了前 {limit} 个字符。",
        "busy": "（什么都没丢：按向上键可找回刚才的话）",
        "late": "（用时太长，已被截断）",
        "failed": "（日志编号 {reference}）",
        "card_name": "名称",
        "card_architecture": "结构",
        "card_parameters": "参数",
        "card_vocabulary": "词表",
        "card_device": "设备",
        "card_data": "数据",
        "card_licence": "许可",
        "card_date": "日期",
    },
}


def preferred(environment: Mapping[str, str]) -> Language:
    """The language of a locale, as in ``LANG=zh_CN.UTF-8``."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, names), "").lower().startswith("zh") else "en"
