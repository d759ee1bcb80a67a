"""Stores: where logs and reservations live. The interface is in `operations`."""
