"""What a user sees at the terminal when a test of theirs fails: their own line, and what is wrong."""

import re
import textwrap

import pytest

from tests.integration.shop import TEST

pytest_plugins = ["pytester"]

CASES = {
    # a statement of the test, and how what pytest prints of it begins
    'audit_outbox.one(subject="Order 2 was paid")': "expected one mail with subject 'Order 2 was paid', but",
    'audit_outbox.one(subjct="x")': "one() knows no 'subjct'; did you mean 'subject'?",
    'audit_outbox.one(action="order.payed")': "one() got the action 'order.payed', which no Action class",
    'audit_outbox.one(selector="a[")': "one() got 'a[', which is no CSS selector: Malformed attribute",
    'audit_outbox.last(to="b@shop.example")': "expected a mail to b@shop.example, but none was sent",
    "audit_outbox.all(to=None)": "all() got to=None; leave it out to ask about any.",
    'audit_outbox.waiting(text="x")': "waiting() knows no 'text'; known are",
    'audit_outbox.recorded("order.payed")': "recorded() got the action 'order.payed', which no Action class",
    "audit_outbox.assert_not_sent()": "expected no mail, but one was sent",
    'audit_outbox.assert_not_sent(because="bogus")': "because='bogus' is no reason; known are actor,",
    "audit_outbox.assert_nothing_sent()": "expected no mail at all",
    "audit_outbox.assert_no_more()": "one was sent that the test did not ask for",
    'audit_outbox.smtp_fails(at="helo")': "at='helo' is no phase of SMTP; known are connect,",
    "with transaction.atomic(): audit_outbox.clear()": "The code under test still has a transaction.atomic()",
    'email().assert_subject("Order 2")': "OrderPaidEmail to owner@shop.example: its subject is another",
    'email().assert_contains("x", "y")': "OrderPaidEmail to owner@shop.example: 'x' is not in its text and",
    'email().assert_contains("")': "assert_contains() takes texts, compiled patterns and predicates, not ''.",
    'email().assert_not_contains("paid")': "OrderPaidEmail to owner@shop.example: 'paid' is in its text part",
    'email().assert_selector("h1")': "OrderPaidEmail to owner@shop.example: its html has no element h1",
    'email().assert_selector("a[")': "assert_selector() got 'a[', which is no CSS selector: Malformed",
    'email().assert_link("/x/")': "OrderPaidEmail to owner@shop.example: it has no link to /x/; it links",
    'email().assert_header("X-A", "b")': "OrderPaidEmail to owner@shop.example: it has no header X-A; it has",
    'email().assert_attachment("a.pdf")': "OrderPaidEmail to owner@shop.example: a.pdf is not attached to it",
    'email().follow("/x/")': "OrderPaidEmail to owner@shop.example: it has no link to /x/; it links",
}


@pytest.fixture
def failures(run_pytest, request):
    """A function that runs each statement as a test that must fail, and gives the printed part of each."""

    def failures(statements):
        tests = "".join(
            f"def test_{number}(audit_outbox, order, email):\n    services.pay(order)\n    {statement}\n\n"
            for number, statement in enumerate(statements)
        )
        helper = """
            @pytest.fixture
            def email(audit_outbox):
                return lambda: audit_outbox.one()

        """
        result = run_pytest(
            tests, "--show-capture=no", "-rN", head=textwrap.dedent(TEST) + textwrap.dedent(helper)
        )
        result.assert_outcomes(failed=len(statements))
        printed = re.split(r"^_+ test_\d+ _+$", str(result.stdout), flags=re.MULTILINE)[1:]
        return dict(zip(statements, printed, strict=True))

    return failures


def test_the_traceback_is_the_line_of_the_test_and_no_other(failures):
    for statement, printed in failures(CASES).items():
        shown = [line[2:] for line in printed.splitlines() if line.startswith("E ")]
        first = shown[0].strip().partition(": ")[2]
        assert first.startswith(CASES[statement]), statement
        assert (
            f">       {statement}" in printed
            or f">       {statement.partition(': ')[2]}" in printed
            or (f">   {'    '}{statement}" in printed)
        )
        places = re.findall(r"^(\S+\.py):\d+: ", printed, re.MULTILINE)
        assert places == ["test_shop.py"], f"{statement}\n{printed}"
        assert "During handling" not in printed
        assert "direct cause" not in printed
        assert "__tracebackhide__" not in printed


def test_a_failure_as_a_whole(failures):
    [printed] = failures(['audit_outbox.one(to="owner@shop.example", subject="Order 2")']).values()
    block = printed[printed.index("E ") :].split("\n\n")[0]
    assert [line[8:] for line in block.splitlines()] == [
        "AssertionError: expected one mail to owner@shop.example with subject 'Order 2', but none was sent",
        "",
        "nearest: <OrderPaidEmail to owner@shop.example: 'Order 1 was paid'>, but",
        "  its subject is another",
        "    is      Order 1 was paid",
        "    wanted  Order 2",
        "                  ^",
        "",
        "sent:",
        "  OrderPaidEmail  owner@shop.example  Order 1 was paid",
    ]


PLAIN = {
    'assert email().subject == "Order 2 was paid"': """
        assert the subject of OrderPaidEmail to owner@shop.example is another
            is      Order 1 was paid
            wanted  Order 2 was paid
                          ^
    """,
    'assert email().text == "Order 2 is paid.\\n\\nBye\\n"': """
        assert the text of OrderPaidEmail to owner@shop.example is another
            line 1
              is      Order 1 is paid.
              wanted  Order 2 is paid.
              wanted
              wanted  Bye
    """,
    'assert "unpaid" in email().text': """
        assert 'unpaid' is not in the text of OrderPaidEmail to owner@shop.example
            | Order 1 is paid.
    """,
    'assert "paid" not in email().text': """
        assert 'paid' is in the text of OrderPaidEmail to owner@shop.example
            | Order 1 is paid.
    """,
    "assert audit_outbox.all() == []": """
        assert 1 mail, not no mails
            only left   <OrderPaidEmail to owner@shop.example: 'Order 1 was paid'>
    """,
    "assert len(audit_outbox.all()) == 3": """
        assert 1 == 3
         +  where 1 = len([<OrderPaidEmail to owner@shop.example: 'Order 1 was paid'>])
    """,
}


def test_plain_asserts(failures):
    for statement, printed in failures(PLAIN).items():
        shown = [
            line[8:].removeprefix("AssertionError: ")
            for line in printed.splitlines()
            if line.startswith("E ")
        ]
        wanted = textwrap.dedent(PLAIN[statement]).strip().splitlines()
        assert [line.split() for line in shown[: len(wanted)]] == [line.split() for line in wanted], statement


def test_forty_mails_and_their_reasons_are_cut(failures):
    statement = (
        "record(OrderAction.PAID, target=order, data={'also': "
        "[f'{n}@{\"long.\" * 20}example' for n in range(40)]}); audit_outbox.one()"
    )
    [printed] = failures([statement]).values()
    rows = [line[8:] for line in printed.splitlines() if line.startswith("E ")]
    table = rows[rows.index("sent:") + 1 :]
    assert len(table) == 21
    assert table[-1] == "  … and 22 more mails"
    assert max(map(len, table)) < 110
