"""The controls of the page: one for each setting, the presets, and what they are called."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from .dialog import LIMITS, MODES, PRESETS, Mode, Settings, WrongSettings, make_settings
from .page_session import Session
from .page_text import TEXTS
from .strings import LABELS, Language

Control = gr.Radio | gr.Checkbox | gr.Number | gr.Slider

STEPS = {"length_penalty": 0.1, "temperature": 0.05, "topp": 0.05, "diversity": 0.05}
APPLIES: Mapping[str, frozenset[Mode]] = {  # where it is not every mode
    "length_penalty": frozenset(["beam"]),
    **dict.fromkeys(("temperature", "topk", "topp", "seed"), frozenset(["sampling"])),
}
_ORDER = (
    *("mode", "beam", "length_penalty", "temperature", "topk", "topp", "seed"),
    *("no_repeat_ngram", "min_length", "max_length", "memory", "turns", "diversity", "fallback"),
)


class Controls:
    """Builds the controls where it is called, in a Blocks.

    Attributes:
        components: by the name of the setting, and ``memory``, the switch of ``turns``
        presets: a button for each preset
    """

    def __init__(self, settings: Settings, session: gr.State) -> None:
        self.defaults = settings
        with gr.Row(elem_id="presets"):
            self.presets = {
                name: gr.Button(TEXTS[name], size="sm", elem_id=name, min_width=60)
                for name in PRESETS
            }
        self.components = {name: self._component(name) for name in _ORDER}
        mode = self.components["mode"]
        quick: dict[str, Any] = {
            "api_visibility": "private",
            "queue": False,
            "show_progress": "hidden",
        }
        changed = [self.components[name] for name in (*APPLIES, "beam")]
        mode.change(self._show, [mode, session], changed, **quick)
        self.components["memory"].change(
            lambda memory: gr.update(visible=memory),
            self.components["memory"],
            self.components["turns"],
            **quick,
        )
        for name, button in self.presets.items():
            changed = [self.components[key] for key in PRESETS[name]]
            values = list(PRESETS[name].values())
            button.click(lambda values=values: values, None, changed, **quick)

    def relabel(self, language: Language, mode: str) -> dict[gr.components.Component, Any]:
        """Updates that give every control its name in a language."""
        labels = LABELS[language]
        updates: dict[gr.components.Component, Any] = {
            component: gr.update(**_names(name, labels, mode))
            for name, component in self.components.items()
        }
        return updates | {
            button: gr.update(value=labels[name]) for name, button in self.presets.items()
        }

    def read(self, values: Mapping[str, Any]) -> Settings:
        """The settings that the controls stand for.

        Raises:
            WrongSettings: in one sentence, for a value that is out of range
        """
        values = dict(values)
        if not values.pop("memory"):
            values["turns"] = 0
        return make_settings(values, replace(self.defaults, seed=None))  # an empty seed is drawn

    @staticmethod
    def reason(error: WrongSettings, language: Language) -> str:
        """What is wrong with the settings, in a language and by the names of the controls."""
        labels, values = LABELS[language], dict(error.values)
        if "name" in values:
            values["name"] = labels[values["name"]]
        return labels[error.key].format(**values) if error.key else ""

    @staticmethod
    def _show(mode: str, session: Session) -> list[dict[str, Any]]:
        """Only the controls that apply; the number of candidates is a beam size in beam search."""
        shown = [gr.update(visible=mode in modes) for modes in APPLIES.values()]
        return [*shown, gr.update(**_names("beam", LABELS[session.language], mode))]

    def _component(self, name: str) -> Control:
        settings = self.defaults
        options = _names(name, TEXTS, settings.mode)
        options["visible"] = settings.mode in APPLIES.get(name, MODES)
        options["elem_id"] = f"set-{name}"
        if name == "mode":
            return gr.Radio(value=settings.mode, **options)
        if name == "memory":
            return gr.Checkbox(settings.turns > 0, **options)
        if name == "fallback":
            return gr.Checkbox(settings.fallback, **options)
        if name == "seed":
            return gr.Number(settings.seed, precision=0, **options)
        low, high = LIMITS[name]
        value = getattr(settings, name)
        if name == "turns":
            low, value, options["visible"] = 1, max(1, value), settings.turns > 0
        return gr.Slider(low, high, value, step=STEPS.get(name, 1), **options)


def _names(name: str, labels: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Label, hint and choices of a control."""
    if name == "mode":
        return {
            "label": labels["mode"],
            "choices": [(labels[f"mode_{each}"], each) for each in MODES],
        }
    if name == "beam" and mode != "beam":
        name = "samples"
    return {"label": labels[name], "info": labels[f"{name}_info"]}
