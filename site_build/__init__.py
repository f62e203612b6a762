"""How the site is made from what the repository has; `mkdocs.yml` names `hooks.py`."""
