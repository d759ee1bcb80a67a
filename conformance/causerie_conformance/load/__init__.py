"""``causerie-load``: how fast a server is, and whether it loses anything on the way.

In here: a load generator, what it counts and measures, and its reports. Not in here: anything that judges a clause (the
suite does).
"""
