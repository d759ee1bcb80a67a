"""The server with threads: one thread reads each connection; whoever causes output writes it.

In here: moving octets between sockets and connections. Nothing here knows a type of message.

    main thread       accepts
    a reader for each connection: recv → core → writes what that caused, to whomever, as far as the kernel takes it
    the housekeeper   writes the rest to sockets that were full, keeps the deadlines, closes sockets

Locks, in the order in which they are taken: a peer's `write_lock` (who writes to this socket; keeps chunks in order),
then `hub_lock` (the core: every call of the hub or of a connection). The hub lock is never held while octets move.
Sockets do not block: a peer that does not read holds up nobody.
"""

import select
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from causerie.core.hub import Hub
from causerie.server.listening import format_address
from causerie.server.log import log
from causerie.server.pump import pump
from causerie.server.signals import STOP_SIGNALS
from causerie.store.operations import Store

_READ_OCTETS = 64 * 1024
_STACK_OCTETS = 256 * 1024
"""For each reader thread; the default of 8 MiB of addresses would be the limit on some systems."""
_ACCEPT_PAUSE = 0.1
"""Seconds before accepting again when the system has no more descriptors."""


class Waker:
    """Wakes a thread that waits in a selector."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    @property
    def descriptor(self) -> int:
        """To be written to by the interpreter when a signal comes (`signal.set_wakeup_fd`)."""
        return self._writer.fileno()

    def wake(self) -> None:
        """Wake it, now or when it waits next."""
        with suppress(BlockingIOError):  # there are wake-ups enough in the pipe
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Forget the wake-ups so far."""
        with suppress(BlockingIOError):
            while self.reader.recv(4096):
                pass

    def close(self) -> None:
        """Give both ends back."""
        self.reader.close()
        self._writer.close()


class Peer:
    """One connection's socket, and its `Connection`."""

    def __init__(self, server: "ThreadedServer", sock: socket.socket, name: str) -> None:
        self._server = server
        self.socket = sock
        self.write_lock = threading.Lock()
        self.unsent = memoryview(b"")
        """What the kernel did not take yet of the chunk that is being written."""
        self._sent_fin = False
        self._woken = threading.Event()
        with server.hub_lock:
            self.connection = server.hub.connect(server.now(), name)
            self.connection.shell = self

    def read(self) -> None:
        """The reader thread's whole life."""
        server, connection = self._server, self.connection
        while True:
            with server.hub_lock:
                self._woken.clear()
                reading, closed = connection.reading, connection.closed
            if closed:
                break
            if not reading:
                self._woken.wait()  # `flush` says when that may have changed
                continue
            try:
                data = self._receive()
            except OSError:
                with server.hub_lock:
                    connection.lost(server.now())
            else:
                with server.hub_lock:
                    if data:
                        connection.receive_data(server.now(), data)
                    else:
                        connection.receive_eof(server.now())
            server.serve()
        server.discard(self)

    def _receive(self) -> bytes:
        while True:
            try:
                return self.socket.recv(_READ_OCTETS)
            except BlockingIOError:
                wait_readable(self.socket)

    def flush(self) -> bool:
        """Do what the connection wants of its socket. Returns False if the kernel took less than there is."""
        connection = self.connection
        with self.write_lock:
            if not self._write():
                return False
            if connection.closed:
                _shut(self.socket, socket.SHUT_RDWR)
            elif connection.finished and not self._sent_fin:
                self._sent_fin = True
                _shut(self.socket, socket.SHUT_WR)
            self._woken.set()
            return True

    def _write(self) -> bool:
        connection, server = self.connection, self._server
        while not connection.closed:
            if not self.unsent:
                with server.hub_lock:
                    self.unsent = memoryview(connection.take())
            if not self.unsent:
                break
            try:
                count = self.socket.send(self.unsent)
            except BlockingIOError:
                return False
            except OSError:
                count = None
            with server.hub_lock:
                if count is None:
                    connection.lost(server.now())
                    break
                self.unsent = self.unsent[count:]
                connection.written(server.now(), count)
        return True


def _shut(sock: socket.socket, how: int) -> None:
    with suppress(OSError):  # the peer was faster
        sock.shutdown(how)


if hasattr(select, "poll"):

    def wait_readable(sock: socket.socket) -> None:
        """Wait until there is something to read, or the end of it."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.poll()

else:

    def wait_readable(sock: socket.socket) -> None:
        """Wait until there is something to read, or the end of it."""
        select.select([sock], [], [])


class ThreadedServer:
    """Serves *hub* and *store*; `run` is its life."""

    now = staticmethod(time.monotonic)

    def __init__(self, hub: Hub, store: Store) -> None:
        self.hub = hub
        self.hub_lock = threading.Lock()
        self._store = store
        self._waker = Waker()
        self._blocked: deque[Peer] = deque()
        self._discarded: deque[Peer] = deque()
        self._sleeps_until = float("inf")
        self._housekeeper = threading.Thread(target=self._keep_house, name="housekeeper", daemon=True)
        self._stopping = False
        self._gone = threading.Event()
        self._peers = 0

    def serve(self) -> None:
        """Serve what happened: let the store do its part, then write to everybody who has something to get."""
        while True:
            with self.hub_lock:
                now = self.now()
                pump(self.hub, self._store, now)
                dirty = self.hub.take_dirty(now)
                pump(self.hub, self._store, now)
                deadline = self.hub.next_deadline()
                wake = deadline is not None and deadline < self._sleeps_until
            if wake:
                self._waker.wake()
            if not dirty:
                return
            for connection in dirty:
                peer = connection.shell
                if isinstance(peer, Peer) and not peer.flush():
                    self._blocked.append(peer)
                    self._waker.wake()

    def accept(self, listener: socket.socket) -> bool:
        """Take the connections that wait. Returns False if the system has no room for more."""
        while True:
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionError):
                return True
            except OSError as error:
                log("accept failed", reason=error)
                return False
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = format_address(address)
            log("accept", peer=name)
            with self.hub_lock:
                self._peers += 1
            peer = Peer(self, sock, name)
            try:
                threading.Thread(target=peer.read, name=name, daemon=True).start()
            except RuntimeError as error:  # the system has no more threads
                log("accept failed", reason=error)
                with self.hub_lock:
                    peer.connection.lost(self.now())
                self.discard(peer)
                return False
            self.serve()

    def discard(self, peer: Peer) -> None:
        """Its reader is done with it: have its socket closed."""
        self._discarded.append(peer)
        self._waker.wake()

    # The housekeeper.

    def _keep_house(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._waker.reader, selectors.EVENT_READ)
            while True:
                with self.hub_lock:
                    deadline = self.hub.next_deadline()
                    self._sleeps_until = float("inf") if deadline is None else deadline
                for key, _ in selector.select(None if deadline is None else max(0.0, deadline - self.now())):
                    if isinstance(key.data, Peer) and key.data.flush():
                        selector.unregister(key.fileobj)
                self._waker.clear()
                with self.hub_lock:
                    self.hub.tick(self.now())
                self.serve()
                self._watch_blocked(selector)
                self._close_discarded(selector)

    def _watch_blocked(self, selector: selectors.BaseSelector) -> None:
        while self._blocked:
            peer = self._blocked.popleft()
            if peer.socket.fileno() >= 0 and peer.socket not in selector.get_map():
                selector.register(peer.socket, selectors.EVENT_WRITE, peer)

    def _close_discarded(self, selector: selectors.BaseSelector) -> None:
        while self._discarded:
            peer = self._discarded.popleft()
            if peer.socket in selector.get_map():
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
                    if isinstance(key.data, socket.socket) and not self.accept(key.data):
                        time.sleep(_ACCEPT_PAUSE)
                waker.clear()
        signal.set_wakeup_fd(previous_fd)
        for number, handler in previous.items():  # a second signal ends it at once
            signal.signal(number, handler)
        waker.close()
        for listener in sockets:
            listener.close()
        self._stop()

    def _stop(self) -> None:
        """Say BYE to everybody and wait until all are gone, which `Limits.closing_timeout` bounds."""
        log("stopping", connections=self.hub.connections)
        with self.hub_lock:
            self._stopping = True
            self.hub.shut_down(self.now())
            if not self._peers:
                self._gone.set()
        self.serve()
        while not self._gone.wait(1.0):  # a wait without end would not see a second signal on Windows
            pass
        log("stopped")


def run(sockets: Sequence[socket.socket], hub: Hub, store: Store, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; *ready* is called once connections are accepted."""
    ThreadedServer(hub, store).run(sockets, ready)
