"""The dissector: the declarations in Lua, and what a real tshark shows with it."""

import contextlib
import re
import shutil
import ssl
import struct
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from causerie_conformance.tap.pcap import Capture
from causerie_spec import cli, codec, dissector, layout, vectors
from causerie_spec.annotate import NAMED, TIMES
from causerie_spec.codes import ALPN, DEFAULT_PORT, HEADER_SIZE, MAGIC, MAX_BODY, SERVER_BIT, ByeCode, ErrorCode, Kind
from causerie_spec.layout import fields_of
from causerie_spec.messages import (
    MESSAGES,
    Ack,
    Bye,
    ChatMessage,
    Compose,
    Error,
    Hello,
    Ping,
    Quit,
    Send,
    Welcome,
)

LUA = Path(__file__).parents[2] / "spec" / "wireshark" / "causerie.lua"
AT = 1_790_000_000.0
OTHER_PORT = 6_789

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark: apt install tshark")


# What is generated


def test_the_file_is_as_the_declarations_have_it():
    current = dissector.text()
    assert LUA.read_text(encoding="utf-8") == current, "run: causerie-spec dissector > spec/wireshark/causerie.lua"


def test_the_command_prints_it(capsys):
    assert cli.main(["dissector"]) == 0
    assert capsys.readouterr().out == dissector.text()


def test_every_frame_field_and_value_is_in_it():
    text = dissector.text()
    assert text.isascii(), "a console may not print it"
    assert "@" not in re.sub(r'"[^"\n]*"|--.*', "", text), "a place was not filled"
    for cls in MESSAGES.values():
        names = ", ".join(f'"{field.name}"' for field in fields_of(cls))
        answered = "request = true, " * bool(cls.ANSWERS)
        assert f'    [0x{cls.TYPE:02X}] = {{ name = "{cls.NAME}", {answered}fields = {{{names}}} }},\n' in text
        assert all(f'    {{ name = "{field.name}", kind = ' in text for field in fields_of(cls))
    for enum in NAMED.values():
        assert all(f'        [{value.value}] = "{value.name}",\n' in text for value in enum)


def test_what_the_info_column_shows_and_what_is_a_time_are_fields():
    declared = dissector.declared()
    assert {*dissector.SHOWN, *TIMES} <= declared.keys()


def test_one_name_has_one_form(monkeypatch):
    fields = {Quit: fields_of(Send), Bye: tuple(field for field in fields_of(ChatMessage) if field.name == "seq")}
    renamed = layout.Field("text", "u64", fields[Bye][0].shape, "a number")
    monkeypatch.setattr(dissector, "fields_of", lambda cls: (renamed,) if cls is Bye else fields_of(cls))
    with pytest.raises(dissector.DissectorError, match="text is str16 and u64"):
        dissector.text()


def test_one_value_has_one_name(monkeypatch):
    monkeypatch.setattr(dissector, "NAMED", {("ERROR", "code"): ErrorCode, ("BYE", "code"): Kind})
    with pytest.raises(dissector.DissectorError, match="code 1 is UNSUPPORTED and ACTION"):
        dissector.text()


def test_texts_are_quoted_as_lua_has_it():
    assert dissector.quote('a "b" \\ \n') == '"a \\"b\\" \\\\ \\n"'


# What tshark shows


@dataclass(frozen=True)
class Shown:
    """A frame as tshark shows it. ``fields`` are pairs of a field's name and its octets, in order."""

    fields: list[tuple[str, bytes]]
    labels: dict[str, str]
    findings: list[tuple[str, str]]
    title: str

    @property
    def names(self):
        return [name for name, _ in self.findings]


def tshark(capture, *arguments):
    command = ["tshark", "-r", str(capture), "-X", f"lua_script:{LUA}", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False, encoding="utf-8")
    # Errors in Lua are told on stderr or in the tree, and do not end it.
    assert done.returncode == 0, done.stderr
    assert "causerie.lua" not in done.stderr + done.stdout
    return done.stdout


def dissect(capture, *arguments):
    """All frames of a capture, by TCP stream; in each, in the order of the packets."""
    document = ET.fromstring(tshark(capture, "-2", "-T", "pdml", *arguments).encode())
    streams = {}
    for packet in document.iter("packet"):
        stream = int(packet.find(".//field[@name='tcp.stream']").get("show"))
        streams.setdefault(stream, []).extend(shown(proto) for proto in packet.findall("proto[@name='causerie']"))
    return streams


def shown(proto):
    fields, labels, findings = [], {}, []
    for field in proto.iter("field"):
        name = field.get("name").removeprefix("causerie.")
        if field.get("name") == "_ws.expert":
            told, message = field[0].get("name"), field.find("field[@name='_ws.expert.message']")
            if told.startswith("causerie."):  # Wireshark itself takes U+0000 in a text for strange
                findings.append((told.removeprefix("causerie."), message.get("show")))
        elif (
            field.get("name").startswith("causerie.")
            and field.get("size") != "0"
            and field.get("unmaskedvalue") is None
        ):
            fields.append((name, bytes.fromhex(field.get("value"))))
            labels[name] = field.get("showname")
    return Shown(fields, labels, findings, proto.get("showname"))


def expected(octets):
    """Names and octets of a frame's fields, from `layout.walk`: without those that have no octets."""
    header = [("length", octets[:4]), ("type", octets[4:5]), ("flags", octets[5:6]), ("ref", octets[6:8])]
    cls, body = MESSAGES.get(octets[4]), octets[HEADER_SIZE:]
    parts, at = [], 0
    fault = None
    if cls and int.from_bytes(octets[:4], "big") <= MAX_BODY:
        walked, fault = layout.walk(cls, body)
        parts = [(name_of(part), body[part.offset : part.offset + part.size]) for part in walked]
        at = sum(part.size for part in walked)
    return [(name, value) for name, value in header + parts if value], body[at:], fault


def name_of(part):
    """As the filter names it: each entry of a list like the list."""
    return re.sub(r"\[\d+\]", "", part.label).replace(" ", ".")


class Streams:
    """A capture that is being made, of one stream after the other."""

    def __init__(self, path):
        self.path = path
        self._file = path.open("wb")
        self._capture = Capture(self._file)
        self._count = 0

    def add(self, *segments, port=DEFAULT_PORT):
        """A stream of segments: the first octet's sign says nothing, so the sender is given: (by_client, octets)."""
        stream = self._capture.connect(("127.0.0.1", 20_000 + self._count), ("127.0.0.1", port), AT)
        self._count += 1
        for by_client, octets in segments:
            (stream.sent if by_client else stream.received)(octets, AT)
        for by_client in (True, False):
            stream.fin(AT, by_client=by_client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


@pytest.fixture
def streams(tmp_path):
    with Streams(tmp_path / "test.pcap") as made:
        yield made


def by_client(octets):
    return octets[4] < SERVER_BIT


@needs_tshark
@pytest.mark.uncounted
def test_tshark_shows_of_every_vector_what_is_in_it(streams):
    loaded = vectors.load()
    everything = (*loaded.valid, *loaded.invalid)
    for vector in everything:
        streams.add((by_client(vector.octets), vector.octets))
    found = dissect(streams.path)
    assert len(found) == len(everything)
    findings = set()
    for vector, frames in zip(everything, found.values(), strict=True):
        length = int.from_bytes(vector.octets[:4], "big")
        if HEADER_SIZE + length > len(vector.octets) and length <= MAX_BODY:
            assert frames == [], "over the limit before READY, which is the server's affair: the body may still come"
            continue
        [frame] = frames
        check(frame, vector)
        findings |= set(frame.names)
    assert findings == {"malformed", "too_large", "ref_0", "wrong_magic", "flags_set", "rest", "unknown_type"}


def check(frame, vector):
    octets = vector.octets
    cls = MESSAGES.get(octets[4])
    fields, rest, fault = expected(octets)
    too_large = int.from_bytes(octets[:4], "big") > MAX_BODY
    # A text that is not UTF-8 is shown all the same.
    plain = [(name, value) for name, value in frame.fields if name != "body"]
    assert plain[: len(fields)] == fields, vector.id
    beyond = b"".join(value for _, value in plain[len(fields) :])
    beyond += b"".join(value for name, value in frame.fields if name == "body")
    assert beyond == rest, vector.id
    assert (
        frame.title
        == f"Causerie {cls.NAME if cls else f'unknown type {octets[4]:#04x}'}, ref {octets[6] << 8 | octets[7]}"
    )
    demanded = {
        "malformed": fault is not None,
        "too_large": too_large,
        "ref_0": bool(cls and cls.ANSWERS and not any(octets[6:8])),
        "wrong_magic": cls is Hello and len(octets) > HEADER_SIZE and octets[8:12] != MAGIC,
        "flags_set": octets[5] != 0,
        "rest": bool(cls and rest and not fault and not too_large),
        "unknown_type": cls is None,
    }
    assert sorted(frame.names) == sorted(name for name, wanted in demanded.items() if wanted), vector.id
    if fault:
        [message] = [text for name, text in frame.findings if name == "malformed"]
        # Why a text is not UTF-8 is said by Python alone.
        reason = re.sub(r"not UTF-8: .*", "not UTF-8", fault.reason)
        assert message == f"{fault.field}: {reason} (octet {fault.offset} of the body)", vector.id


@needs_tshark
@pytest.mark.uncounted
def test_values_are_named_and_times_are_told(streams):
    frames = [
        codec.encode(Bye(ByeCode.SHUTDOWN, 500, "soon"), 0),
        codec.encode(Error(999, 0, "Größe 李🦊\n"), 3),
        codec.encode(ChatMessage("#lobby", 1, 1_790_000_000_123, "bob", 0, Kind.JOINED, ""), 0),
        codec.encode(Welcome(1, 60, 2**64 - 1, 7, "a", (), ()), 1),
    ]
    streams.add(*((False, octets) for octets in frames))
    [[bye, error, message, welcome]] = dissect(streams.path).values()
    assert bye.labels["code"] == f"code: SHUTDOWN (101): {ByeCode.SHUTDOWN.meaning}"
    assert bye.labels["type"] == "type: BYE (0x85)"
    assert error.labels["code"] == "code: Unknown (999)"
    assert error.labels["detail"] == "detail: Größe 李🦊\\n"
    assert message.labels["timestamp"] == "timestamp: 1790000000123 (2026-09-21T14:13:20.123Z)"
    assert message.labels["kind"] == "kind: JOINED (128)"
    assert welcome.labels["server_time"] == "server_time: 18446744073709551615 (beyond the year 9999)"


LINES = {
    "text": (codec.encode(Send("#lobby", 42, 0, "good morning"), 3), 'SEND ref 3 #lobby "good morning"'),
    "code": (codec.encode(Error(ErrorCode.NOT_A_MEMBER, 0, ""), 3), 'ERROR ref 3 NOT_A_MEMBER ""'),
    "bool": (codec.encode(Compose("@bob", True), 0), "COMPOSE @bob active yes"),
    "empty": (codec.encode(Compose("", False), 0), 'COMPOSE "" active no'),
    "u64": (codec.encode(Ack(2**64 - 1, 1, False), 65_535), f"ACK ref 65535 seq {2**64 - 1} duplicate no"),
    "unknown": (codec.frame(0x7F, b"?", 7), "unknown type 0x7f ref 7"),
    "cut": (codec.frame(Quit.TYPE, b"\x05abc", 7), "QUIT ref 7 [malformed]"),
    "large": (struct.pack(">IBBH", MAX_BODY + 1, Send.TYPE, 0, 7), "SEND ref 7 [too large]"),
    "long": (codec.encode(Quit("é" * 100), 1), f'QUIT ref 1 "{"é" * 32}…"'),
    "long, cut inside a character": (codec.encode(Quit("a" + "é" * 100), 1), f'QUIT ref 1 "a{"é" * 31}…"'),
    "controls": (codec.encode(Quit("a\n\x1b[31m\0\x7f"), 1), r'QUIT ref 1 "a\x0a\x1b[31m\x00\x7f"'),
    "C1 and directions": (
        codec.encode(Quit("\x9b\u202e\u2066\u2028\ufeffé"), 1),
        r'QUIT ref 1 "\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbfé"',
    ),
}


@needs_tshark
@pytest.mark.uncounted
def test_the_info_column_says_what_a_frame_is(streams):
    for octets, _ in LINES.values():
        streams.add((by_client(octets), octets))
    assert info(streams.path) == [line for _, line in LINES.values()]


def info(capture, *arguments):
    """The info column of the packets in which frames are shown."""
    columns = tshark(
        capture, "-Y", "causerie", "-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info", *arguments
    )
    rows = [line.split("\t") for line in columns.splitlines()]
    assert {protocol for protocol, _ in rows} == {"Causerie"}
    return [text for _, text in rows]


@needs_tshark
@pytest.mark.uncounted
def test_frames_are_found_however_tcp_cuts_them(streams):
    frames = [codec.encode(Send("#lobby", number, 0, "x" * 50 * number), number) for number in range(1, 20)]
    frames.append(codec.frame(Send.TYPE, bytes(MAX_BODY), 20))
    octets = b"".join(frames)
    random = Random(5)
    cuts = {
        "each in a segment": frames,
        "all in one": [octets],
        "one octet at a time": [octets[at : at + 1] for at in range(len(frames[0]) + len(frames[1]) + 3)],
        "anywhere": [
            octets[a:b] for a, b in pairwise([0, *sorted(random.sample(range(len(octets)), 60)), len(octets)])
        ],
    }
    for segments in cuts.values():
        streams.add(*((True, segment) for segment in segments))
    whole, joined, single, anywhere = dissect(streams.path).values()
    assert [dict(frame.fields)["ref"] for frame in whole] == [struct.pack(">H", ref) for ref in range(1, 21)]
    assert whole == joined == anywhere
    assert [frame.fields for frame in single] == [frame.fields for frame in whole[:2]]


@needs_tshark
@pytest.mark.uncounted
def test_all_frames_of_a_packet_are_in_its_info(streams):
    ping, send = codec.encode(Ping(1), 1), codec.encode(Send("#lobby", 1, 0, "hi"), 2)
    octets = ping + send + codec.encode(Quit(""), 3)
    streams.add((True, octets[:5]), (True, octets[5 : len(ping) + 3]), (True, octets[len(ping) + 3 :]))
    assert info(streams.path, "-2") == ["PING ref 1 token 1", 'SEND ref 2 #lobby "hi", QUIT ref 3 ""']


HELLO = codec.encode(Hello(MAGIC, 1, 1, 60, "me", ("rooms",)), 1)


@needs_tshark
@pytest.mark.uncounted
def test_other_ports_are_recognized_by_their_hello_or_decoded_when_asked(streams):
    answer = codec.encode(Welcome(1, 60, 1, 1, "you", (), ()), 1)
    streams.add((True, HELLO), (False, answer), port=OTHER_PORT)
    streams.add((True, codec.encode(Ping(7), 1)), port=OTHER_PORT)
    recognized, missed = dissect(streams.path).values()
    assert ([frame.title for frame in recognized], missed) == (["Causerie HELLO, ref 1", "Causerie WELCOME, ref 1"], [])
    _, asked = dissect(streams.path, "-d", f"tcp.port=={OTHER_PORT},causerie").values()
    assert [frame.title for frame in asked] == ["Causerie PING, ref 1"]


@needs_tshark
@pytest.mark.uncounted
def test_another_protocol_on_the_port_is_left_alone(streams):
    streams.add((True, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    streams.add((True, b"GET "))
    assert dissect(streams.path) == {0: [], 1: []}
    assert "HTTP" in tshark(streams.path, "-T", "fields", "-e", "_ws.col.Protocol")


@needs_tshark
@pytest.mark.uncounted
def test_what_was_not_captured_is_no_fault_of_the_sender(streams, tmp_path):
    octets = codec.encode(Send("#lobby", 42, 0, "good morning"), 3)
    streams.add((True, octets))
    short = tmp_path / "short.pcap"
    short.write_bytes(snapped(streams.path.read_bytes(), 40 + len(octets) - 4))
    [[frame]] = dissect(short).values()
    assert frame.names == ["not_captured"]
    assert [name for name, _ in frame.fields][-2:] == ["text.length", "body"]
    assert info(short) == ["SEND ref 3 #lobby [cut]"]


def snapped(capture, most):
    """A capture with at most so many octets of each packet."""
    made, at = capture[:24], 24
    while at < len(capture):
        seconds, micros, size, whole = struct.unpack_from("<IIII", capture, at)
        kept = min(size, most)
        made += struct.pack("<IIII", seconds, micros, kept, whole) + capture[at + 16 : at + 16 + kept]
        at += 16 + size
    return made


@needs_tshark
@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("alpn", "asked"),
    [(ALPN, ()), (None, ("-d", f"tls.port=={OTHER_PORT},causerie"))],
    ids=["by its ALPN", "when asked"],
)
def test_it_is_found_inside_tls(streams, tmp_path, pem, alpn, asked):
    keys = tmp_path / "keys"
    streams.add(*tls_conversation([HELLO, codec.encode(Ping(7), 2)], pem, keys, alpn), port=OTHER_PORT)
    [frames] = dissect(streams.path, "-o", f"tls.keylog_file:{keys}", *asked).values()
    assert [frame.title for frame in frames] == ["Causerie HELLO, ref 1", "Causerie PING, ref 2"]
    assert dissect(streams.path, *asked) == {0: []}


def tls_conversation(frames, pem, keys, alpn):
    """What goes over the wire when a client sends frames inside TLS, as segments; its keys are written down."""
    client, server = ssl.create_default_context(cafile=pem.authority), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.keylog_filename = str(keys)
    server.load_cert_chain(pem.both)
    for context in (client, server) if alpn else ():
        context.set_alpn_protocols([alpn])
    bios = {name: (ssl.MemoryBIO(), ssl.MemoryBIO()) for name in ("client", "server")}
    ends = {
        "client": client.wrap_bio(*bios["client"], server_hostname="localhost"),
        "server": server.wrap_bio(*bios["server"], server_side=True),
    }
    segments = []

    def carry(sender, receiver):
        if octets := bios[sender][1].read():
            segments.append((sender == "client", octets))
            bios[receiver][0].write(octets)

    for sender, receiver in [("client", "server"), ("server", "client")] * 2:
        with contextlib.suppress(ssl.SSLWantReadError):
            ends[sender].do_handshake()
        carry(sender, receiver)
    assert ends["server"].selected_alpn_protocol() == alpn
    for octets in frames:
        ends["client"].write(octets)
        carry("client", "server")
        assert ends["server"].read() == octets
    return segments
