"""The server with threads: one thread reads each connection; whoever causes output writes it.

In here: moving octets between sockets and connections. Nothing here knows a type of message.

    main thread       accepts
    a reader for each connection: recv → core → a turn (writes what that caused, to whomever, as far as kernels take it)
    the housekeeper   writes the rest to sockets that were full, keeps the deadlines, closes sockets

Locks, in the order in which they are taken: `turn_lock` (who has the turn: nobody else writes to a socket, or closes
one), then `hub_lock` (the core: every call of the hub or of a connection). The hub lock is not held while octets move:
readers go on reading, and what they read makes the next turn. It is taken twice a turn, not twice a peer: so many
threads wait for it that each time costs more than a send. Sockets do not block: a peer that does not read holds up
nobody.
"""

import selectors
import signal
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from causerie.core.hub import Hub
from causerie.server import pump
from causerie.server.listening import BACKLOG, format_address
from causerie.server.log import log
from causerie.server.signals import STOP_SIGNALS
from causerie.server.waiting import Waker, readable
from causerie.store.operations import Store
from causerie.tls.layer import TlsError, TlsLayer
from causerie.tls.sockets import TlsSocket

_READ_OCTETS = 64 * 1024
_STACK_OCTETS = 256 * 1024
"""For each reader thread; the default of 8 MiB of addresses would be the limit on some systems."""
_ACCEPT_PAUSE = 0.1
"""Seconds before accepting again when the system has no more descriptors, or threads."""
_TURNS = 16
"""That a reader serves in a row: then the housekeeper does, for the reader's own peer waits."""
_GRACE = 1.0
"""Seconds that threads have to end, after the last connection must have ended."""


class Peer:
    """One connection's socket, and its `Connection`."""

    def __init__(self, server: "ThreadedServer", sock: socket.socket | TlsSocket, name: str) -> None:
        self._server = server
        self.socket = sock
        self._wait_readable = readable(sock)
        self.watched = False
        """Does the housekeeper wait until the kernel takes more?"""
        self._unsent = memoryview(b"")
        self._sent = 0
        """Octets that the kernel took since `report`."""
        self._full = False
        """The kernel takes no more for now."""
        self._broken = False
        self._sent_fin = False
        self._resume = threading.Event()
        with server.hub_lock:
            self.connection = server.hub.connect(server.now(), name)
            self.connection.shell = self

    def read(self) -> None:
        """The reader thread's whole life."""
        server, connection = self._server, self.connection
        while not connection.closed:
            if not self._may_read():
                self._resume.wait()
                continue
            try:
                data = self._receive()
            except OSError as error:
                data = None
                if isinstance(error, TlsError):
                    log("tls failed", peer=connection.peer, reason=error)
            with server.hub_lock:
                if data:
                    connection.receive_data(server.now(), data)
                elif data is None:
                    connection.lost(server.now())
                else:
                    connection.receive_eof(server.now())
            server.serve()
        server.discard(self)

    def _may_read(self) -> bool:
        with self._server.hub_lock:
            wanted = self.connection.reading or self.connection.closed
            if not wanted:
                self._resume.clear()  # `flush` says when that has changed
            return wanted

    def _receive(self) -> bytes:
        while True:
            try:
                return self.socket.recv(_READ_OCTETS)
            except BlockingIOError:
                self._wait_readable()

    # A turn's steps.

    def take(self) -> None:
        """With the hub lock: take what is to be written next, if all before it is."""
        if not self._unsent:
            self._unsent = memoryview(self.connection.take())

    def send(self) -> None:
        """Without it: hand that to the kernel, as far as it takes it."""
        self._full = False
        if not self._unsent or self.connection.closed:
            return
        try:
            self._sent = self.socket.send(self._unsent)
        except BlockingIOError:
            self._full = True
        except OSError:
            self._broken = True

    def report(self, now: float) -> None:
        """With it: tell the connection what became of that."""
        if self._broken:
            self.connection.lost(now)
        elif self._sent:
            self._unsent = self._unsent[self._sent :]
            self.connection.written(now, self._sent)
            self._sent = 0
            if self.connection.output:
                self._server.hub.touch(self.connection)

    def settle(self) -> bool:
        """Without it: do what else the connection wants. Returns False if something waits for the kernel."""
        connection = self.connection
        if connection.closed:
            _shut(self.socket, socket.SHUT_RDWR)
        elif connection.finished and not self._sent_fin:
            self._sent_fin = _shut(self.socket, socket.SHUT_WR)
            self._full = not self._sent_fin
        if not self._resume.is_set() and (connection.reading or connection.closed):
            self._resume.set()
        return not self._full


def _shut(sock: socket.socket | TlsSocket, how: int) -> bool:
    """Returns False if the kernel has no room for what TLS says then."""
    try:
        sock.shutdown(how)
    except BlockingIOError:
        return False
    except OSError:
        pass  # the peer was faster
    return True


class ThreadedServer:
    """Serves *hub* and *store*; `run` is its life."""

    now = staticmethod(time.monotonic)

    def __init__(self, hub: Hub, store: Store, tls: ssl.SSLContext | None = None) -> None:
        self.hub = hub
        self._tls = tls
        self.turn_lock = threading.Lock()
        self.hub_lock = threading.Lock()
        self._asked = False
        """Has anything happened since the last turn began?"""
        self._waker = Waker()
        self._pump = pump.make(hub, store, self._waker.wake)
        self._blocked: deque[Peer] = deque()
        self._discarded: deque[Peer] = deque()
        self._sleeps_until = float("inf")
        self._housekeeper = threading.Thread(
            target=self._keep_house, args=(selectors.DefaultSelector(),), name="housekeeper", daemon=True
        )
        self._stopping = False
        self._gone = threading.Event()
        self._peers = 0

    def serve(self) -> None:
        """Serve what happened: let the store do its part, then write to everybody who has something to get.

        If another thread is at that, it does this too, before it stops: this one may go on reading, so that the next
        turn has more to tell at once.
        """
        self._asked = True
        for _ in range(_TURNS):
            if not self._asked or not self.turn_lock.acquire(blocking=False):
                return
            try:
                self._asked = False
                if peers := self._turn():
                    self._write(peers)
                    self._asked = True
            finally:
                self.turn_lock.release()
        self._waker.wake()

    def _turn(self) -> Sequence[Peer]:
        with self.hub_lock:
            peers = [cast(Peer, connection.shell) for connection in self._pump.turn(self.now())]
            for peer in peers:
                peer.take()
            deadline = self.hub.next_deadline()
            if deadline is not None and deadline < self._sleeps_until:
                self._sleeps_until = deadline
                self._waker.wake()
        return peers

    def _write(self, peers: Sequence[Peer]) -> None:
        for peer in peers:
            peer.send()
        with self.hub_lock:
            now = self.now()
            for peer in peers:
                peer.report(now)
        for peer in peers:
            if not peer.settle() and not peer.watched:
                peer.watched = True
                self._blocked.append(peer)
                self._waker.wake()

    def accept(self, listener: socket.socket) -> bool:
        """Take the connections that wait. Returns False if the system has no room for more."""
        for _ in range(BACKLOG):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionError):
                break
            except OSError as error:
                log("accept failed", reason=error)
                return False
            if not self._begin(sock, format_address(address)):
                return False
        return True

    def _begin(self, sock: socket.socket, name: str) -> bool:
        sock.setblocking(False)
        with suppress(OSError):  # it may be gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        log("accept", peer=name)
        with self.hub_lock:
            self._peers += 1
        peer = Peer(self, sock if self._tls is None else TlsSocket(sock, TlsLayer(self._tls)), name)
        try:
            threading.Thread(target=peer.read, name=name, daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            log("accept failed", reason=error)
            with self.hub_lock:
                peer.connection.lost(self.now())
            self.discard(peer)
            return False
        self.serve()
        return True

    def discard(self, peer: Peer) -> None:
        """Its reader is done with it: have its socket closed."""
        self._discarded.append(peer)
        self._waker.wake()

    # The housekeeper.

    def _keep_house(self, selector: selectors.BaseSelector) -> None:
        with selector:
            selector.register(self._waker.reader, selectors.EVENT_READ)
            while not self._gone.is_set():
                with self.hub_lock:
                    deadline = self.hub.next_deadline()
                    self._sleeps_until = float("inf") if deadline is None else deadline
                ready = selector.select(None if deadline is None else max(0.0, deadline - self.now()))
                self._waker.clear()
                with self.hub_lock:
                    self.hub.tick(self.now())
                self.serve()
                with self.turn_lock:
                    self._write_on(selector, [key.data for key, _ in ready if key.data])
                    self._close_discarded(selector)
                self.serve()

    def _write_on(self, selector: selectors.BaseSelector, writable: Sequence[Peer]) -> None:
        for peer in writable:
            selector.unregister(peer.socket)
            peer.watched = False
        self._write(writable)
        while self._blocked:
            peer = self._blocked.popleft()
            selector.register(peer.socket, selectors.EVENT_WRITE, peer)

    def _close_discarded(self, selector: selectors.BaseSelector) -> None:
        while self._discarded:
            peer = self._discarded.popleft()
            if peer.watched:
                selector.unregister(peer.socket)
            peer.socket.close()
            with self.hub_lock:
                self._peers -= 1
                if self._stopping and not self._peers:
                    self._gone.set()

    # The main thread.

    def run(self, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM; *ready* is called once connections are accepted."""
        waker = Waker()
        signalled: list[int] = []
        previous = {number: signal.signal(number, lambda got, _: signalled.append(got)) for number in STOP_SIGNALS}
        previous_fd = signal.set_wakeup_fd(waker.descriptor, warn_on_full_buffer=False)
        threading.stack_size(_STACK_OCTETS)
        self._housekeeper.start()
        with selectors.DefaultSelector() as selector:
            selector.register(waker.reader, selectors.EVENT_READ)
            for listener in sockets:
                selector.register(listener, selectors.EVENT_READ, listener)
            ready()
            while not signalled:
                for key, _ in selector.select():
                    if key.data and not self.accept(key.data):
                        time.sleep(_ACCEPT_PAUSE)
                waker.clear()
        signal.set_wakeup_fd(previous_fd)
        for number, handler in previous.items():  # a second signal ends it at once
            signal.signal(number, handler)
        waker.close()
        self._stop(sockets)

    def _stop(self, sockets: Sequence[socket.socket]) -> None:
        """Say BYE to everybody and wait until all are gone, which `Limits.closing_timeout` bounds."""
        log("stopping", connections=self.hub.connections)
        with self.hub_lock:
            self.hub.shut_down(self.now())
        for listener in sockets:
            self.accept(listener)  # who waits to be accepted is told too [CLOSE-6]
            listener.close()
        with self.hub_lock:
            self._stopping = True
            if not self._peers:
                self._gone.set()
        self.serve()
        until = self.now() + self.hub.limits.closing_timeout + _GRACE
        while not self._gone.wait(_GRACE) and self.now() < until:
            pass  # a wait without end would not see a second signal on Windows
        self._gone.set()
        self._waker.wake()
        self._housekeeper.join(_GRACE)
        self._pump.close()
        log("stopped")


def _log_failure(failure: threading.ExceptHookArgs) -> None:
    log("failure", reason=f"thread {failure.thread and failure.thread.name}", exception=failure.exc_value)


def run(
    sockets: Sequence[socket.socket],
    hub: Hub,
    store: Store,
    ready: Callable[[], None],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, with TLS if *tls* is given; *ready* is called once connections are accepted."""
    threading.excepthook = _log_failure
    ThreadedServer(hub, store, tls).run(sockets, ready)
