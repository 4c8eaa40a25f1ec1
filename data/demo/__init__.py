"""The demonstration data: an invented Baicheng with three years of work in it.

`data.demo.generate.generate` makes plain tables and the steps of their history;
`data.demo.seed.seed` commits them to a record; `data.demo.landscape` is the
ground truth that fields, samples and satellite scenes share;
`data.demo.examples.write_shapefile_examples` writes files to try uploads with.
Everything is drawn or computed here: nothing is copied from a survey or a map.
"""
