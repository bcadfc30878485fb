"""What a run prints."""

from collections import Counter
from collections.abc import Iterable

from tests.acceptance.faults import windows
from tests.acceptance.faults.evidence import Record
from tests.acceptance.faults.run import Run
from tests.acceptance.faults.verdict import Evidence, Finding


def of_the_faults(run: Run, record: Record, evidence: Evidence) -> str:
    crew, reaper = run.crew, run.reaper
    digests = ["Digests", *_counted(windows.described())] if run.options.digests else []
    lines = [f"Killed by SIGKILL: {len(crew.killed)}"]
    lines += _counted({str(death): times for death, times in reaper.deaths.items()})
    lines += [
        "Beside that",
        *_counted(
            {
                "asked to end by SIGTERM": len(crew.asked_to_end),
                "frozen for longer than the lease": len(crew.frozen),
                "ended by an error": crew.ended_by_themselves,
                "connections to the database cut": reaper.cuts,
                "outages of the mail server": reaper.outages,
                "leases that a slow worker lost": evidence.leases_lost,
                "replies lost": evidence.replies_lost,
            }
        ),
        f"The mail server's answers that went wrong: {record.faults.total()}",
        *_counted(record.faults),
        *digests,
        f"After SIGTERM: at most {_sent_after(crew.asked_to_end, record)} mails, {crew.slowest_end:.1f} s",
        f"Mails a second: {run.calm_speed:.0f} undisturbed, {run.storm_speed:.0f} while all this happened",
    ]
    return "\n".join(lines)


def of_the_verdict(findings: Iterable[Finding]) -> str:
    lines = [f"{'':<52} found  allowed"]
    for finding in findings:
        lines.append(f"{finding.name:<52} {finding.found:>5}  {finding.allowed:>7}")
        if not finding.holds:
            lines += [f"    BROKEN: {example}" for example in finding.examples]
    return "\n".join(lines)


def _sent_after(times: dict[int, float], record: Record) -> int:
    # Both clocks are the machine's monotonic one.
    late = Counter(
        acceptance.worker
        for acceptance, at in zip(record.acceptances, record.times, strict=True)
        if at > times.get(acceptance.worker, at)
    )
    return max(late.values(), default=0)


def _counted(things: dict[str, int] | Counter[str]) -> list[str]:
    return [
        f"  {name:<50} {times:>5}"
        for name, times in sorted(things.items(), key=lambda each: -each[1])
        if times
    ]
