"""The questions that leaders and agronomists ask every week, each answered at once."""
