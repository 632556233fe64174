"""Draw README's pictures: `python docs/readme_pictures.py [FOLDER]`, by default into docs/images."""

import sys
from pathlib import Path

from optim import viz

folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "images")
folder.mkdir(parents=True, exist_ok=True)
race = viz.race("rosenbrock", viz.CLASSICS, steps=1000)
print(viz.overview(race).save(folder / "rosenbrock_race.png", dpi=150))
print(viz.portraits("himmelblau").save(folder / "portraits.png", dpi=75))
