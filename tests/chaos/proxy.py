"""A network that fails: small TCP proxies that cut connections at random octets, and keep readers from reading.

In here: one asyncio loop in a thread of its own, with a proxy for each client. Which octet a connection is cut at, in
which direction and how, is drawn from the seed, the client's name and the number of the connection, so it does not
depend on timing. Not in here: frames; a cut falls wherever it falls.

    fin    both sides see the end of the stream behind that octet
    rst    both sides are reset
    half   the receiver alone sees the end of the stream; the other direction goes on until it ends by itself
"""

import asyncio
import contextlib
import random
import socket
import struct
import sys
import threading
from collections import Counter

HOWS = ("fin", "rst", "half")
UP, DOWN = "up", "down"
LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""On, for no time: close resets."""
LONGEST = 1 << 20
"""Octets after which a connection is cut, at most; short ones are as likely as long ones, by their logarithm."""
SMALL_BUFFER = 16_384
"""Octets of the receive buffer towards the server of a client that is to be slow."""


class Network:
    """The proxies of one server, whose port changes with each of its lives."""

    def __init__(self, seed):
        self.seed = seed
        self.upstream = None
        self.cuts = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._proxies = []

    def proxy(self, name, *, slow=False):
        """A new proxy; its `port` is open when this returns."""
        proxy = Proxy(self, name, slow)
        self._proxies.append(proxy)
        self.do(proxy.open())
        return proxy

    def do(self, coroutine):
        """Run a coroutine in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30.0)

    def heal(self):
        """Cut nothing from now on."""
        for proxy in self._proxies:
            proxy.set(calm=True)

    async def _close(self):
        for proxy in self._proxies:
            proxy.listener.close()
            for link in list(proxy.links):
                link.cut("rst")
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self):
        """End all."""
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30.0)
        self._loop.close()


class Proxy:
    """One client's way to the server."""

    def __init__(self, network, name, slow):
        self.network = network
        self.name = name
        self.slow = slow
        self.count = 0
        self.links = set()
        self.calm = False
        self.flow = asyncio.Event()
        self.flow.set()

    async def open(self):
        """Listen on a free port."""
        self.listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]

    def set(self, *, calm, flow=True):
        """Whether nothing is cut from now on (``calm``), and whether anything comes down (``flow``)."""
        self.network.do(self._set(calm, flow))

    async def _set(self, calm, flow):
        self.calm = calm
        if calm:
            for link in self.links:
                link.budget.clear()
        (self.flow.set if flow else self.flow.clear)()

    async def _accept(self, reader, writer):
        self.count += 1
        rng = random.Random(f"{self.network.seed}/{self.name}/{self.count}")
        try:
            sock = await self._dial()
            up_reader, up_writer = await asyncio.open_connection(sock=sock)
        except OSError:
            writer.close()
            return
        link = Link(self, rng, writer, up_writer)
        self.links.add(link)
        try:  # cancelled at the end of all, which asyncio's own callback of a connection does not take (3.11)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(link.pump(UP, reader, up_writer), link.pump(DOWN, up_reader, writer))
        finally:
            self.links.discard(link)
            writer.close()
            up_writer.close()

    async def _dial(self):
        sock = socket.socket()
        try:
            if self.slow:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, self.network.upstream)
        except BaseException:
            sock.close()
            raise
        return sock


class Link:
    """One connection through a proxy."""

    def __init__(self, proxy, rng, *writers):
        self.proxy = proxy
        self.writers = writers
        self.how = rng.choice(HOWS)
        self.chunk = rng.choice((1_000, 10_000, 65_536))
        self.budget = {}
        if not proxy.calm:
            self.budget[rng.choice((UP, DOWN))] = int(LONGEST ** rng.random())

    async def pump(self, direction, reader, writer):
        """Forward one direction up to its end, or to the octet at which it is cut."""
        try:
            while await self._forward(direction, reader, writer):
                await writer.drain()
        except OSError:  # one side is gone: the other hears of it
            self.cut("rst")

    async def _forward(self, direction, reader, writer):
        """What is there next; False when that was the end."""
        if direction == DOWN:
            await self.proxy.flow.wait()
        data = await reader.read(self.chunk)
        left = self.budget.get(direction, len(data) + 1)
        writer.write(data[:left])
        if data and len(data) < left:
            if direction in self.budget:
                self.budget[direction] -= len(data)
            return True
        if data:
            self.proxy.network.cuts[self.how] += 1
        if data and self.how != "half":
            self.cut(self.how)
        else:
            writer.write_eof()
            await self._drop(reader)
        return False

    async def _drop(self, reader):
        while await reader.read(65_536):
            pass

    def cut(self, how):
        """End both sides."""
        for writer in self.writers:
            if how == "rst":
                sock = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                writer.transport.abort()
            else:
                writer.close()
