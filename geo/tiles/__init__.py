"""Tiles: grid, one clipping pipeline (`clip`), two encoders (`mvt`, `geojson`)."""
