"""The notebook: made of one text in both languages, executed, and what its cells call."""
