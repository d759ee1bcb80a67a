"""How conversations are named: on the wire as each reader names them, in logs under one key.

In here: the two views of a direct conversation, and nothing that has state. A key is `#room`, or `@a @b` with the two
handles in order (the same twice for notes to self): no handle has a space in it, so keys never collide.
"""

from functools import lru_cache


@lru_cache(maxsize=4096)
def key_of(name: str, me: str) -> str:
    """The key of the conversation that *me* calls *name* (well formed)."""
    if name[0] == "#":
        return name
    other = name[1:]
    return f"@{me} @{other}" if me < other else f"@{other} @{me}"


@lru_cache(maxsize=4096)
def handles_of(key: str) -> tuple[str, ...]:
    """The handles of a direct conversation: two, or one for notes to self."""
    first, second = (part[1:] for part in key.split(" "))
    return (first,) if first == second else (first, second)


@lru_cache(maxsize=4096)
def name_for(key: str, me: str) -> str:
    """What *me*, a member, calls the conversation of that key."""
    if key[0] == "#":
        return key
    first, second = key.split(" ")
    return second if first[1:] == me else first
