"""Compare a wheel with the checkout it was built from: the files of the two packages, and no others.

Usage: python check_wheel.py WHEEL CHECKOUT
"""

import sys
import zipfile
from pathlib import Path

wheel, checkout = sys.argv[1], Path(sys.argv[2])

expected = {
    path.relative_to(checkout).as_posix()
    for package in ("minigrad", "optim")
    for path in (checkout / package).rglob("*")
    if path.is_file()
}
with zipfile.ZipFile(wheel) as archive:
    packed = {name for name in archive.namelist() if ".dist-info/" not in name}

for name in sorted(expected - packed):
    print(f"missing from the wheel: {name}")
for name in sorted(packed - expected):
    print(f"does not belong in the wheel: {name}")
print(f"{Path(wheel).name}: {len(packed)} files, {len(expected)} expected")
sys.exit(expected != packed)
