"""How results are shown: terminal, JSON, JUnit. Nothing in here finds anything out."""
