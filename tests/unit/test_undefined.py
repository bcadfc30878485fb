"""Holes in what a template prints are noticed, by name, template and line; nothing else changes."""

import threading

import jinja2
import pytest
from django.template import engines

from example_site.inspections.models import Inspection
from notifyaudit import rendering, undefined
from notifyaudit.rendering import render_html, render_line, render_text


@pytest.fixture
def templates(settings):
    """A function that lets one engine, or both, render these templates."""

    def templates(*, django=None, jinja=None, **options):
        settings.TEMPLATES = [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", django or {})]},
            },
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "OPTIONS": {"loader": jinja2.DictLoader(jinja or {}), **options},
            },
        ]
        return engines.all()

    return templates


def holes(name="t", **context):
    """What is noticed; what is rendered must be the same as without."""
    without = render_html(name, context)
    with undefined.noticed() as found:
        rendered = render_html(name, context)
    assert rendered == without
    return list(found)


class Thing:
    name = "Thing"
    nothing = None


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("{{ nmae }}", ["nmae in t:1"]),
        ("\n\n{{ nmae }}", ["nmae in t:3"]),
        ("{{ thing.nmae }} {{ thing.nothing.at_all }}", ["thing.nmae in t:1", "thing.nothing.at_all in t:1"]),
        ("{% for x in 'ab' %}{{ x.nmae }}{% endfor %}", ["x.nmae in t:1"]),
        ("{{ nmae|date }}{{ nmae|upper }}", ["nmae in t:1"]),
        ("[{{ nmae|yesno:'yes,no' }}]", ["nmae in t:1"]),
        ("{% load i18n %}{% blocktranslate %}A {{ nmae }}{% endblocktranslate %}", ["nmae in t:1"]),
        ("{% with x=nmae %}{{ x }}{% endwith %}", ["nmae in t:1", "x in t:1"]),
        ("\n{% include 'part' %}", ["nmae in part:2"]),
        ("{% extends 'base' %}{% block a %}\n\n\n{{ nmae }}{% endblock %}", ["nmae in t:4"]),
        ("{% include 'outer' %}", ["nmae in part:2"]),
        ("{{ inspection.building.name }}", ["inspection.building.name in t:1"]),
        ("{{ inspection.building|upper }}", ["inspection.building in t:1"]),
        ("{{ inspection.delete }}", ["inspection.delete in t:1"]),
        ("{% autoescape off %}{{ inspection.building }}{% endautoescape %}", ["inspection.building in t:1"]),
        ("{% if inspection.building %}yes{% else %}no{% endif %}", []),
        ("{{ inspection.building|default:'x' }}{% for x in inspection.building %}{% endfor %}", []),
        ("{{ nmae|default:'x' }}{{ nmae|default_if_none:'x'|upper }}{{ nmae|upper|default:'x' }}", []),
        ("{% firstof nmae 'x' %}{% if nmae == 1 or nmae|length %}{% endif %}", []),
        ("{% for x in nmae %}{{ x }}{% empty %}none{% endfor %}", []),
        ("{{ thing.nothing }}{{ thing.name }}", []),
    ],
)
def test_django(templates, source, found):
    templates(
        django={
            "t": source,
            "part": "\n{{ nmae }}",
            "outer": "{% include 'part' %}",
            "base": "{% block a %}{% endblock %}",
        }
    )
    assert holes(thing=Thing(), inspection=Inspection()) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("{{ nmae }}", ["nmae in t:1"]),
        ("\n\n{{ nmae|upper }}", ["nmae in t:3"]),
        ("{{ thing.nmae }} {{ thing.nothing.at_all }}", ["Thing.nmae in t:1", "NoneType.at_all in t:1"]),
        ("{% for x in 'ab' %}{{ x.nmae }}{% endfor %}", ["str.nmae in t:1"]),
        ("{{ 'a' ~ nmae }}", ["nmae in t:1"]),
        ("{% include 'outer' %}", ["nmae in part:2"]),
        ("{% extends 'base' %}{% block a %}\n\n\n{{ nmae }}{% endblock %}", ["nmae in t:4"]),
        ("{% import 'macros' as m %}{{ m.hole() }}", ["nmae in macros:2"]),
        ("{{ nmae|default('x') }}{% if nmae %}{% endif %}{% if nmae is defined %}{% endif %}", []),
        ("{% for x in nmae %}{{ x }}{% endfor %}{{ thing.nothing }}", []),
        ("{{ 'x' if thing.nothing }}", []),
    ],
)
def test_jinja2(templates, source, found):
    templates(
        jinja={
            "t": source,
            "part": "\n{{ nmae }}",
            "outer": "{% include 'part' %}",
            "base": "{% block a %}{% endblock %}",
            "macros": "{% macro hole() %}\n{{ nmae }}{% endmacro %}",
        }
    )
    assert holes(thing=Thing()) == found
    # A second time, from templates that were kept.
    assert holes(thing=Thing()) == found


def test_the_text_part_and_the_subject_are_looked_at(templates):
    templates(django={"d.txt": "{{ nmae }}"}, jinja={"j.txt": "{{ nmae }}"})
    assert render_text("j.txt", {}) == ""  # the environment for plain text is there before the block
    with undefined.noticed() as found:
        for name in ("d.txt", "j.txt"):
            render_text(name, {})
        assert render_line("Order {{ number }}", {}) == "Order"
    assert list(found) == ["nmae in d.txt:1", "nmae in j.txt:1", "number in subject:1"]


def test_a_template_without_a_name_is_not_named(templates):
    django, jinja = templates()
    with undefined.noticed() as found:
        django.from_string("{{ nmae }}").render()
        jinja.from_string("{{ eman }}").render()
    assert list(found) == ["nmae", "eman"]


def test_the_innermost_block_notices(templates):
    templates(django={"t": "{{ nmae }}"}, jinja={"j": "{{ nmae }}"})
    with undefined.noticed() as outer:
        with undefined.noticed() as inner:
            render_html("t", {})
            render_html("j", {})
        assert list(inner) == ["nmae in t:1", "nmae in j:1"]
        assert not outer
        render_html("j", {})
    assert list(outer) == ["nmae in j:1"]
    assert len(inner) == 2


def state(backends):
    django, jinja = backends
    plain = rendering.plain(jinja.env)
    return [
        type(django.engine.string_if_invalid),
        type(rendering.LINES.string_if_invalid),
        *(each for environment in (jinja.env, plain) for each in (environment.undefined, environment.cache)),
    ]


def test_all_is_restored_also_after_an_error(templates):
    backends = templates(jinja={"t": "{{ nmae }}"}, undefined=jinja2.StrictUndefined)
    with pytest.raises(RuntimeError), undefined.noticed(), undefined.noticed():
        raise RuntimeError
    # plain() has not been asked before: it must not have been copied inside of the block.
    assert state(backends)[2] is state(backends)[4] is jinja2.StrictUndefined
    before = state(backends)
    with pytest.raises(RuntimeError), undefined.noticed():
        assert state(backends) != before
        raise RuntimeError
    assert state(backends) == before
    with pytest.raises(jinja2.UndefinedError):
        render_html("t", {})


def test_macros_that_were_imported_inside_are_as_strict_as_before(templates):
    templates(
        jinja={
            "t": "{% import 'm' as m %}{{ m.hole() }}",
            "m": "{% macro hole() %}{{ nmae }}{% endmacro %}",
        },
        undefined=jinja2.StrictUndefined,
    )
    with undefined.noticed() as found:
        assert render_html("t", {}) == ""
    assert list(found) == ["nmae in m:1"]
    with pytest.raises(jinja2.UndefinedError):
        render_html("t", {})


def test_an_environment_that_lets_names_be_chained_still_does(templates):
    templates(jinja={"t": "{{ a.b.c }}"}, undefined=jinja2.ChainableUndefined)
    assert holes() == ["a in t:1"]


def test_other_threads_are_not_noticed_and_render_as_always(templates):
    templates(django={"t": "[{{ nmae|yesno:'a,b' }}]"}, jinja={"j": "[{{ nmae }}]"})
    rendered = []
    with undefined.noticed() as found:
        thread = threading.Thread(
            target=lambda: rendered.extend([render_html("t", {}), render_html("j", {})])
        )
        thread.start()
        thread.join()
    assert rendered == ["[b]", "[]"]
    assert not found


def test_blocks_of_two_threads_follow_each_other(templates):
    before = state(templates())
    entered, order = threading.Event(), []

    def other():
        entered.set()
        with undefined.noticed():
            order.append("other")

    thread = threading.Thread(target=other)
    with undefined.noticed():
        thread.start()
        entered.wait()
        # However long the other has had to come in, it waits for this block's end.
        thread.join(0.05)
        order.append("this")
    thread.join()
    assert order == ["this", "other"]
    assert state(engines.all()) == before
