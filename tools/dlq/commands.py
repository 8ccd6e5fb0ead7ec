"""What `scripts/dlq.sh` does with a stage: list, show and redrive."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from processor.storing import Store
from telemetry.latest_table import DynamoTable
from tools.command_line import CommandError
from tools.deployed_stage import DeployedStage
from tools.dlq.queues import HOLD_SECONDS, DeadLetter, SqsDeadLetterQueue, SqsQueue
from tools.dlq.reading import MOST_HELD, Held, wait_for_others
from tools.dlq.redriving import Outcome, Redrive, Selection
from tools.dlq.report import Summary, counted, in_full, judged, listed, printable, summary_of
from tools.dlq.triage import Judge, ReadOnlyTable, Triage, Verdict
from tools.progress import Progress

Json = dict[str, object]

WOULD_BE_REDRIVEN = Verdict(passes=True, summary="would be redriven")


class Desk:
    """Where the DLQ of a stage is looked through.

    Args:
        stage: it.
        progress: told how far the work is.
    """

    def __init__(self, stage: DeployedStage, progress: Progress) -> None:
        settings = stage.settings
        self.name = settings.name
        self.dead_letters = SqsDeadLetterQueue(stage.sqs, stage.outputs["DeadLetterQueueUrl"])
        self.queue = SqsQueue(stage.sqs, stage.outputs["QueueUrl"])
        retention = None if settings.retention_days is None else timedelta(days=settings.retention_days)
        self.triage = Triage(
            Store(
                table=ReadOnlyTable(DynamoTable(stage.dynamodb, stage.outputs["TableName"])),
                stage=settings.name,
                retention=retention,
                clock=_now,
            )
        )
        self._progress = progress

    def list_messages(self) -> Json:
        """Print what is in the DLQ, and return it."""
        with self._held() as held:
            messages = sorted(map(summary_of, held.read()), key=lambda each: (each.charger, each.message.order))
            counts = self.dead_letters.counts()
            of_others = max(0, counts.held - len(held))
        until = _now() + timedelta(seconds=HOLD_SECONDS)
        if messages:
            print(listed(messages, _now()))
        else:
            print(f"no message of the DLQ of stage {self.name} is to be seen" if of_others else self.empty())
        if of_others:
            print(
                f"{counted(of_others, 'more message')} hidden: another reader has them, or a run of this tool that was "
                f"killed, whose messages are to be seen again by {until:%H:%M:%S} (UTC)"
            )
        if held.hiding or held.is_full:
            estimate = f"; in all about {counts.waiting:,} are not to be seen" if counts.waiting else ""
            print(f"{beyond(held.hiding, is_cut=held.is_full)}{estimate}")
        hidden = {
            "heldByOthers": of_others,
            "ofThisToolUntilAtMost": until.isoformat() if of_others else None,
            "chargersThatMayHaveMore": sorted(held.hiding),
            "notSeen": counts.waiting,
        }
        return {"stage": self.name, "messages": [each.as_json() for each in messages], "hidden": hidden}

    def show(self, message_id: str) -> Json:
        """Print one message in full, and what today's code says of it; return both.

        Raises:
            CommandError: there is no such message, or there are several.
        """
        selection = Selection(ids=(message_id,))
        found, hiding = self._find(selection)
        if not found and self.dead_letters.counts().held:
            self._wait()
            found, hiding = self._find(selection)
        if not found:
            raise CommandError(self._not_found([message_id], hiding))
        verdict = self.triage.judge(found[0])
        print(in_full(found[0], verdict, _now()))
        told = {**_judged_as_json(summary_of(found[0]), verdict), "body": found[0].body}
        return {"stage": self.name, "message": told}

    def redrive(self, selection: Selection, *, dry_run: bool, judge: Judge) -> tuple[Json, list[str]]:
        """Put messages on the queue again, or print what would be; return what became of them, and of which not all.

        Raises:
            CommandError: another reader is at work.
        """
        if (held := self._wait()) and not selection.ids:
            raise CommandError(
                f"{counted(held, 'message')} held by another reader of the DLQ, perhaps another run of this: to keep "
                "the order of each charger, run this again when that has ended"
            )
        run = Redrive(self.dead_letters, self.queue, selection, judge, self._progress, time.monotonic)
        if dry_run:
            planned = [(each, WOULD_BE_REDRIVEN) for each in run.plan()]
            outcome = run.outcome
            rows = [*planned, *outcome.left.values()]
            print(judged(rows) if rows else self._nothing(selection))
            print(f"nothing was sent; {counted(len(planned), 'message')} would be, {len(outcome.left)} would stay")
            return self._as_json([each.message.message_id for each, _ in planned], outcome, dry_run=True), []
        try:
            outcome = run.run()
        except (BotoCoreError, ClientError, KeyboardInterrupt):
            done = counted(len(run.outcome.redriven), "message")
            print(f"  {done} redriven until then; the others are in the DLQ: run this again", file=sys.stderr)
            raise
        if outcome.redriven:
            chargers = counted(len(set(outcome.redriven.values())), "charger")
            print(f"{counted(len(outcome.redriven), 'message')} of {chargers} on the queue again")
        elif not outcome.left and not selection.charger:
            print(self.empty())
        if outcome.left:
            print(judged(list(outcome.left.values())))
        return self._as_json(list(outcome.redriven), outcome, dry_run=False), list(self._what_stays(selection, outcome))

    def empty(self) -> str:
        """Return what is said of an empty DLQ."""
        return f"the DLQ of stage {self.name} is empty"

    def _as_json(self, redriven: list[str], outcome: Outcome, *, dry_run: bool) -> Json:
        left = [_judged_as_json(summary, verdict) for summary, verdict in outcome.left.values()]
        return {
            "stage": self.name,
            "dryRun": dry_run,
            "redriven": redriven,
            "left": left,
            "missing": outcome.missing,
            "chargersThatMayHaveMore": sorted(outcome.hiding),
        }

    def _what_stays(self, selection: Selection, outcome: Outcome) -> Iterator[str]:
        """Yield why not all that was meant was redriven."""
        if selection.charger and not outcome.left and not outcome.redriven:
            yield self._nothing(selection)
        if outcome.left:
            yield f"in the DLQ, for the reasons above: {counted(len(outcome.left), 'message')}"
        if outcome.missing:
            yield self._not_found(outcome.missing, outcome.hiding)
        behind = outcome.hiding & {summary.message.group for summary, _ in outcome.left.values()}
        if behind or outcome.is_cut:
            yield beyond(behind, is_cut=outcome.is_cut)

    def _nothing(self, selection: Selection) -> str:
        if selection.charger:
            return printable(f"the DLQ of stage {self.name} has no message of charger {selection.charger}")
        return self.empty()

    def _not_found(self, ids: list[str], hiding: frozenset[str]) -> str:
        hidden = f"; {beyond(hiding, is_cut=False)}" if hiding else ""
        return printable(f"the DLQ of stage {self.name} has no message {', '.join(ids)}{hidden}")

    def _find(self, selection: Selection) -> tuple[list[DeadLetter], frozenset[str]]:
        with self._held() as held:
            found = [message for message in held.read() if selection.takes(message)]
            hiding = held.hiding
        selection.missing([message.message_id for message in found])
        return found, hiding

    def _held(self) -> Held:
        return Held(self.dead_letters, self._progress, time.monotonic)

    def _wait(self) -> int:
        return wait_for_others(self.dead_letters, self._progress, time.monotonic, time.sleep)


def _judged_as_json(summary: Summary, verdict: Verdict) -> Json:
    today = {"passes": verdict.passes, "summary": verdict.summary, "details": verdict.details}
    return {**summary.as_json(), "today": today}


def beyond(hiding: frozenset[str], *, is_cut: bool) -> str:
    """Return what is said of messages that may be there, but can't be seen now."""
    if is_cut:
        return f"{MOST_HELD:,} messages are looked at, and there may be more behind them"
    chargers = ", ".join(sorted(map(printable, hiding)))
    return f"there may be more of {chargers}: SQS shows 10 messages of a group, and the next when they are gone"


def _now() -> datetime:
    return datetime.now(UTC)
