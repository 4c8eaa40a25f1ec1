"""A total on one page for people: map, chart, table and definition, as HTML and as PDF."""
