"""How results are shown: terminal, JSON, JUnit, HTML, badge, comparison. Nothing in here finds anything out."""
