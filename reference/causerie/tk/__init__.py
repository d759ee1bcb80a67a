"""The window, `causerie-gui`: plain tkinter over `causerie.client.session`.

::

    cli          arguments, exit status
     └── app     one window: the connect form, then the chat; polls the session, knows the keys
          ├── connect      the form: where, who, how
          ├── chats        the list of conversations, with its search
          ├── pane         the open conversation: which rows stand where (virtual: only what is near is drawn)
          │     └── bubbles, wrap, links, emoji, selection
          ├── composer     what is being written
          ├── dialogs      new chat, rooms, help
          └── look, theme, settings, rows

Only the main thread touches Tk. Received strings are made safe before they are drawn [CLIENT-7].
"""
