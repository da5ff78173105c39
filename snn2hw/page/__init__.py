"""The report: one self-contained HTML page of a program and of whatever was made of it, and the same as JSON.

lying     which files there are         collect   from files to the `Material`, run where there is an input
sections  a module per question         compose   from the material to `Dossier`, the typed record
render    dossier to HTML              write     the page, and the JSON beside it
"""
