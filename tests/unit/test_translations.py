"""The library's own texts: in each of its languages all of them, none too many, with what they must hold."""

import gettext
import io
import os
import re
import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest
from django.utils import translation

from example_site.processes import ROOT

LIBRARY = ROOT / "notifyaudit"
LANGUAGES = ["ar", "de", "es", "fr"]

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\{.*?\}\}|<[^>]*>")
PERIOD = re.compile(r"\{\{ period(?:\|lower)? \}\}")


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """A copy of the library after ``make messages``, and what that printed."""
    if not shutil.which("xgettext"):
        reason = "GNU gettext, which reads the texts of the code, is not installed"
        if os.environ.get("NOTIFYAUDIT_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    copy = tmp_path_factory.mktemp("library") / "notifyaudit"
    shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, str(ROOT / "scripts" / "messages.py"), "--library", str(copy)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert not result.stderr, result.stderr
    return copy, result


def po_of(library, language):
    return library / "locale" / language / "LC_MESSAGES" / "django.po"


def texts_of(mo: bytes):
    """``{msgid: text}``, and ``{(msgid, form): text}`` where there are plural forms; without the header."""
    catalogue = dict(gettext.GNUTranslations(io.BytesIO(mo))._catalog)
    return {msgid: text for msgid, text in catalogue.items() if msgid}


def committed(language):
    return texts_of(po_of(LIBRARY, language).with_suffix(".mo").read_bytes())


def source_of(key):
    return key[0] if isinstance(key, tuple) else key


def test_there_is_one_for_each_language():
    assert sorted(path.name for path in (LIBRARY / "locale").iterdir()) == LANGUAGES


def test_nothing_is_untranslated_or_a_guess(refreshed):
    _, result = refreshed
    assert result.returncode == 0, f"run `make messages` and translate what it lists:\n{result.stdout}"
    assert result.stdout == f"All texts are translated: {', '.join(LANGUAGES)}.\n"


@pytest.mark.parametrize("language", LANGUAGES)
class TestACatalogue:
    def test_holds_the_texts_of_the_code_and_no_others(self, refreshed, language):
        library, _ = refreshed
        fresh = texts_of(po_of(library, language).with_suffix(".mo").read_bytes())
        assert set(committed(language)) == set(fresh), "run `make messages`"

    def test_is_compiled(self, refreshed, language, tmp_path):
        compiled = tmp_path / "django.mo"
        command = ["msgfmt", "--check-format", "--output-file", str(compiled), str(po_of(LIBRARY, language))]
        subprocess.run(command, check=True)
        assert texts_of(compiled.read_bytes()) == committed(language), "run `make messages`"

    def test_says_nothing_of_who_made_it_when_or_where(self, language):
        text = po_of(LIBRARY, language).read_text(encoding="utf-8")
        header = text[: text.index("\n\n")]
        assert f'"Language: {language}\\n"' in header
        assert not re.search(r"Date|Translator|Team|Generator|@", header)
        assert "#~" not in text
        assert "fuzzy" not in text
        places = {place for line in re.findall(r"^#: (.*)$", text, re.MULTILINE) for place in line.split()}
        assert not [place for place in places if not (LIBRARY / place).is_file()]

    def test_keeps_every_placeholder_and_tag(self, language):
        singular = {key[0] for key in committed(language) if isinstance(key, tuple)}
        for key, text in committed(language).items():
            wanted, found = (sorted(PLACEHOLDER.findall(each)) for each in (source_of(key), text))
            wanted, found = ([PERIOD.sub("{{ period }}", each) for each in some] for some in (wanted, found))
            if source_of(key) in singular:
                # Of one, or two, the number need not be told; what msgfmt checks is that many have it.
                assert len(set(found)) <= 1, key
            else:
                assert found == wanted, key

    def test_is_in_its_language(self, language):
        texts = committed(language)
        # Some words are the same: "Message-ID", "notification".
        unchanged = [text for key, text in texts.items() if text == source_of(key)]
        assert len(unchanged) < len(texts) / 10


def test_arabic_has_its_six_forms():
    with translation.override("ar"):
        counted = [
            translation.ngettext("One object has changed.", "%(total)s objects have changed.", total)
            for total in (0, 1, 2, 3, 11, 100)
        ]
        assert len(set(counted)) == 6
        assert translation.get_language_bidi()


def test_the_wheel_holds_the_catalogues_and_the_templates(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(ZipFile(wheel).namelist())
    data = [
        *LIBRARY.glob("locale/**/*.[pm]o"),
        *LIBRARY.glob("templates/**/*.*"),
        *LIBRARY.glob("jinja2/**/*.*"),
    ]
    assert {str(path.relative_to(ROOT)) for path in data} <= names
