"""Edits of single features, and the conflicts of edits that were made offline."""
