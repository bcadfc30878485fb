"""Where the site is, if BASE_URL does not say it: the sites framework does."""

import pytest
from django.core.checks import run_checks

from notifyaudit import conf
from tests.testapp.emails import DocumentChangedEmail
from tests.testapp.models import Document


@pytest.fixture
def sites(settings):
    """The cache of the framework, with the one site of a project that does not set BASE_URL."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.sites"]
    settings.NOTIFYAUDIT = {}
    settings.SITE_ID = 1
    from django.contrib.sites.models import SITE_CACHE, Site

    SITE_CACHE[1] = Site(pk=1, domain="of-the-table.example")
    yield Site.objects
    Site.objects.clear_cache()


def test_a_mail_leads_to_the_site_of_the_framework(sites):
    email = DocumentChangedEmail.sample(target=Document(pk=7, title="Plan"))
    assert email.get_context_data()["base_url"] == "https://of-the-table.example"
    assert email.build().extra_headers["References"].endswith("@of-the-table.example>")


def test_a_site_that_is_gone_is_no_error(sites, monkeypatch):
    def get_current():
        raise sites.model.DoesNotExist

    monkeypatch.setattr(sites, "get_current", get_current)
    assert conf.base_url() == ""


def test_nothing_warns_of_links_that_lead_nowhere(sites):
    assert "notifyaudit.W001" not in {message.id for message in run_checks(tags=["notifyaudit"])}


def test_the_framework_without_a_site_of_its_own_is_not_asked(sites, settings):
    del settings.SITE_ID
    assert conf.base_url() == ""


def test_base_url_comes_first(sites, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "https://x.example"}
    assert conf.base_url() == "https://x.example"
