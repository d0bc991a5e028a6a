"""How Sphinx makes the site of the documentation; `docs/site/build_site.py` hands it the pages."""

project = "Pegel"
html_title = "Pegel"
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}

# As GitHub names the headings of a page, so that a link with an anchor holds in both.
myst_heading_anchors = 4
# A heading that skips a level is no mistake of a link, and tables of the pages hold what people read as it stands.
suppress_warnings = ["myst.header"]
# Pages show what is typed and what is printed, also where it is no program of the language that the fence names.
highlight_options = {"default": {"stripall": False}}
smartquotes = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
