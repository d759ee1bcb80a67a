"""The tap: a proxy between any client and any server that shows what they say, in words, and what is wrong with it.

In here: the proxy (`proxy`), one direction of one connection decoded (`flow`), the checks (`judge`), what people see
(`show`), the log (`log`), captures for Wireshark (`pcap`), the command line (`cli`). Not in here: the checks
themselves, which are those of the suite (`passive`, `client_role`).
"""
