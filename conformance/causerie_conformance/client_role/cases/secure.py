"""TLS: which servers a client believes, and the protocol inside.

The client is started with the words of ``--tls``, which name the authority that made the certificate.
"""

from __future__ import annotations

import dataclasses
import ssl

from causerie_conformance import certificates
from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.secure import Secrecy, SecureEnd
from causerie_conformance.client_role.session import TLS
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.problems import Kind, NotJudged
from causerie_spec.codes import ALPN
from causerie_spec.messages import Quit

NEEDS = (TLS,)
HANDSHAKE = 0x16
"""The first octet of a TLS handshake."""


def _secrecy(stage: Stage, *names: str) -> Secrecy:
    """The suite speaks TLS, with a certificate for these names, or for this machine."""
    try:
        made = certificates.made_up(*names)
    except ValueError as error:
        raise NotJudged(str(error)) from None
    stage.authority = made.authority
    stage.secrecy = Secrecy(made)
    return stage.secrecy


def _enter(stage: Stage) -> tuple[Visitor, SecureEnd]:
    stage.start(tls=True)
    visitor = stage.enter()
    end = visitor.secured
    assert end is not None
    return visitor, end


def _talk_and_leave(stage: Stage, visitor: Visitor) -> None:
    stage.shows(stage.say(visitor, token()))
    stage.talk(visitor)
    stage.leave(visitor)


@case("secure/talk", "TLS-1", "TLS-5", needs=NEEDS)
def talk(stage: Stage) -> None:
    """The first octet is of a TLS handshake, ALPN is causerie/1, and everything else is inside"""
    _secrecy(stage)
    visitor, end = _enter(stage)
    if end.first_octets[:1] != bytes([HANDSHAKE]):
        raise stage.problem(Kind.VALUE, "a TLS handshake", end.first_octets.hex(" "))
    if end.protocol != ALPN:
        raise stage.problem(Kind.VALUE, f"ALPN {ALPN} offered", f"{end.protocol}", "TLS-5")
    _talk_and_leave(stage, visitor)


@case("secure/newest-version", "TLS-4", needs=NEEDS)
def newest(stage: Stage) -> None:
    """TLS 1.3 is spoken with a server that has it"""
    _secrecy(stage)
    visitor, end = _enter(stage)
    if end.version != "TLSv1.3":
        raise stage.problem(Kind.VALUE, "TLSv1.3", end.version)
    _talk_and_leave(stage, visitor)


@case("secure/tls-1.2", "TLS-3", needs=NEEDS)
def older(stage: Stage) -> None:
    """TLS 1.2 is spoken with a server that has no newer one"""
    stage.secrecy = dataclasses.replace(_secrecy(stage), maximum=ssl.TLSVersion.TLSv1_2)
    visitor, _ = _enter(stage)
    _talk_and_leave(stage, visitor)


@case("secure/too-old", "TLS-3", needs=NEEDS)
def too_old(stage: Stage) -> None:
    """A server that has nothing newer than TLS 1.1 gets no frame"""
    stage.secrecy = dataclasses.replace(_secrecy(stage), maximum=ssl.TLSVersion.TLSv1_1)
    _refused(stage)


@case("secure/no-alpn", "TLS-7", needs=NEEDS)
def no_alpn(stage: Stage) -> None:
    """A server that selects no ALPN protocol will do"""
    stage.secrecy = dataclasses.replace(_secrecy(stage), protocols=())
    visitor, _ = _enter(stage)
    _talk_and_leave(stage, visitor)


@case("secure/unknown-authority", "TLS-2", needs=NEEDS)
def unknown_authority(stage: Stage) -> None:
    """A certificate of an authority that the user does not trust: no frame, and the user is told"""
    _secrecy(stage)
    stage.authority = certificates.made_up().authority
    _refused(stage)


@case("secure/other-host", "TLS-2", needs=NEEDS)
def other_host(stage: Stage) -> None:
    """A certificate for another host: no frame, and the user is told"""
    _secrecy(stage, "chat.example.org")
    _refused(stage)


def _refused(stage: Stage) -> None:
    stage.start(tls=True)
    stage.hand_shakes(1)
    stage.tells(lambda line: any(map(str.isalpha, line.text)), "a line that tells the user of it")
    stage.part()


@case("secure/small-records", "TLS-10", needs=NEEDS)
def small_records(stage: Stage) -> None:
    """Frames come in TLS records of one octet"""
    stage.secrecy = dataclasses.replace(_secrecy(stage), step=1)
    visitor, _ = _enter(stage)
    _talk_and_leave(stage, visitor)


@case("secure/close-notify", "TLS-8", needs=NEEDS)
def close_notify(stage: Stage) -> None:
    """close_notify in answer to QUIT is the end of the stream; the client ends its own with close_notify"""
    _secrecy(stage)
    visitor, end = _enter(stage)
    visitor.kept.add(Quit)
    stage.types("quit")
    visitor.expect(Quit)
    visitor.finish()
    visitor.expect_end()
    stage.ends(status=None)
    if not end.notified:
        raise stage.problem(Kind.VALUE, "close_notify before FIN", "FIN without it", "TLS-8")
