import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.htmltext import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One <b>bold</b> and <i>slanted</i> line.</p>", "One bold and slanted line."),
        ("<title>T</title><style>p{}</style><script>x</script><p>Seen</p>", "Seen"),
        ("<head><meta charset=utf-8><title>T</title></head><body>Seen</body>", "Seen"),
        ('<div style="display: none">Preheader<br><b>x</b></div><p>Seen</p>', "Seen"),
        ("<div hidden>Preheader</div><p>Seen</p>", "Seen"),
        ("<p hidden>Preheader<p>Seen</p>", "Seen"),
        ("<div hidden><p>Pre<p>header</div><p>Seen</p>", "Seen"),
        ("<p>A</p><p>B</p>", "A\n\nB"),
        ("A<br>B<br><br>C", "A\nB\n\nC"),
        ("<ul><li>A</li><li>B</li></ul>", "- A\n- B"),
        ("<ol><li>A<li>B</ol>", "1. A\n2. B"),
        ("<ol><li>A<ul><li>a</li></ul></li><li>B</li></ol>", "1. A\n\n- a\n\n2. B"),
        ("<table><tr><th>Status</th><td>Draft → Done</td></tr><tr><td>X</td></tr></table>",
         "Status  Draft → Done\nX"),
        ("<table> <tr> <th>Status</th> <td> Draft</td> </tr> </table>", "Status  Draft"),
        ('<table><tr><th scope="row">Status</th><td>A → B</td></tr></table>', "Status: A → B"),
        ('<table><tr>\n<th scope="row">Status</th>\n <td>A → B</td>\n</tr></table>', "Status: A → B"),
        ("<table><tr>\n<td>A</td>\n <td></td>\n<td>B</td>\n</tr></table>", "A  B"),
        ('<table><tr><th scope="col">Field</th><th scope="col">New</th></tr></table>', "Field  New"),
        ('<table><tr><th scope="row">Why?</th><td>So</td></tr></table>', "Why?  So"),
        ('<table><tr><th scope="row"> </th><td>So</td></tr></table>', "So"),
        ("<!--[if mso]><p>Word</p><![endif]--><p>Seen</p>", "Seen"),
        ('<p style="DISPLAY:none">Preheader</p><p style="display: block">Seen</p>', "Seen"),
        ('<p>See <a href="https://x.example/1/">the  report</a>.</p>', "See the report (https://x.example/1/)."),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ('<a href="mailto:a@x.co">a@x.co</a>', "a@x.co"),
        ('<a href="#top">Up</a>', "Up"),
        ('<a href="https://x.example/"><img alt="Logo" src="l.png"></a>', "Logo (https://x.example/)"),
        ('<img src="dot.png" alt="">Seen', "Seen"),
        ("Tom &amp; Jerry &lt;3 &nbsp;x", "Tom & Jerry <3 x"),
        ("  \n\n ", ""),
    ],
)  # fmt: skip
def test_html_reads_as_plain_text(html, text):
    assert html_to_text(html) == text + "\n"


@given(st.text(alphabet="<>/abp \"'=!-&;ultdr\n", max_size=200))
def test_no_html_however_broken_raises_or_leaves_three_blank_lines(html):
    text = html_to_text(html)
    assert "\n\n\n" not in text
    assert text.endswith("\n")


def test_a_head_that_is_not_closed_swallows_nothing():
    html = "<!doctype html><html><head><meta charset=utf-8><title>T</title><body><p>Hello</p></body></html>"
    assert html_to_text(html) == "Hello\n"


def test_html_that_is_nested_deeply_is_read():
    assert html_to_text("<div>" * 5000 + "Hello" + "</div>" * 5000) == "Hello\n"
