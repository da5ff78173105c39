"""Commands called one after the other by a process of their own, which answers with their documents."""
