"""How Sphinx builds the site: `make docs`. Every warning is an error."""

project = "snn2hw"
author = "The snn2hw authors"
project_copyright = "The snn2hw authors, Apache-2.0"
extensions = ["myst_nb", "sphinxcontrib.mermaid"]
exclude_patterns = ["_build"]
suppress_warnings: list[str] = []

# Pages are Markdown that reads well without the site too: links go to files, places in a page by their heading.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
myst_enable_extensions: list[str] = []
nitpicky = True

# Notebooks are kept without outputs and are run anew for the site.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_merge_streams = True

html_theme = "furo"
html_title = "snn2hw"
html_copy_source = False
