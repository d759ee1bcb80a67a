"""Does the window stay smooth, however long the conversation is?

    python tests/bench/bench_tk.py [--rounds N]

The pane of messages against what most chat programs in Tk have: one Text widget with all messages in it. Both get the
same messages, on a screen of their own (Xvfb), and take turns within each round; printed are medians over the rounds.
*show* is opening the conversation until it is drawn; *step* is a turn of the wheel until it is drawn, upwards from the
newest; *page* is 100 older messages that come above; *new* is one message that comes. The limit is a frame of 60 a
second, 16.7 ms. A script, not a test: it asserts only that both drew the newest message.
"""

import argparse
import random
import statistics
import sys
import time
import tkinter
from pathlib import Path

from causerie.client.model import Chat, Entry
from causerie.tk.look import LIGHT
from causerie.tk.pane import Pane

sys.path.insert(0, str(Path(__file__).parents[1] / "reference" / "tk"))
from display import Display, missing  # a script's module

SIZES = (100, 1_000, 10_000, 50_000)
STEPS = 60
"""Turns of the wheel."""
FRAME = 1000 / 60
WORDS = (
    *("salut", "tout", "le", "monde", "on", "se", "voit", "à", "midi", "devant", "la", "gare"),
    *("https://example.org", "😀", "ok", "merci", "d'accord"),
)


def talk(count):
    """Messages of three people: of one line, of several, with links and emoji."""
    rng = random.Random(1)
    entries = []
    for seq in range(1, count + 1):
        text = " ".join(rng.choices(WORDS, k=rng.choice((1, 3, 8, 8, 30))))
        sender = rng.choice(("alice", "bob", "carol"))
        entries.append(
            Entry("#ops", (0, seq), 1_700_000_000_000 + seq * 40_000, sender, 0, text, seq, sender == "alice")
        )
    return entries


class OurPane:
    """The pane."""

    def __init__(self, root):
        chat = Chat("#ops")
        nothing = lambda *_: None  # noqa: E731  # as an argument
        self.widget = Pane(
            root, LIGHT, chat_tick=chat.tick, display=str.title, on_older=nothing, on_retry=nothing,
            on_discard=nothing, on_open_link=nothing, on_read=nothing,
        )  # fmt: skip

    def show(self, entries):
        self.widget.show(entries, direct=False, unread_from=None, more=True)

    def step(self):
        self.widget.scroll(-48)

    def page(self, entries):
        self.widget.prepend(entries, more=True)

    def new(self, entry):
        self.widget.jump_to_newest()
        self.widget.add(entry)

    def newest(self):
        return self.widget.visible_texts()[-1]


class OneText:
    """All messages in a Text widget, with a tag for each person."""

    def __init__(self, root):
        self.widget = tkinter.Text(root, wrap="word", padx=12, pady=8)
        for handle, colour in (("alice", "#0b6e0b"), ("bob", "#1d4ed8"), ("carol", "#a02020")):
            self.widget.tag_configure(handle, foreground=colour)

    def show(self, entries):
        for entry in entries:
            self.new(entry)

    def step(self):
        self.widget.yview_scroll(-3, "units")

    def page(self, entries):
        top = self.widget.index("@0,0")
        for entry in reversed(entries):
            self.widget.insert("1.0", f"{entry.text}\n")
            self.widget.insert("1.0", f"{entry.sender.title()}: ", entry.sender)
        self.widget.yview(f"{top} + {len(entries)} lines")

    def new(self, entry):
        self.widget.insert("end", f"{entry.sender.title()}: ", entry.sender)
        self.widget.insert("end", f"{entry.text}\n")
        self.widget.see("end")

    def newest(self):
        return self.widget.get("end - 2 lines", "end").strip().partition(": ")[2]


def timed(root, act):
    """Milliseconds until it is done and drawn."""
    begin = time.perf_counter()
    act()
    root.update()
    return (time.perf_counter() - begin) * 1000


def measure(root, contender, entries):
    """One contender, one size: show, the median and the worst step, page, new."""
    made = contender(root)
    made.widget.pack(fill="both", expand=True)
    root.update()
    older, rest = entries[:100], entries[100:]
    show = timed(root, lambda: made.show(rest))
    assert made.newest() == rest[-1].text
    steps = [timed(root, made.step) for _ in range(STEPS)]
    page = timed(root, lambda: made.page(older))
    new = statistics.median(timed(root, lambda: made.new(rest[-1])) for _ in range(5))
    made.widget.destroy()
    root.update()
    return {"show": show, "step": statistics.median(steps), "worst step": max(steps), "page": page, "new": new}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    why = missing()
    if why:
        sys.exit(f"bench_tk.py: {why}: on Debian, apt-get install xvfb xdotool python3-tk")
    display = Display()
    found = {}
    try:
        root = tkinter.Tk(screenName=display.name)
        root.geometry("700x600+0+0")
        root.update()
        everything = talk(SIZES[-1] + 100)
        for _ in range(options.rounds):
            for size in SIZES:
                for contender in (OurPane, OneText):
                    for name, value in measure(root, contender, everything[: size + 100]).items():
                        found.setdefault((size, contender, name), []).append(value)
        root.destroy()
    finally:
        display.close()
    middle = {key: statistics.median(values) for key, values in found.items()}
    print(f"medians of {options.rounds} rounds; ms, x: times what one Text widget takes, of a frame: of {FRAME:.1f} ms")
    for name in ("show", "step", "worst step", "page", "new"):
        print(f"\n{name:<10}" + "".join(f"{size:>12,}" for size in SIZES) + "   messages")
        ours = [middle[size, OurPane, name] for size in SIZES]
        theirs = [middle[size, OneText, name] for size in SIZES]
        print("  ms      " + "".join(f"{value:12.2f}" for value in ours))
        print("  x       " + "".join(f"{mine / other:12.2f}" for mine, other in zip(ours, theirs, strict=True)))
        print("  of 100  " + "".join(f"{value / ours[0]:12.2f}" for value in ours))
        if "step" in name or name == "new":
            print("  of a frame" + "".join(f"{value / FRAME:>{12 - 2 * (not at)}.2f}" for at, value in enumerate(ours)))


if __name__ == "__main__":
    main()
