"""Styles go where all mail programs look for them."""

from notifyaudit.inlining import inlined

PAGE = '<html><head><style>{css}</style></head><body><p class="a">Hello</p></body></html>'


def test_the_rules_of_a_style_element_are_inlined():
    assert '<p class="a" style="color: red;">' in inlined(PAGE.format(css="p { color: red }"))


def test_what_an_attribute_cannot_say_stays():
    dark = "@media (prefers-color-scheme: dark) { .a { color: pink !important } }"
    html = inlined(PAGE.format(css=f".a {{ color: red }} {dark} a:hover {{ color: blue }}"))
    kept = html.partition("<style>")[2].partition("</style>")[0]
    assert "prefers-color-scheme: dark" in kept
    assert "a:hover" in kept
    assert "color: red" not in kept


def test_variables_are_resolved():
    html = inlined(PAGE.format(css=":root { --ink: #123456 } .a { color: var(--ink) }"))
    assert 'style="color: #123456;"' in html


def test_an_attribute_wins_over_a_rule():
    page = PAGE.replace('class="a"', 'class="a" style="color: blue"')
    assert "color: blue" in inlined(page.format(css=".a { color: red }"))


def test_conditional_comments_are_kept():
    ghost = "<!--[if mso]><table><tr><td><![endif]-->"
    assert ghost in inlined(PAGE.format(css="p { margin: 0 }").replace("<p", f"{ghost}<p"))


def test_a_mail_without_styles_is_not_touched():
    html = "<p>a fragment, <b>as it is</p>"
    assert inlined(html) is html


def test_a_style_element_in_capital_letters_is_one():
    assert 'style="color: red;"' in inlined(PAGE.format(css="p { color: red }").replace("style>", "STYLE>"))


def test_no_file_is_read_and_nothing_is_fetched(tmp_path):
    secret = tmp_path / "secret.css"
    secret.write_text("p { color: secret }")
    links = f'<link rel="stylesheet" href="{secret}"><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
    html = inlined(PAGE.format(css="p { margin: 0 }").replace("</head>", f"{links}</head>"))
    assert "color: secret" not in html
    assert "http://127.0.0.1:9/x.css" in html
