"""`causerie-chat` between pipes, and what it keeps: the outbox, tokens for another device; JSON lines."""

import json
import os
import stat

import pytest

from causerie_spec.messages import Ack, Conversations, End, Send

LIMIT = 20.0


def type_in(process, text):
    process.stdin.write(text)
    process.stdin.flush()


def finish(process, peer):
    process.stdin.close()
    process.stdin = None
    peer.part()
    out, err = process.communicate(timeout=LIMIT)
    assert "Traceback" not in err
    return process.returncode, out, err


def sent_before_login(peer, **welcome):
    """Log the client in, to a server without conversations; its first SEND."""
    peer.log_in(**welcome)
    ref, send = None, None
    while not isinstance(send, Send):
        received = peer.next()
        assert received is not None
        ref, send = received
        if isinstance(send, Conversations):
            peer.send(End(False), ref)
    return ref, send


def test_a_message_of_a_killed_client_goes_out_once_more_with_its_txn(server, chat):  # [CLIENT-9]
    address = str(server.address)
    process = chat(address, "--handle", "bot")
    type_in(process, "precious\n")
    peer = server.accept()
    _, first = sent_before_login(peer, capabilities=("history",))
    process.kill()
    process.wait(LIMIT)
    process = chat(address, "--handle", "bot")
    peer = server.accept()
    ref, again = sent_before_login(peer, capabilities=("history",))
    assert again == first
    peer.say("precious", "bot", txn=again.txn)
    peer.send(Ack(1, 5, True), ref)
    assert process.stdout.readline() == "22:13:20 bot: precious\n"
    assert finish(process, peer)[0] == 0


@pytest.mark.parametrize("change", [{"epoch": 2, "capabilities": ("history",)}, {"capabilities": ()}])
def test_what_may_not_be_sent_again_is_told(server, chat, change):  # [CLIENT-9]
    address = str(server.address)
    process = chat(address, "--handle", "bot")
    type_in(process, "precious\n")
    sent_before_login(server.accept(), capabilities=("history",))
    process.kill()
    process.wait(LIMIT)
    process = chat(address, "--handle", "bot")
    peer = server.accept()
    peer.log_in(**change)
    assert process.stderr.readline() == f"-- connected to {address} as bot\n"
    assert process.stderr.readline() == "!! unconfirmed, it may or may not have arrived: “precious”\n"
    if "history" in change["capabilities"]:
        peer.send(End(False), peer.expect(Conversations)[0])
    code, out, _ = finish(process, peer)
    assert (code, out) == (4, "")


def test_what_was_never_sent_goes_out_next_time(server, chat):
    address = str(server.address)
    process = chat(address, "--handle", "bot")
    type_in(process, "quit\n")
    server.accept().reset()
    process.communicate(timeout=LIMIT)
    process = chat(address, "--handle", "bot")
    type_in(process, "hello\n")
    peer = server.accept()
    peer.expect(object)
    process.kill()  # the message is kept, or was not typed yet: what goes out is not sent twice
    process.wait(LIMIT)
    process = chat(address, "--handle", "bot")
    type_in(process, "world\nquit\n")
    peer = server.accept()
    peer.log_in()
    texts = [peer.take("bot").text]
    while texts[-1] != "world":
        texts.append(peer.take("bot").text)
    assert texts in (["world"], ["hello", "world"])
    peer.part()
    assert process.wait(LIMIT) == 0


def test_two_at_once_are_told(server, chat):
    address = str(server.address)
    one = chat(address, "--handle", "bot")
    first = server.accept()
    first.log_in()
    first.say("hi")
    assert one.stdout.readline()
    two = chat(address, "--handle", "bot")
    second = server.accept()
    second.log_in()
    _, _, err = finish(two, second)
    assert "-- bot is open in another program here: this one keeps nothing of what is said\n" in err
    finish(one, first)


def test_a_damaged_store_is_refused_and_not_touched(chat, tmp_path):
    path = tmp_path / "data" / "conversations" / "bot@127.0.0.1,5000.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"what is this?" * 99)
    process = chat("--handle", "bot")
    _, err = process.communicate("", timeout=LIMIT)
    assert process.returncode == 2
    assert str(path) in err
    assert path.read_bytes() == b"what is this?" * 99


def test_memory_keeps_nothing(server, chat, tmp_path):
    process = chat(str(server.address), "--handle", "bot", "--memory")
    peer = server.accept()
    peer.log_in()
    finish(process, peer)
    assert not (tmp_path / "data" / "conversations").exists()
    assert list((tmp_path / "data" / "tokens").iterdir())


def test_json_both_ways(server, chat):
    process = chat(str(server.address), "--handle", "bot", "--json")
    type_in(process, '{"do":"send","text":"hi"}\nhello\n{"do":"send","conversation":"@bob","text":"x"}\n')
    peer = server.accept()
    peer.log_in()
    assert peer.take("bot").text == "hi"
    assert peer.take("bot").conversation == "@bob"
    code, out, err = finish(process, peer)
    assert (code, err) == (2, "")
    told = [json.loads(line) for line in out.splitlines()]
    assert [(t["event"], t.get("text")) for t in told if t["event"] in ("message", "error")] == [
        ("error", 'no JSON object of strings: write {"do":"send","conversation":"#lobby","text":"hello"}'),
        ("message", "hi"),
        ("message", "x"),
    ]
    assert told[-1] == {"event": "end", "unsent": 0, "unconfirmed": 0, "cause": "quit", "code": 100}
    assert {"event": "status", "link": "online"} in told


def run(chat, *arguments, typed="", **environment):
    process = chat(*arguments, **environment)
    out, err = process.communicate(typed, timeout=LIMIT)
    assert "Traceback" not in err
    return process.returncode, out, err


def log_in_once(server, chat, *arguments, **environment):
    process = chat(str(server.address), *arguments, **environment)
    peer = server.accept()
    login = peer.log_in()
    finish(process, peer)
    return login.payload


def test_a_second_device(server, chat, tmp_path):
    token = log_in_once(server, chat, "--handle", "bot")
    target, other = tmp_path / "bot.token", {"CAUSERIE_HOME": str(tmp_path / "other")}
    assert run(chat, str(server.address), "--handle", "bot", "--export-token", str(target)) == (0, "", "")
    assert os.name == "nt" or stat.S_IMODE(target.stat().st_mode) == 0o600
    code, out, _ = run(chat, "--import-token", str(target), **other)
    assert (code, out) == (
        0,
        f"bot can log in at {server.address} from here: causerie-chat {server.address} --handle bot\n",
    )
    assert log_in_once(server, chat, "--handle", "bot", **other) == token


def test_a_token_through_a_pipe(server, chat, tmp_path):
    log_in_once(server, chat, "--handle", "bot")
    code, out, _ = run(chat, str(server.address), "--handle", "bot", "--export-token", "-")
    assert code == 0
    other = {"CAUSERIE_HOME": str(tmp_path / "other")}
    assert run(chat, "--import-token", "-", typed=out, **other)[0] == 0
    assert run(chat, "--import-token", "-", typed=out, **other)[0] == 0  # once more does no harm
    spoiled = out.replace(out.split()[3], "ab" * 32)
    code, _, err = run(chat, "--import-token", "-", typed=spoiled, **other)
    assert code == 3
    assert "another token" in err


@pytest.mark.parametrize("typed", ["", "hello", "causerie-token-1 bot 127.0.0.1:5000 ab", "x bot [::1]:1 " + "ab" * 32])
def test_what_is_no_token(chat, typed):
    code, _, err = run(chat, "--import-token", "-", typed=typed)
    assert (code, err) == (3, "causerie-chat: that is no token that was written with --export-token\n")


def test_tokens_that_cannot_be_had_or_written(server, chat, tmp_path):
    code, _, err = run(chat, "--handle", "bot", "--export-token", "-")
    assert code == 3
    assert "log in once, then export it" in err
    log_in_once(server, chat, "--handle", "bot")
    target = tmp_path / "there"
    target.write_text("mine")
    code, _, err = run(chat, str(server.address), "--handle", "bot", "--export-token", str(target))
    assert code == 3
    assert str(target) in err
    assert target.read_text() == "mine"
    code, _, err = run(chat, "--import-token", str(tmp_path / "nowhere"))
    assert code == 3
    assert "nowhere" in err


def test_a_french_user(chat, tmp_path):
    code, out, _ = run(chat, "--help", "--language", "en", LANGUAGE="fr")
    assert code == 0
    assert "Chat from a terminal" in out
