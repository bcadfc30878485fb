"""Of the previews what needs no database: what counts as a read, a mail in dark, and the choices."""

import pytest
from django.http import QueryDict

from notifyaudit import rendering
from notifyaudit.previewing.faults import fault_of, fault_of_hole
from notifyaudit.previewing.guard import is_read
from notifyaudit.previewing.looking import shown
from notifyaudit.previewing.options import Options
from notifyaudit.statements import as_text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  (SELECT a FROM t) UNION (SELECT 1)",
        "/* why */ SELECT 1 -- because",
        "WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE",
        "SAVEPOINT s1",
        "ROLLBACK TO SAVEPOINT s1",
        "BEGIN",
        "DECLARE c NO SCROLL CURSOR FOR SELECT 1",
        "PRAGMA foreign_keys",
        "EXPLAIN SELECT 1",
        "SELECT * FROM \"into\" WHERE a = 'into the wild' FOR UPDATE",
    ],
)
def test_a_read(sql):
    assert is_read(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'INSERT INTO "t" VALUES (1)',
        "update t set a = 1",
        "DELETE FROM t",
        "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
        "SELECT 1; DELETE FROM t",
        "TRUNCATE t",
        "CREATE TABLE t (a int)",
        "DROP TABLE t",
        "CALL p()",
        "/* SELECT */ REPLACE INTO t VALUES (1)",
        "COPY t FROM STDIN",
        "EXPLAIN ANALYZE DELETE FROM t",
        "(WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a)",
        "SELECT * INTO copy FROM t",
    ],
)
def test_no_read(sql):
    assert not is_read(sql)


def test_a_statement_that_is_no_text_is_read_as_one():
    sql = pytest.importorskip("psycopg.sql")
    assert is_read(as_text(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier("t"))))
    assert not is_read(as_text(sql.SQL("DELETE FROM {}").format(sql.Identifier("t"))))
    assert is_read(as_text(b"SELECT 1"))


MAIL = (
    '<html><head lang="en"><style>@media (prefers-color-scheme:dark) { p { color: white } }'
    "@media screen and ( prefers-color-scheme: light ) { p { color: black } }</style></head><p>x</p></html>"
)


def test_the_scheme_is_the_chosen_one_whatever_that_of_the_browser_is():
    dark, light = shown(MAIL, "dark"), shown(MAIL, "light")
    assert "@media (min-width: 0) { p { color: white } }" in dark
    assert "screen and (max-width: 0) { p { color: black } }" in dark
    assert "@media (max-width: 0) { p { color: white } }" in light
    assert "screen and (min-width: 0) { p { color: black } }" in light


def test_links_of_a_mail_open_beside_the_page():
    assert '<head lang="en"><base target="_blank">' in shown(MAIL, "dark")
    assert shown("<p>x</p>", "light") == '<base target="_blank"><p>x</p>'


def test_what_is_not_there_to_be_chosen_is_left_out():
    options = Options.of(QueryDict("width=tablet&scheme=dark&language=xx&part=none&event=7"))
    assert options == Options(event="7", scheme="dark")
    assert options.query(scheme="light", width="phone") == "?event=7&width=phone"
    assert options.query("raw") == "?event=7&scheme=dark&raw=1"
    assert Options().query() == "?"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>\n{{ a.b.c }}", "'a' is undefined"),
        ("<p>\n{{ x|nofilter }}", "The template does not compile: No filter named 'nofilter'"),
        ("<p>\n{% include 'nowhere.html' %}", "The template nowhere.html does not exist."),
    ],
)
def test_an_error_of_jinja_is_told_with_its_template_and_line(settings, tmp_path, source, text):
    (tmp_path / "mail.html").write_text(source)
    settings.TEMPLATES = [{**settings.TEMPLATES[1], "DIRS": [tmp_path]}]
    with pytest.raises(Exception) as caught:
        rendering.render_html("mail.html", {})
    fault = fault_of(caught.value)
    assert (fault.text, fault.where.rpartition("/")[2]) == (text, "mail.html:2")


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("owner.name in a/b.html:7", "owner.name is not defined.", "a/b.html:7"),
        ("owner.name", "owner.name is not defined.", ""),
        ("x in y in a.html:1", "x in y is not defined.", "a.html:1"),
    ],
)
def test_a_hole_is_told_with_its_template_and_line(name, text, where):
    fault = fault_of_hole(name)
    assert fault.text.startswith(text)
    assert fault.where == where
