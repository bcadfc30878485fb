"""The verdict finds each thing that must not be."""

from dataclasses import replace

import pytest

from tests.acceptance.faults import plan
from tests.acceptance.faults.verdict import Acceptance, Evidence, Mail, Row, judge

WORKER, ANOTHER = 100, 200
MAIL, REFUSED = (Mail("deed", f"{name}@example.com", (1,)) for name in ("reader", "refused"))
ACCEPTED = Acceptance(MAIL, "<a@site>", WORKER, session=1)
AGAIN = replace(ACCEPTED, worker=ANOTHER, session=2)
SENT = Row(MAIL, "<a@site>", "sent")
UNCERTAIN = replace(SENT, ever_uncertain=True)

FINE = Evidence(
    committed=[*MAIL.tellings, *REFUSED.tellings],
    acceptances=[ACCEPTED],
    rows=[SENT, Row(REFUSED, "<b@site>", "failed")],
    events_of_deeds=[1],
)


def broken(**changes):
    return {finding.name for finding in judge(replace(FINE, **changes)) if not finding.holds}


def test_a_run_in_which_all_is_as_it_should_be():
    assert not broken()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"acceptances": [], "rows": [replace(SENT, status="open"), FINE.rows[1]]}, {"lost", "settled"}),
        ({"acceptances": []}, {"lost", "marked as sent, and never"}),
        ({"rows": [SENT]}, {"committed, and not in the ledger"}),
        ({"rows": [*FINE.rows, SENT]}, {"several messages of a kind"}),
        ({"rows": [replace(SENT, status="sending"), FINE.rows[1]]}, {"settled"}),
        ({"rows": [SENT, replace(FINE.rows[1], status="sent")]}, {"marked as sent, and never", "settled"}),
        ({"rows": [replace(SENT, claimed=True), FINE.rows[1]]}, {"claimed"}),
        ({"rows": [replace(SENT, message_id="<c@site>"), FINE.rows[1]]}, {"another Message-ID"}),
        ({"committed": REFUSED.tellings}, {"rolled back, and mailed", "rolled back, and in"}),
        (
            {
                "acceptances": [
                    ACCEPTED,
                    replace(ACCEPTED, mail=replace(MAIL, deeds=(2,)), message_id="<d@site>", undone=True),
                ]
            },
            {"mailed"},
        ),
        ({"unrouted": 1}, {"not routed"}),
        ({"events_of_deeds": [2]}, {"exactly one event"}),
    ],
)
def test_what_must_not_be_is_found(changes, names):
    found = broken(**changes)

    assert len(found) == len(names)
    assert all(any(name in each for each in found) for name in names)


def test_a_mail_is_accepted_twice_only_with_a_cause():
    twice = {"acceptances": [ACCEPTED, AGAIN], "rows": [UNCERTAIN, FINE.rows[1]]}
    unexplained = {"accepted twice", "accepted twice, by nobody who was killed or unheard"}

    assert broken(**twice) == unexplained
    assert not broken(**twice, killed=[WORKER])
    assert not broken(**twice | {"acceptances": [replace(ACCEPTED, heard=False), AGAIN]})
    assert not broken(**twice, frozen=[ANOTHER])
    assert not broken(**twice, cuts=1)
    assert broken(**twice, killed=[ANOTHER]) == {"accepted twice, by nobody who was killed or unheard"}
    assert broken(**twice, killed=[WORKER], resends=False) == {"accepted twice"}


def test_one_kill_excuses_as_many_mails_as_were_in_the_air():
    other = {"mail": replace(MAIL, address="other@example.com"), "message_id": "<o@site>"}
    twice = {
        "committed": [*FINE.committed, *other["mail"].tellings],
        "acceptances": [ACCEPTED, AGAIN, replace(ACCEPTED, **other), replace(AGAIN, **other)],
        "rows": [UNCERTAIN, replace(UNCERTAIN, **other), FINE.rows[1]],
        "killed": [WORKER],
    }

    assert broken(**twice)
    assert not broken(**twice, max_in_flight=2)


def test_a_kill_excuses_no_mail_but_the_last_of_a_connection():
    later = replace(MAIL, address="later@example.com")
    acceptances = [ACCEPTED, replace(ACCEPTED, mail=later, message_id="<d@site>"), AGAIN]
    rows = [UNCERTAIN, replace(SENT, mail=later, message_id="<d@site>"), FINE.rows[1]]

    committed = [*FINE.committed, *later.tellings]
    assert broken(committed=committed, acceptances=acceptances, rows=rows, killed=[WORKER]) == {
        "accepted twice, by nobody who was killed or unheard"
    }


def test_a_mail_accepted_twice_must_be_known_as_uncertain():
    assert broken(acceptances=[ACCEPTED, AGAIN], killed=[WORKER]) == {
        "accepted twice, and not known as uncertain"
    }


def test_a_held_mail_is_not_lost():
    held = {"acceptances": [], "rows": [replace(UNCERTAIN, status="held"), FINE.rows[1]]}

    assert not broken(**held, resends=False)
    assert broken(**held) == {"not settled as the server answered"}


DIGEST, NEXT = (Mail("digest", "reader@example.com", deeds) for deeds in ((1, 2), (3,)))
DIGESTED = {
    "committed": [*DIGEST.tellings, *NEXT.tellings],
    "acceptances": [
        replace(ACCEPTED, mail=DIGEST),
        replace(ACCEPTED, mail=NEXT, message_id="<b@site>", session=3),
    ],
    "rows": [replace(SENT, mail=DIGEST), replace(SENT, mail=NEXT, message_id="<b@site>")],
}


@pytest.mark.parametrize(
    ("row", "acceptance", "names"),
    [
        ((1, 2), (1, 2), set()),
        ((1, 2), (1,), {"lost", "told of other events", "marked as sent"}),
        ((1, 2), (1, 2, 3), {"told of other events", "marked as sent"}),
        ((1,), (1, 2), {"committed, and not in the ledger", "told of other events", "marked as sent"}),
        ((1,), (1,), {"lost", "committed, and not in the ledger"}),
        ((1, 2, 3), (1, 2, 3), {"in several messages"}),
        ((1, 2, 4), (1, 2, 4), {"rolled back, and mailed", "rolled back, and in"}),
    ],
)
def test_each_event_is_in_exactly_one_digest_and_told_by_it(row, acceptance, names):
    (first_told, next_told), (first, next_) = DIGESTED["acceptances"], DIGESTED["rows"]
    found = broken(
        committed=DIGESTED["committed"],
        acceptances=[replace(first_told, mail=replace(DIGEST, deeds=acceptance)), next_told],
        rows=[replace(first, mail=replace(DIGEST, deeds=row)), next_],
    )

    assert len(found) == len(names)
    assert all(any(name in each for each in found) for name in names)


def test_a_digest_that_comes_twice_tells_the_same():
    again = replace(AGAIN, mail=DIGEST)
    rows = [replace(DIGESTED["rows"][0], ever_uncertain=True), DIGESTED["rows"][1]]
    twice = DIGESTED | {"rows": rows, "killed": [WORKER, ANOTHER]}

    assert not broken(**twice | {"acceptances": [*DIGESTED["acceptances"], again]})
    less = replace(again, mail=replace(DIGEST, deeds=(1,)))
    assert broken(**twice | {"acceptances": [*DIGESTED["acceptances"], less]}) == {
        "told of other events than the ledger says"
    }


def test_readers_of_digests_are_named_again_and_again():
    deeds = plan.deeds(3, 700, readers=20)
    kept = [deed for deed in deeds if deed.fate is not plan.Fate.UNDONE]
    named = [address for deed in kept for address in deed.recipients]
    told = [each for deed in kept for each in plan.tellings(deed.number, deed.recipients, digested=True)]

    assert len(named) == 700
    assert len(set(named)) <= 20 + plan.USERS
    assert len(told) == len(set(told)) == 2 * len(named) + len(kept) * len(plan.WATCHERS)
    assert {deed.fate for deed in deeds} == set(plan.Fate)


def test_a_plan_is_that_of_its_seed_and_has_as_many_mails_as_wanted():
    deeds = plan.deeds(3, 700)

    assert deeds == plan.deeds(3, 700)
    assert deeds != plan.deeds(4, 700)
    kept = [deed for deed in deeds if deed.fate is not plan.Fate.UNDONE]
    assert sum(len(set(deed.recipients)) for deed in kept) == 700
    assert {deed.fate for deed in deeds} == set(plan.Fate) - {plan.Fate.LATE}
