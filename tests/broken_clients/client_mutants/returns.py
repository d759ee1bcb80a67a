"""Broken clients that get time, coming back, sending again and repairing wrong."""

from causerie.console.view import View
from causerie.core.client import client, endings
from causerie.core.client.backoff import Backoff
from causerie.core.client.catchup import CatchUp
from causerie.core.client.liveness import Due, Liveness
from causerie.core.client.outbox import Outbox, SendState
from causerie.core.client.timeline import Timeline
from causerie_spec.messages import End
from client_mutants.registry import instead, mutant


@mutant("CLIENT-2", "alive/pings")
def never_pings():
    """Sends no PING."""
    Liveness.due = lambda *_: Due.NOTHING
    Liveness.deadline = property(lambda self: self._sent + 1e6)


@mutant("CLIENT-2", "alive/pings")
def pings_too_late():
    """Sends PING every 2 K seconds."""

    @instead(Liveness, "__init__")
    def init(original, self, keepalive, now):
        original(self, keepalive, now)
        self._quiet *= 4


@mutant("CLIENT-3", "alive/server-falls-silent")
def never_gives_up():
    """Waits for PONG for ever."""

    @instead(Liveness, "__init__")
    def init(original, self, keepalive, now):
        original(self, keepalive, now)
        self._patience = 1e6


@mutant("CLIENT-3", "alive/talks-without-pong")
def anything_is_a_pong():
    """Takes whatever comes for the answer to its PING."""

    @instead(Liveness, "heard")
    def heard(original, self, now):
        original(self, now)
        self.answered()


@mutant("CLIENT-3", "alive/answers-keep-it")
def gives_up_on_the_quiet():
    """Does not notice the answers to its PINGs."""
    Liveness.answered = lambda self: None


@mutant("CLIENT-5", "returning/after-fin", "returning/after-shutdown")
def never_comes_back():
    """Ends when the connection does."""
    endings.Ending.next = property(lambda self: endings.Next.STOP)


@mutant("CLIENT-5", "returning/not-before-retry-ms", "refusals/rate-limited-login")
def comes_back_when_it_likes():
    """Does not look at retry_ms."""

    @instead(Backoff, "failed")
    def failed(original, self, retry_ms=0):
        return original(self)


@mutant("CLIENT-5", "returning/delay-grows")
def steady_delay():
    """Waits a second each time, more or less."""

    @instead(Backoff, "failed")
    def failed(original, self, retry_ms=0):
        self.steady()
        return original(self, retry_ms)


@mutant("CLIENT-5", "returning/delay-grows")
def no_jitter():
    """Waits 1, 2, 4, … seconds exactly."""

    @instead(Backoff, "__init__")
    def init(original, self, randomness, **settings):
        original(self, type("Same", (), {"random": lambda self: 1.0})(), **settings)


@mutant("CLIENT-6", "showing/twice")
def shows_duplicates():
    """Shows a message as often as it comes."""
    Timeline.live = lambda self, message: [message]


@mutant("CLIENT-6", "showing/own-seq-each")
def one_count_for_all():
    """Counts the messages of all conversations together."""
    seen = set()

    @instead(Timeline, "live")
    def live(original, self, message):
        again = message.seq in seen
        seen.add(message.seq)
        return [] if again else original(self, message)


@mutant("CLIENT-6", "repairing/gap", "repairing/live-meanwhile")
def shows_at_once():
    """Shows what comes live before what is missing."""

    @instead(Timeline, "live")
    def live(original, self, message):
        held = original(self, message)
        return held or ([message] if message.seq > self.shown(message.conversation) else [])


@mutant("CLIENT-6", "repairing/same-epoch")
def shows_again_when_it_is_back():
    """Forgets with each connection what it has shown."""

    @instead(Timeline, "begin")
    def begin(original, self, *, repairs):
        self.forget()
        original(self, repairs=False)


@mutant("CLIENT-9", "resending/lost-before-the-log", "resending/cut-before-message")
def new_txn_each_time():
    """Sends again with a new txn."""

    @instead(Outbox, "settle")
    def settle(original, self, **how):
        for entry in self:
            if entry.state is SendState.DOUBTFUL:
                entry.txn = self._randomness.getrandbits(64)
                self._entries[entry.txn] = entry
        return original(self, **how)


@mutant("CLIENT-9", "resending/lost-before-the-log", "resending/cut-before-message")
def says_it_again_differently():
    """Sends again with the same txn and another text."""

    @instead(Outbox, "settle")
    def settle(original, self, **how):
        for entry in self:
            entry.text += "!" if entry.state is SendState.DOUBTFUL else ""
        return original(self, **how)


@mutant("CLIENT-9", "resending/without-history-*")
def sends_again_without_history():
    """Sends again whatever the server has."""

    @instead(Outbox, "settle")
    def settle(original, self, *, history, epoch):
        for entry in self:
            entry.repeatable = True
        return original(self, history=True, epoch=epoch)

    Outbox.lose = lambda self: [
        self.move(entry, client.Happening.LOST) and entry for entry in self if entry.state is SendState.IN_FLIGHT
    ][:0]


@mutant("CLIENT-9", "resending/new-epoch")
def sends_again_in_a_new_epoch():
    """Sends again whatever became of the log."""

    @instead(Outbox, "settle")
    def settle(original, self, *, history, epoch):
        for entry in self:
            entry.epoch = epoch
        return original(self, history=history, epoch=epoch)


@mutant("CLIENT-9", "resending/without-history-never")
def says_nothing_of_doubt():
    """Says nothing of messages that may not have arrived."""

    @instead(View, "_state")
    def _state(original, self, event):
        lines = original(self, event)
        return [] if event.state is SendState.UNCONFIRMED else lines


@mutant("CLIENT-9", "resending/confirmed-is-done")
def sends_all_again():
    """Sends what was confirmed once more when it is back."""
    done = []

    @instead(client.Client, "_sent")
    def _sent(original, self, entry, answer):
        done.append(entry.frame)
        original(self, entry, answer)

    @instead(client.Client, "_admitted")
    def _admitted(original, self, connection, admitted, now):
        original(self, connection, admitted, now)
        for send in done:
            self._sends[connection.request(send, now)] = client.Entry(
                send.txn, send.conversation, send.kind, send.text, SendState.SENT
            )


@mutant("CLIENT-10", "repairing/gap", "repairing/while-away")
def repairs_nothing():
    """Shows what comes, and asks for nothing."""
    CatchUp.next_question = lambda self, now: None

    @instead(Timeline, "begin")
    def begin(original, self, *, repairs):
        original(self, repairs=False)


@mutant("CLIENT-10", "repairing/pages")
def one_page():
    """Asks for one page of HISTORY."""

    @instead(CatchUp, "_page")
    def _page(original, self, request, answer):
        shown = original(self, request, answer)
        if isinstance(answer, End) and answer.more:
            line = self._timeline
            shown += line.skip(request.conversation, line.head(request.conversation))
        return shown


@mutant("CLIENT-10", "repairing/removed", "repairing/all-removed")
def asks_for_ever():
    """Asks again for what is gone."""

    @instead(Timeline, "skip")
    def skip(original, self, conversation, seq):
        return []


@mutant("CLIENT-10", "repairing/rate-limited")
def asks_again_at_once():
    """Asks again at once when it is told to wait."""

    @instead(CatchUp, "answered")
    def answered(original, self, request, answer, now):
        shown = original(self, request, answer, now)
        self._not_before = None
        return shown


@mutant("CLIENT-10", "repairing/new-epoch")
def remembers_the_old_epoch():
    """Keeps its seqs when the epoch is new."""
    Timeline.forget = lambda self: None
