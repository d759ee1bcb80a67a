"""The console client, `causerie-chat`: a shell over `causerie.core.client` and `causerie.client`.

::

    cli          arguments, handle, exit codes; chooses a shell
      ├── terminal   prompt_toolkit: half-typed input survives what comes in
      └── plain      lines in, lines out: pipes, and terminals without prompt_toolkit
            both:  commands (a typed line → what is meant), view (an event → lines), layout (lines → width)
"""
