"""What the shells of the client share: the network runner, addresses, the token store, safe text and wording.

Beside the core (`causerie.core.client`), under the shells (`causerie.console`, later the window). Nothing in
here shows anything or asks anything.
"""
