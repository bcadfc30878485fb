"""No mail uses what Gmail, Outlook or Apple Mail do not render, by the data of caniemail.com."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import mails
from tests.acceptance.browser import missing

CHECK = Path(__file__).resolve().parents[2] / "scripts" / "client-support" / "check.mjs"


@pytest.fixture(scope="module")
def check():
    """A function that says what is wrong with each mail, by its name."""
    node = shutil.which("node")
    if node is None:
        missing("node is not installed")
    if not (CHECK.parent / "node_modules" / "caniemail").exists():
        missing("caniemail is not installed; npm install --prefix scripts/client-support")

    def check(**htmls):
        done = subprocess.run(
            [node, str(CHECK)],
            input=json.dumps(htmls),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return check


@pytest.mark.django_db
def test_every_mail_is_rendered_by_gmail_outlook_and_apple_mail(check):
    htmls = {}
    for language in ("en", "ar"):
        htmls |= {
            f"layout {language}": mails.of_layout(language),
            f"digest {language}": mails.of_digest(language),
            **{f"{key} {language}": html for key, html in mails.of_example(language)},
        }
    assert len(htmls) > 20
    # What is allowed without need would be among them.
    assert {name: problems for name, problems in check(**htmls).items() if problems} == {}


def test_what_a_client_does_not_render_is_found(check):
    html = mails.of_layout("en")

    def with_style(css):
        return html.replace("<p style=", f'<p style="{css}" data-was=', 1)

    def with_rule(css):
        return html.replace("</style>", f"{css}</style>")

    found = check(
        grid=with_style("display: grid"),
        fixed=with_style("position: fixed"),
        negative=with_style("margin: -8px"),
        flow=with_style("text-align: start"),
        media=with_rule("@media (max-width: 480px) { .sheet { display: flex !important; } }"),
        element=html.replace("<h1", "<video src='x.mp4'></video><h1"),
        good=html,
    )
    beginnings = {
        "grid": "display:grid: not in gmail.android",
        "fixed": "position: not in apple-mail.ios",
        "negative": "margin: -8px: not allowed",
        "flow": "text-align: start: not allowed",
        "media": "display:flex: not in gmail.android",
        "element": "<video> element: not in apple-mail.ios",
    }
    for name, beginning in beginnings.items():
        assert any(problem.startswith(beginning) for problem in found[name]), found[name]
    assert found["good"] == []


def test_an_allowance_that_nothing_needs_is_found(check):
    assert "border-radius: no mail uses it." in check(plain="<p>Hello</p>")["allowed"]
