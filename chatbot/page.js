// What the page does by itself: its language, words that light up, the mark on the reply that is
// looked at, downloads. What Gradio draws by itself takes the browser's language, so it is renamed.
(() => {
    const root = document.documentElement;
    const isChinese = (code) => /^zh/i.test(code || "");
    const memory = {  // storage may be forbidden
        get: (store, key) => { try { return window[store].getItem(key); } catch { return null; } },
        set: (store, key, value) => { try { window[store].setItem(key, value); } catch { } },
    };
    const NAMES = [  // of Gradio's own buttons, which do not follow the switch
        ["Retry", "重试"], ["Undo", "撤销"], ["Edit", "编辑"], ["Clear", "清空对话"],
        ["Submit", "发送"], ["Cancel", "取消"], ["Copy message", "复制消息"],
        ["Copied message", "已复制消息"], ["Copy conversation", "复制对话"],
        ["Copied conversation", "已复制对话"],
    ];
    const FOOTER = ["Use via API", "通过 API 使用"];

    const chatPage = window.chatPage = {
        language: memory.get("localStorage", "language"),
        setLanguage(language) {
            chatPage.language = language;
            root.dataset.language = language;
            root.lang = language;
            memory.set("localStorage", "language", language);
            rename();
        },
        // What the server is told when the page has opened.
        arrive() {
            if (memory.get("sessionStorage", "spoke") === "yes") notice();
            memory.set("sessionStorage", "spoke", "no");
            return chatPage.language;
        },
        save(file) {
            const { name, type, text } = JSON.parse(file);
            const link = document.createElement("a");
            link.href = URL.createObjectURL(new Blob([text], { type }));
            link.download = name;
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 10000);
        },
    };

    if (!["en", "zh"].includes(chatPage.language)) {
        chatPage.language = isChinese(navigator.language) ? "zh" : "en";
    }
    root.dataset.language = chatPage.language;

    function rename() {
        const column = chatPage.language === "zh" ? 1 : 0;
        for (const attribute of ["aria-label", "title"]) {
            for (const button of document.querySelectorAll(`#talk button[${attribute}]`)) {
                const now = button.getAttribute(attribute);
                const names = NAMES.find((names) => names.includes(now));
                if (names && names[column] !== now) button.setAttribute(attribute, names[column]);
            }
        }
        const box = document.querySelector("#msg textarea");
        if (box && box.placeholder && box.getAttribute("aria-label") !== box.placeholder) {
            box.setAttribute("aria-label", box.placeholder);
        }
        const footer = document.querySelector("footer .show-api")?.firstChild;
        const link = footer?.textContent.trim();
        if (FOOTER.includes(link) && link !== FOOTER[column]) footer.textContent = FOOTER[column];
        const title = document.querySelector(`.header h1 .in-${chatPage.language}`);
        if (title && document.title !== title.textContent) document.title = title.textContent;
    }

    // The bubble whose panel is shown carries the class "shown".
    function mark() {
        for (const suffix of ["", "-2"]) {
            const panel = document.querySelector(`#attention${suffix} [data-shown]`);
            const bubbles = document.querySelectorAll(`#chat${suffix} .bot-row`);
            bubbles.forEach((bubble, index) => {
                const shown = panel !== null && Number(panel.dataset.shown) === index;
                if (bubble.classList.contains("shown") !== shown) {
                    bubble.classList.toggle("shown", shown);
                }
            });
            if (bubbles.length) memory.set("sessionStorage", "spoke", "yes");
        }
    }

    // The conversation of a page that is loaded anew, also by a new server, is gone.
    function notice() {
        const shown = document.querySelector("#reloaded");
        if (!shown) return;
        shown.classList.add("open");
        setTimeout(() => shown.classList.remove("open"), 10000);
    }

    let waiting = false;
    const refresh = () => {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(() => { waiting = false; mark(); rename(); });
    };

    // A row of the heat map lights up the words that it looked at.
    function light(row) {
        const panel = row.closest(".panel");
        const cells = [...row.querySelectorAll("td[data-tip]")];
        const words = panel.querySelectorAll(".turns .word");
        const heads = panel.querySelectorAll("thead th");
        cells.forEach((cell, index) => {
            for (const word of [words[index], heads[index]]) {
                word?.style.setProperty("--w", cell.style.getPropertyValue("--w"));
            }
        });
        panel.classList.add("lit");
    }
    const dim = () => document.querySelectorAll(".panel.lit")
        .forEach((panel) => panel.classList.remove("lit"));
    for (const kind of ["pointerover", "focusin"]) {
        addEventListener(kind, (event) => {
            const row = event.target.closest?.("table.heat:not(.sample) tbody tr");
            if (row) light(row);
            else if (kind === "pointerover" || !event.target.closest?.(".panel")) dim();
        });
    }

    // An empty message is not sent.
    const isEmpty = (box) => box !== null && box.value.trim() === "";
    const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
    addEventListener("keydown", (event) => {
        const box = event.target.closest?.("#msg textarea") ?? null;
        if (event.key === "Enter" && !event.shiftKey && isEmpty(box)) stop(event);
    }, true);
    addEventListener("click", (event) => {
        const button = event.target.closest?.("#msg .submit-button");
        if (button && isEmpty(document.querySelector("#msg textarea"))) stop(event);
    }, true);

    function begin() {
        root.lang = chatPage.language;
        new MutationObserver(refresh).observe(document.body, {
            childList: true, subtree: true, attributes: true,
            attributeFilter: ["data-shown", "aria-label", "title", "placeholder"],
        });
        refresh();
    }
    if (document.body) begin();
    else addEventListener("DOMContentLoaded", begin);
})();
