"""Styles where all mail programs look for them: Gmail drops most of what a ``<style>`` says."""

import re
from functools import cache

import css_inline

InlineError = css_inline.InlineError

_STYLE = re.compile("<style", re.IGNORECASE)


def inlined(html: str) -> str:
    """
    The same document with the rules of its ``<style>`` elements in ``style`` attributes, and the variables of
    CSS resolved. What an attribute cannot say, such as ``@media`` and ``:hover``, stays in ``<style>``.
    A document without a ``<style>`` is left alone. Nothing is fetched and no file is read: a
    ``<link rel="stylesheet">`` stays what it is.

    Raises:
        InlineError: if a ``style`` attribute that a rule would change is no CSS.
    """
    return _inliner().inline(html) if _STYLE.search(html) else html


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        keep_style_tags=True,
        remove_inlined_selectors=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
        resolve_css_variables=True,
    )
