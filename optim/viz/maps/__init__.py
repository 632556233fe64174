"""Maps, whose pixels are runs: `map.py` is what all kinds share, `tiles.py` computes them, `raster.py` draws pixels."""
