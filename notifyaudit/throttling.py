"""How often one reader, or one stranger, may ask for the pages that links lead to."""

import logging

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from notifyaudit import clock, conf

logger = logging.getLogger("notifyaudit")

_WINDOW_SECONDS = 60


class TooManyRequests(Exception):
    """The rate is used up; ``seconds`` until a new window begins."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"again in {seconds} seconds")


def count_request(of: str) -> None:
    """
    One more request of somebody, in a fixed window of Django's cache.

    Raises:
        TooManyRequests: if that is more than ``LINK_REQUESTS_PER_MINUTE``.
    """
    window, since = divmod(int(clock.now().timestamp()), _WINDOW_SECONDS)
    # Not the reader's name nor the address of a machine: a cache is read by many.
    name = salted_hmac("notifyaudit.throttling", f"{of}:{window}", algorithm="sha256").hexdigest()
    key = f"notifyaudit:{name}"
    try:
        # The first counts as one, also where another process has just made the key.
        number = 1 if cache.add(key, 1, timeout=2 * _WINDOW_SECONDS) else cache.incr(key)
    except Exception:
        # Nobody must be kept from unsubscribing because a cache is down, or has just forgotten the key.
        logger.warning("the cache did not count a request of a link", exc_info=True)
        return
    if number > conf.current().LINK_REQUESTS_PER_MINUTE:
        raise TooManyRequests(_WINDOW_SECONDS - since)
