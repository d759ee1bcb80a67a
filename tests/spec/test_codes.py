"""Numbers that the wire depends on, written down a second time on purpose."""

import pytest

from causerie_spec import codes
from causerie_spec.codes import ByeCode, Direction, ErrorCode, Kind


def test_error_codes():
    assert {code.name: code.value for code in ErrorCode} == {
        "UNSUPPORTED": 1, "WRONG_STATE": 2, "BAD_FIELD": 3, "HANDLE_TAKEN": 4, "AUTH_FAILED": 5,
        "NO_SUCH_MECHANISM": 6, "NO_SUCH_CONVERSATION": 7, "NOT_A_MEMBER": 8, "TEXT_TOO_LONG": 9,
        "TXN_CONFLICT": 10, "RATE_LIMITED": 11, "LIMIT_REACHED": 12, "INTERNAL": 13,
    }  # fmt: skip


def test_bye_codes():
    assert {code.name: code.value for code in ByeCode} == {
        "NORMAL": 100, "SHUTDOWN": 101, "MALFORMED": 102, "FRAME_TOO_LARGE": 103, "VERSION_UNSUPPORTED": 104,
        "IDLE": 105, "HANDSHAKE_TIMEOUT": 106, "SLOW_CONSUMER": 107, "TOO_MANY_FAILURES": 108,
        "TOO_MANY_CONNECTIONS": 109, "SERVER_FAILURE": 110,
    }  # fmt: skip


def test_kinds_and_directions():
    assert {kind.name: kind.value for kind in Kind} == {"TEXT": 0, "ACTION": 1, "JOINED": 128, "LEFT": 129}
    assert {way.name: way.value for way in Direction} == {"AFTER": 0, "BEFORE": 1}


@pytest.mark.parametrize("code", [*ErrorCode, *ByeCode], ids=lambda code: code.name)
def test_every_code_has_a_meaning_in_one_line(code):
    assert code.meaning
    assert "\n" not in code.meaning


def test_numbers_of_the_wire():
    assert codes.MAGIC == b"CAUS"
    assert (codes.VERSION, codes.DEFAULT_PORT, codes.HEADER_SIZE, codes.SERVER_BIT) == (1, 5000, 8, 0x80)
    assert (codes.MAX_BODY, codes.MAX_BODY_BEFORE_READY, codes.MAX_REF) == (65_535, 4_096, 65_535)
    assert (codes.MAX_TEXT, codes.MAX_PAYLOAD, codes.MAX_PAGE) == (16_384, 1_024, 256)
    assert (codes.TOKEN_MIN, codes.TOKEN_SIZE, codes.TOKEN_MAX) == (16, 32, 64)
    assert (codes.MAX_HANDLE, codes.MAX_DISPLAY) == (32, 64)
    assert (codes.LIST8_MAX_ENTRIES, codes.LIST8_MAX_ENTRY) == (32, 32)


def test_capabilities_are_profiles_and_fit_a_list8():
    assert codes.CAPABILITIES == ("rooms", "history", "durable", "receipts", "typing", "presence")
    assert set(codes.CAPABILITIES) < set(codes.PROFILES)
    assert all(len(name) <= codes.LIST8_MAX_ENTRY for name in codes.CAPABILITIES)
