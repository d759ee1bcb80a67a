"""The Causerie conformance suite. Drives any server; never imports the reference."""
