"""The client role: the suite is the server, and a client program is judged by what it sends and what it shows.

::

    cli, session         the command, and a run over all cases, several at a time
       └── stage         one case: a client program, the listener, what it printed
              ├── program, command     the client's process: lines in, lines out
              ├── visitor              one connection of the client's, with a thread that reads it
              │      └── conduct       the checks of every frame that a client sends
              ├── house                the logs that the suite's server keeps, and its everyday answers
              └── host                 the server's side of SCRAM
    cases                what is judged, by topic

How a client is started and spoken to is the contract in spec/CLIENTS.md.
"""
