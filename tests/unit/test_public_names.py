import subprocess
import sys

import pytest

import notifyaudit


def test_importing_the_package_loads_no_models_and_needs_no_settings():
    code = "import notifyaudit, sys; assert 'django' not in sys.modules, 'django was imported'"
    subprocess.run([sys.executable, "-c", code], check=True, env={})


def test_the_pytest_plugin_does_not_import_django():
    code = "import notifyaudit.testing.plugin, sys; assert 'django' not in sys.modules, 'django was imported'"
    subprocess.run([sys.executable, "-c", code], check=True, env={})


@pytest.mark.parametrize("name", notifyaudit.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(notifyaudit, name).__doc__
    assert name in dir(notifyaudit)


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        notifyaudit.nonsense  # noqa: B018
