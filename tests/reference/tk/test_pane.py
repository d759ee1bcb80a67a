"""The pane of messages, on a real screen: what is drawn, and where one reads while things change."""

import pytest

from causerie.client.model import WAITING, Chat, Entry, Tick
from causerie.core.client import SendState
from causerie.tk.look import DARK, LIGHT
from causerie.tk.pane import Anchor, Pane

MINUTE = 60_000


def entry(seq, text=None, sender="bob", kind=0, minutes=None, **more):
    at = 1_700_000_000_000 + (seq if minutes is None else minutes) * MINUTE
    text = f"message {seq} " + "and so on " * (seq % 7) if text is None else text
    return Entry("#ops", (0, seq), at, sender, kind, text, seq, sender == "alice", **more)


def waiting(number, text, state=SendState.PENDING, reason=""):
    at = 1_700_000_000_000 + 9 * MINUTE
    return Entry("#ops", (WAITING, number), at, "alice", 0, text, 1000 + number, True, state, reason)


class Shown:
    """A pane, and what it asked and told."""

    def __init__(self, root):
        self.chat = Chat("#ops")
        self.older, self.retried, self.discarded, self.opened, self.read = 0, [], [], [], 0
        self.told = []
        self.pane = Pane(
            root,
            LIGHT,
            chat_tick=self.chat.tick,
            display=str.title,
            on_older=self._older,
            on_retry=self.retried.append,
            on_discard=self.discarded.append,
            on_open_link=self.opened.append,
            on_read=self._read,
        )
        self.pane.bind_drawn(lambda entry, text: self.told.append(text))
        self.pane.pack(fill="both", expand=True)
        self.root = root
        root.update()

    def _older(self):
        self.older += 1

    def _read(self):
        self.read += 1

    def show(self, entries, unread_from=None, more=False, direct=False):
        self.pane.show(entries, direct=direct, unread_from=unread_from, more=more)
        self.root.update()

    def middle_of(self, seq):
        """A point in the text of that message."""
        place = (0, seq) if isinstance(seq, int) else seq
        row = next(row for row in self.pane._rows if row.entry is not None and row.entry.place == place)
        return row.drawn.x + 2, row.drawn.y + row.drawn.top + row.drawn.step // 2

    def event(self, name, x, y, **more):
        self.pane.canvas.event_generate(name, x=x, y=y, **more)
        self.root.update()


@pytest.fixture
def shown(root):
    return Shown(root)


def test_only_what_is_near_is_drawn_and_the_newest_stands_at_the_bottom(shown):
    shown.show([entry(seq) for seq in range(1, 5001)])
    assert shown.pane.at_bottom
    assert shown.pane.visible_texts()[-1] == entry(5000).text
    assert shown.pane.drawn_rows < 80
    for _ in range(40):
        shown.pane.scroll(-300)
        assert shown.pane.drawn_rows < 80
    assert not shown.pane.at_bottom
    shown.pane.jump_to_newest()
    assert shown.pane.visible_texts()[-1] == entry(5000).text
    assert shown.read > 0


def test_scrolling_up_and_down_comes_back_to_the_same_place(shown):
    shown.show([entry(seq) for seq in range(1, 301)])
    shown.pane.scroll(-1500)
    before = shown.pane.reading_place()
    for step in (-700, 300, 150, 250):
        shown.pane.scroll(step)
    assert shown.pane.reading_place() == before


def test_a_few_messages_stand_at_the_top_and_need_no_scrolling(shown):
    shown.show([entry(1), entry(2)])
    assert shown.pane.top_of((0, 1)) < 120
    shown.pane.scroll(-100)
    assert shown.pane.at_bottom


def test_older_messages_come_without_a_jump(shown):
    shown.show([entry(seq) for seq in range(201, 301)], more=True)
    shown.pane.scroll(-100_000)
    shown.root.update()
    assert shown.older == 1
    top = shown.pane.top_of((0, 203))
    shown.pane.prepend([entry(seq) for seq in range(101, 201)], more=True)
    shown.root.update()
    assert shown.pane.top_of((0, 203)) == top
    shown.pane.scroll(-100_000)
    shown.root.update()
    assert shown.older == 2
    assert entry(101).text in shown.pane.visible_texts()[:3]
    shown.pane.prepend([], more=False)
    shown.pane.scroll(-100_000)
    shown.root.update()
    assert shown.older == 2


def test_a_day_at_the_joint_stands_once(shown):
    shown.show([entry(2, minutes=2), entry(3, minutes=3)])
    shown.pane.prepend([entry(1, minutes=1)], more=False)
    assert sum(row.day is not None for row in shown.pane._rows) == 1
    assert shown.pane.first_logged == (0, 1)


@pytest.mark.parametrize("look", [LIGHT.zoomed(1.5), DARK, LIGHT.zoomed(0.7)], ids=["larger", "dark", "smaller"])
def test_another_look_keeps_the_reading_place(shown, look):
    shown.show([entry(seq) for seq in range(1, 301)])
    shown.pane.scroll(-3000)
    before = shown.pane.reading_place()
    shown.pane.set_look(look)
    shown.root.update()
    assert shown.pane.reading_place() == before
    assert shown.pane.canvas.cget("background") == look.background


def test_a_reading_place_can_be_gone_back_to(shown):
    entries = [entry(seq) for seq in range(1, 301)]
    shown.show(entries)
    assert shown.pane.reading_place() == Anchor(None)
    shown.pane.scroll(-3000)
    place = shown.pane.reading_place()
    shown.show(entries)
    assert shown.pane.go_to(place)
    assert shown.pane.reading_place() == place
    assert shown.pane.go_to(Anchor(None))
    assert shown.pane.at_bottom
    assert not shown.pane.go_to(Anchor((5, 5)))


def test_what_comes_does_not_move_who_reads_above(shown):
    shown.show([entry(seq) for seq in range(1, 101)])
    shown.pane.scroll(-1000)
    place = shown.pane.reading_place()
    shown.pane.add(entry(101))
    shown.pane.add(entry(102))
    assert shown.pane.reading_place() == place
    x, y, right, bottom = shown.pane.canvas.bbox("jump")
    shown.event("<Button-1>", (x + right) // 2, (y + bottom) // 2)
    assert shown.pane.at_bottom
    assert shown.pane.canvas.bbox("jump") is None
    shown.pane.add(entry(103))
    assert shown.pane.visible_texts()[-1] == entry(103).text
    shown.pane.add(entry(103))
    assert shown.pane.visible_texts()[-2] == entry(102).text


def test_the_divider_stands_before_what_is_new(shown):
    shown.show([entry(seq) for seq in range(1, 201)], unread_from=(0, 150))
    texts = shown.pane.visible_texts()
    assert "New messages" in texts[:2]
    assert entry(151).text in texts
    assert not shown.pane.at_bottom
    assert shown.told[:2] == [entry(151).text, entry(152).text]


def test_each_new_message_is_told_once_in_order(shown):
    shown.show([entry(1), entry(2)])
    assert shown.told == []
    for seq in range(3, 40):
        shown.pane.add(entry(seq))
    shown.pane.scroll(-500)
    shown.pane.set_look(DARK)
    shown.root.update()
    assert shown.told == [entry(seq).text for seq in range(3, 40)]


def test_a_message_that_waits_becomes_one_of_the_log(shown):
    shown.show([entry(1)])
    shown.pane.add(waiting(1, "mine"))
    shown.pane.add(waiting(2, "mine too"))
    shown.pane.add(entry(2, "between"))
    assert shown.pane.visible_texts()[-3:] == ["mine", "mine too", "between"]
    shown.pane.add(entry(3, "mine", "alice"), (WAITING, 1))
    shown.pane.change(waiting(2, "mine too", SendState.FAILED, "no"))
    shown.root.update()
    assert shown.pane.visible_texts()[-3:] == ["mine too", "between", "mine"]
    assert shown.told == ["between", "mine", "mine too"]
    shown.pane.remove(waiting(2, "mine too"))
    assert shown.pane.visible_texts()[-2:] == ["between", "mine"]
    assert shown.pane.first_logged == (0, 1)


def test_what_failed_can_be_sent_again_or_discarded(shown):
    failed = waiting(1, "mine", SendState.FAILED, "you are not there")
    shown.show([failed])
    drawn = shown.pane._rows[-1].drawn
    for x1, y1, x2, y2, _verb in drawn.actions:
        shown.event("<Motion>", (x1 + x2) // 2, drawn.y + (y1 + y2) // 2)
        assert str(shown.pane.canvas.cget("cursor")) == "hand2"
        shown.event("<Button-1>", (x1 + x2) // 2, drawn.y + (y1 + y2) // 2)
    assert (shown.retried, shown.discarded) == ([failed], [failed])


def test_ticks_are_shapes_that_differ(shown):
    shown.show([entry(1, "mine", "alice"), waiting(1, "a"), waiting(2, "b", SendState.UNCONFIRMED)])
    canvas = shown.pane.canvas

    def shape(index):
        tag = f"{[row for row in shown.pane._rows if row.entry][index].drawn.tag}t"
        return [canvas.type(item) for item in canvas.find_withtag(tag)]

    seen = [shape(0)]
    for delivered, read in ((1, 0), (1, 1)):
        shown.chat.all_delivered, shown.chat.all_read = delivered, read
        shown.pane.refresh_ticks()
        seen.append(shape(0))
    seen += [shape(1), shape(2)]
    assert seen == [["line"], ["line", "line"], ["polygon", "line", "line"], ["oval", "line"], ["oval", "text"]]
    assert shown.chat.tick(entry(1, sender="alice")) is Tick.READ


def test_a_link_opens_and_is_shown_as_one(shown):
    shown.show([entry(1, "see https://example.org/a or not"), entry(2, "plain")])
    drawn = shown.pane._rows[1].drawn
    (x1, y1, x2, y2, link) = drawn.links[0]
    assert link == "https://example.org/a"
    x, y = (x1 + x2) // 2, drawn.y + (y1 + y2) // 2
    shown.event("<Motion>", x, y)
    assert str(shown.pane.canvas.cget("cursor")) == "hand2"
    shown.event("<Button-1>", x, y)
    shown.event("<ButtonRelease-1>", x, y)
    assert shown.opened == ["https://example.org/a"]


def test_text_is_selected_with_the_mouse_and_copied(shown):
    shown.show([entry(1, "hello brave world"), entry(2, "a 👨\u200d👩\u200d👧 b"), entry(3, "", kind=128)])
    x, y = shown.middle_of(1)
    for _ in range(2):
        shown.event("<Button-1>", x + 60, y)
        shown.event("<ButtonRelease-1>", x + 60, y)
    assert shown.pane.copy_selection() in ("hello", "brave")
    shown.event("<Button-1>", x, y)
    shown.event("<B1-Motion>", x + 4000, y)
    shown.event("<ButtonRelease-1>", x + 4000, y)
    assert shown.pane.copy_selection() == "hello brave world"
    assert shown.pane.canvas.find_withtag("marked")
    x2, y2 = shown.middle_of(2)
    shown.event("<Button-1>", x2, y2)
    shown.event("<B1-Motion>", x2 + 4000, y2)
    shown.pane.canvas.focus_force()
    shown.pane.canvas.event_generate("<Control-c>")
    shown.root.update()
    assert shown.root.clipboard_get() == "a 👨\u200d👩\u200d👧 b"
    shown.pane.canvas.event_generate("<Control-a>")
    shown.root.update()
    assert shown.pane.copy_selection().count("\n") == 1
    shown.event("<Button-1>", 2, 2)
    assert shown.pane.copy_selection() == ""
    assert not shown.pane.canvas.find_withtag("marked")


def test_keys_scroll(shown):
    shown.show([entry(seq) for seq in range(1, 301)])
    canvas = shown.pane.canvas
    canvas.focus_force()
    shown.root.update()
    places = []
    for key in ("<Prior>", "<Up>", "<Next>", "<Home>", "<Down>", "<End>"):
        canvas.event_generate(key)
        shown.root.update()
        places.append(shown.pane.reading_place().place)
    assert places[0] > places[1]
    assert places[3] == (0, 1)
    assert places[5] is None
    assert shown.pane.at_bottom
    shown.event("<Button-4>", 50, 50)
    assert not shown.pane.at_bottom


def test_the_bar_goes_anywhere(shown):
    shown.show([entry(seq) for seq in range(1, 301)])
    shown.pane._bar_moved("moveto", "0.5")
    assert 120 < shown.pane.reading_place().place[1] < 160
    shown.pane._bar_moved("scroll", "1", "pages")
    shown.pane._bar_moved("scroll", "-1", "units")
    first, last = shown.pane._bar.get()
    assert 0.4 < first < last < 0.7


def test_a_message_can_be_gone_to(shown):
    shown.show([entry(seq) for seq in range(1, 301)])
    assert shown.pane.reveal((0, 50))
    assert entry(50).text in shown.pane.visible_texts()
    assert not shown.pane.reveal((9, 9))


def test_rows_in_all_kinds(shown):
    kinds = [
        entry(1, "waves", kind=1),
        entry(2, "", kind=128),
        entry(3, "", kind=129),
        entry(4, missing=3),
        entry(5, "other", kind=77),
        entry(6, "x\x1b[2J\u202e" * 3, "eve\n"),
        entry(7, "x" * 2000),
    ]
    shown.show(kinds, direct=True)
    shown.pane.scroll(-400)
    shown.pane._home()
    texts = shown.pane.visible_texts()
    assert texts[1:6] == ["* Bob waves", "Bob joined", "Bob left", "3 messages are missing", "other"]
    assert not set("".join(texts)) & {"\x1b", "\u202e"}


def test_the_menu_offers_what_can_be_done(shown, monkeypatch):
    failed = waiting(1, "mine", SendState.FAILED, "no")
    shown.show([entry(1), failed])
    monkeypatch.setattr(shown.pane._menu, "tk_popup", lambda x, y: None)

    def labels(place):
        shown.event("<Button-3>", *shown.middle_of(place))
        menu = shown.pane._menu
        return [menu.entrycget(at, "label") for at in range(menu.index("end") + 1)]

    assert labels(1) == ["Copy message", "Select all"]
    assert labels((WAITING, 1)) == ["Copy message", "Send again", "Discard", "Select all"]
    shown.pane._menu.invoke(0)
    assert shown.root.clipboard_get() == "mine"
    shown.pane._menu.invoke(1)
    shown.pane._menu.invoke(2)
    assert (shown.retried, shown.discarded) == ([failed], [failed])
    shown.pane.select_all()
    assert labels(1)[0] == "Copy"


def test_an_empty_conversation(shown):
    shown.show([])
    assert shown.pane.visible_texts() == []
    shown.pane.scroll(-10)
    shown.pane._home()
    assert shown.pane.copy_selection() == ""
    shown.pane.add(entry(1))
    assert shown.pane.visible_texts()[-1] == entry(1).text


def test_a_window_that_changes_its_size(shown):
    shown.show([entry(seq) for seq in range(1, 301)])
    shown.pane.scroll(-3000)
    place = shown.pane.reading_place()
    shown.root.geometry("420x500")
    shown.root.update()
    assert shown.pane.reading_place() == place
    shown.pane.jump_to_newest()
    shown.root.geometry("700x300")
    shown.root.update()
    assert shown.pane.visible_texts()[-1] == entry(300).text
