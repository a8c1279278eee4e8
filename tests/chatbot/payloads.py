"""Eighteen kinds of text that must be shown as they are, never run, loaded or rendered."""

OUTSIDE = "http://198.51.100.7"  # an address of nobody (RFC 5737)

PAYLOADS = {
    "script": "<script>document.title='owned'</script>",
    "image": f"<img src={OUTSIDE}/a.png onerror=\"document.title='owned'\">",
    "svg": "<svg onload=\"document.title='owned'\"><circle r=9 /></svg>",
    "style": "<style>body{display:none}</style>",
    "overlay": '<div style="position:fixed;inset:0;background:red">x</div>',
    "iframe": f'<iframe src="{OUTSIDE}"></iframe>',
    "form": f'<form action="{OUTSIDE}"><input name=a><button>go</button></form>',
    "link": "<a href=\"javascript:document.title='owned'\">click</a>",
    "closing tag": "</div></div></body></html>",
    "comment": "<!-- hidden --> shown",
    "end of sentence": "a </s> b <s> <pad> <unk>",
    "entity": "&lt;b&gt; &amp; &copy 2020 R&D Tom & Jerry &#x41; &lt",
    "latex": r"$x^2$ $$\frac{1}{2}$$ \(y\) \[z\]",
    "markdown": f"**bold** [link]({OUTSIDE}) ![image]({OUTSIDE}/i.png) # h",
    "code fence": "```mermaid graph TD; A-->B ```",
    "template": "${document.title='owned'} {{this}} {% x %}",
    "i18n marker": '__i18n__{"__type__":"translation_metadata","key":"title"}',
    "attribute": "\" onmouseover=\"document.title='owned'\" x='",
}
