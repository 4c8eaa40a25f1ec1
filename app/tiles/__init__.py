"""Tiles over HTTP: one question, one answer, whichever address asked; kept, coded, never stale."""
