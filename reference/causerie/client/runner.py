"""The network of a client: a thread that moves octets between a `Client` and a socket.

In here: the thread, its socket, timers by the core's deadlines, and a queue each way. Nothing in here knows
what a frame or an event means. All shells use it: a console reads `events` when `notify` says so, a window
polls them.

The rules:

* The `Client` belongs to the thread. Other threads only call the methods marked *any thread*.
* `events` ends with `Stopped`, always, also when this module has a bug.
* A shell that does not take its events stops the reading of the socket (EVENTS_LIMIT), and so, in the end,
  the server; nothing grows without bound. A shell that sends faster than the server takes may wait for room.
"""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Final

from causerie.client.address import Address
from causerie.client.dialer import AddressInfo, Dialer, look_up
from causerie.core.client import (
    Cause,
    Client,
    Ending,
    Event,
    LocalProtocolError,
    Phase,
    Stopped,
    check_room,
    check_sendable,
)
from causerie.tls.layer import TlsLayer
from causerie.tls.sockets import TlsSocket
from causerie_spec.codes import Kind

EVENTS_LIMIT: Final = 10_000
"""Events that may wait for the shell before the socket is not read any more: some seconds of a busy lobby."""
BACKLOG_LIMIT: Final = 1_000
"""Messages that may wait for their ACKs before `send(wait=True)` waits."""
READ_SIZE: Final = 65_536
"""Octets read at once, at most."""
_PAUSE: Final = 0.05
"""Seconds between looks at whether a slow shell has caught up."""

_TLS_ALERT: Final = b"\x15\x03"
"""How what a server of TLS says to plain text begins; no frame does."""

Command = Callable[[float], None]


class NetworkRunner:
    """Runs one `Client` against one address in a daemon thread, with TLS if ``tls`` is given.

    ``notify`` is called, in that thread, after events were put into `events`; it must not block or raise.
    ``record`` is called there with events before they are put there, and before any octet goes out that has to do with
    them: who keeps them keeps a message before it is sent. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        client: Client,
        address: Address,
        *,
        notify: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
        record: Callable[[list[Event]], None] | None = None,
    ) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        """What happened, in order; the last one is `Stopped`."""
        self.failure: BaseException | None = None
        """The bug that ended the thread, if one did."""
        self._client = client
        self._address = address
        self._notify = notify
        self._clock = clock
        self._tls = tls
        self._record = record
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._unsettled = 0
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._dialing = False
        self._dialer: Dialer | None = None
        self._socket: socket.socket | TlsSocket | None = None
        self._heard = False
        """Has anything come on this connection?"""
        self._registered: tuple[socket.socket | TlsSocket, int] | None = None
        self._unsent = memoryview(b"")
        self._paused = False
        self._finished = False
        self._thread = threading.Thread(target=self._run, name="causerie-network", daemon=True)

    # Any thread.

    def start(self) -> None:
        """Start the thread, which connects. *Any thread*, once."""
        self._thread.start()

    def send(self, conversation: str, text: str, kind: int = Kind.TEXT, *, wait: bool = False) -> None:
        """Write a message; events tell what becomes of it. *Any thread.*

        With ``wait`` it waits while BACKLOG_LIMIT messages are unsettled. Raises `NotSendable` for what no
        server takes. After `leave`, or when the client has stopped, nothing happens.
        """
        check_sendable(conversation, text, kind)
        with self._room:
            while wait and self._unsettled >= BACKLOG_LIMIT and not self._finished:
                self._room.wait()
            self._unsettled += 1
        self._command(lambda now: _ignore_late(lambda: self._client.send(conversation, text, now, kind)))

    def join_room(self, room: str) -> None:
        """Become a member; an event tells. Raises `NotSendable` for what is no room. *Any thread.*"""
        check_room(room)
        self._command(lambda now: _ignore_late(lambda: self._client.join_room(room, now)))

    def leave_room(self, room: str) -> None:
        """Be a member no longer; an event tells. Raises `NotSendable` for what is no room. *Any thread.*"""
        check_room(room)
        self._command(lambda now: _ignore_late(lambda: self._client.leave_room(room, now)))

    def do(self, verb: Callable[[Client, float], None]) -> None:
        """Call a verb of the client with the time; not once it leaves or has stopped. *Any thread.*"""
        self._command(lambda now: _ignore_late(lambda: verb(self._client, now)))

    def leave(self, *, patient: bool = False) -> None:
        """Deliver, QUIT, and end, as `Client.leave` says. *Any thread.*"""
        self._command(lambda now: self._client.leave(now, patient=patient))

    def abandon(self) -> None:
        """End at once, without a word to the server. *Any thread.*"""
        self._command(lambda _: self._client.abandon())

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the thread to end; did it? *Any thread but its own.*"""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _command(self, command: Command) -> None:
        self._commands.put(command)
        with contextlib.suppress(OSError):  # full: it will wake up anyway; closed: it has ended
            self._wake_writer.send(b"\0")

    # The thread.

    def _run(self) -> None:
        try:
            self._selector.register(self._wake_reader, selectors.EVENT_READ)
            self._client.start()
            while self._client.phase is not Phase.STOPPED:
                self._arrange()
                self._publish()
                self._turn(self._selector.select(self._timeout()))
            self._arrange()
            self._publish()
        except BaseException as error:  # a bug must not leave a shell waiting forever
            self.failure = error
            self.events.put(Stopped(Ending(Cause.INTERNAL, detail=repr(error)), 0, 0))
            self._tell_shell()
        finally:
            self._close()

    def _turn(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        """Everything that is there to be done now."""
        now = self._clock()
        for key, mask in ready:
            if key.fileobj is self._wake_reader:
                self._drain_wake()
            elif self._dialer is not None:
                self._dialer.advance(now, ready=True)
            elif self._socket is not None:
                if mask & selectors.EVENT_READ:
                    self._read(now)
                if mask & selectors.EVENT_WRITE:
                    self._write(now)
        while self._client.phase is not Phase.STOPPED:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                break
            command(now)
        if self._dialer is not None:
            self._dialer.advance(now, ready=False)
        if self._paused:
            self._client.excuse(now)
        self._client.tick(now)
        self._dial(now)
        self._write(now)
        self._count()

    def _count(self) -> None:
        """Tell those who wait for room."""
        with self._room:
            self._unsettled = self._commands.qsize() + self._client.backlog
            if self._unsettled < BACKLOG_LIMIT:
                self._room.notify_all()

    def _timeout(self) -> float | None:
        times = [self._client.deadline, self._dialer.deadline if self._dialer is not None else None]
        due = min((time_ for time_ in times if time_ is not None), default=None)
        timeout = None if due is None else max(0.0, due - self._clock())
        if self._client.phase is Phase.CONNECTING and not self._dialing:
            return 0.0
        if self._paused:
            return _PAUSE if timeout is None else min(_PAUSE, timeout)
        return timeout

    def _dial(self, now: float) -> None:
        """Make the connection that the client wants."""
        if self._client.phase is not Phase.CONNECTING:
            return
        if not self._dialing:
            self._dialing = True
            threading.Thread(target=self._look_up, name="causerie-look-up", daemon=True).start()
        dialer = self._dialer
        if dialer is None:
            return
        if dialer.connected is not None:
            self._socket, self._dialer, self._dialing = dialer.connected, None, False
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._heard = False
            self._client.connected(now)
            self._read(now)  # what came with the end of a handshake
        elif dialer.failure is not None:
            cause, detail = dialer.failure
            self._dialer, self._dialing = None, False
            self._client.connect_failed(cause, now, detail)

    def _look_up(self) -> None:
        """In a thread of its own: a name server may take its time, and the user may leave meanwhile."""
        try:
            addresses = look_up(self._address.host, self._address.port)
        except OSError as error:
            detail = error.strerror or str(error)
            self._command(lambda now: self._not_found(now, detail))
        else:
            self._command(lambda now: self._found(now, addresses))

    def _found(self, now: float, addresses: list[AddressInfo]) -> None:
        if self._client.phase is Phase.CONNECTING:
            self._dialer = Dialer(addresses, now, self._secure if self._tls is not None else None)

    def _secure(self, sock: socket.socket) -> TlsSocket:
        assert self._tls is not None
        return TlsSocket(sock, TlsLayer(self._tls, self._address.host))

    def _not_found(self, now: float, detail: str) -> None:
        if self._client.phase is Phase.CONNECTING:
            self._dialing = False
            self._client.connect_failed(Cause.UNKNOWN_HOST, now, detail)

    def _read(self, now: float) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._client.lost(now, error.strerror or str(error))
            return
        if not self._heard and data.startswith(_TLS_ALERT):
            self._client.lost(now, cause=Cause.ONLY_TLS)
        elif data:
            self._client.receive_data(data, now)
        else:
            self._client.receive_eof(now)
        self._heard = True

    def _write(self, now: float) -> None:
        """Send what there is, as far as the socket takes it."""
        while self._socket is not None and self._client.phase is Phase.UP:
            if not self._unsent:
                self._publish()  # kept before it is sent
                self._unsent = memoryview(self._client.data_to_send())
                if not self._unsent:
                    return
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._broken(error, now)
                return

    def _broken(self, error: OSError, now: float) -> None:
        """The socket takes nothing more; but the server's last words may have arrived, a BYE for instance."""
        assert self._socket is not None
        while self._client.phase is Phase.UP:
            try:
                data = self._socket.recv(READ_SIZE)
            except OSError:
                break
            if not data:
                break
            self._client.receive_data(data, now)
        if self._client.phase is Phase.UP:
            self._client.lost(now, error.strerror or str(error))

    def _arrange(self) -> None:
        """Have the sockets that the phase asks for, and wait for the right things on them."""
        if self._client.phase is not Phase.CONNECTING and self._dialer is not None:
            self._dialer.close()
            self._dialer, self._dialing = None, False
        if self._client.phase is not Phase.UP and self._socket is not None:
            self._register(None, 0)
            self._socket.close()
            self._socket, self._unsent = None, memoryview(b"")
        if self._dialer is not None:
            self._paused = False
            self._register(self._dialer.pending, self._dialer.waits_for)
        elif self._socket is not None:
            self._paused = self.events.qsize() >= EVENTS_LIMIT
            mask = 0 if self._paused else selectors.EVENT_READ
            mask |= selectors.EVENT_WRITE if self._unsent else 0
            self._register(self._socket, mask)
        else:
            self._paused = False
            self._register(None, 0)

    def _register(self, sock: socket.socket | TlsSocket | None, mask: int) -> None:
        wanted = None if sock is None or mask == 0 else (sock, mask)
        if wanted == self._registered:
            return
        if self._registered is not None:
            self._selector.unregister(self._registered[0])
        if wanted is not None:
            self._selector.register(*wanted)
        self._registered = wanted

    def _publish(self) -> None:
        events = self._client.events()
        if events and self._record is not None:
            self._record(events)
        for event in events:
            self.events.put(event)
        if events:
            self._tell_shell()

    def _tell_shell(self) -> None:
        if self._notify is not None:
            self._notify()

    def _drain_wake(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except (BlockingIOError, InterruptedError):
            pass

    def _close(self) -> None:
        for sock in (self._socket, self._dialer.pending if self._dialer is not None else None):
            if sock is not None:
                sock.close()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()
        with self._room:
            self._finished = True
            self._room.notify_all()


def _ignore_late(send: Callable[[], object]) -> None:
    """Something that was on its way here when the client stopped: `Stopped` has been told, or will be."""
    with contextlib.suppress(LocalProtocolError):
        send()
