"""The console client, `causerie-chat`: a shell over `causerie.core.client` and `causerie.client`.

::

    cli          arguments, handle, exit codes; chooses a shell
      ├── screen     the full screen, on prompt_toolkit: rows, completion, themes; settings is its file
      └── plain      lines in, lines out, or JSON (json_lines): pipes, and terminals without prompt_toolkit
            both:  commands (a typed line → what is meant), view (a change → lines), layout (lines → width)
"""
