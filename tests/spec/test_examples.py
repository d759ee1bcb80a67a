"""The worked examples: they read back as what they say, and the SCRAM one is a true exchange."""

import base64
import hashlib
import hmac
import re

import pytest

from causerie_spec import examples
from causerie_spec.codec import decode
from causerie_spec.messages import Auth, Challenge, Login, Ready


def octets_of(markdown):
    """The frames of an example, read from its text as a person would: the octets are at the left of each line."""
    for block in re.findall(r"```\n(.*?)```", markdown, re.S):
        yield bytes.fromhex("".join(line.split(" ")[0] for line in block.splitlines()))


@pytest.mark.parametrize(("render", "lines"), [(examples.session, examples.SESSION), (examples.scram, examples.SCRAM)])
def test_the_octets_in_the_text_are_the_frames(render, lines):
    frames = list(octets_of(render()))
    assert len(frames) == len(lines)
    for data, (_, ref, message, _) in zip(frames, lines, strict=True):
        assert int.from_bytes(data[:4], "big") == len(data) - 8
        assert int.from_bytes(data[6:8], "big") == ref
        assert decode(data[4], data[8:]) == message


def test_clients_and_servers_send_frames_of_their_own():
    for who, _, message, _ in (*examples.SESSION, *examples.SCRAM):
        assert (message.TYPE >= 0x80) == (who == "server")


def test_the_scram_exchange_proves_the_password():
    messages = {type(message): message for _, _, message, _ in examples.SCRAM}
    first = messages[Login].payload.decode().removeprefix("n,,")
    challenge = messages[Challenge].payload.decode()
    final, proof = messages[Auth].payload.decode().rsplit(",p=", 1)
    salt, iterations = re.fullmatch(r"r=.*,s=(.*),i=(\d+)", challenge).groups()
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", base64.b64decode(salt), int(iterations))
    signed = f"{first},{challenge},{final}".encode()
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    assert base64.b64decode(proof) == bytes(a ^ b for a, b in zip(key, signature, strict=True))
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
    assert messages[Ready].payload == b"v=" + base64.b64encode(server)
