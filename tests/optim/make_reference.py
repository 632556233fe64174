"""Store where PyTorch and optax go, for machines that have neither: python tests/optim/make_reference.py

Run from the root of the repository, with PyTorch and optax installed. It writes
tests/optim/reference/trajectories.npz: for each case in lockstep_cases.py the positions after a few steps, in float64,
and which versions made them.
"""

import pathlib
import sys

import jax
import numpy as np
import optax
import torch

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from lockstep_cases import OPTAX_CASES, TORCH_CASES, WATCHED, run_optax, run_torch  # noqa: E402


def watched(path):
    """Return the positions at the steps that are stored, as one row a step."""
    return np.array([np.concatenate([x.ravel() for x in path[t - 1]]) for t in WATCHED])


def main():
    torch.set_default_dtype(torch.float64)
    torch.Tensor.bfloat16 = torch.Tensor.clone  # Muon's Newton-Schulz in the parameter's own dtype, as here
    jax.config.update("jax_enable_x64", True)
    stored = {identity: watched(run_torch(name, hyper)[0]) for identity, name, hyper in TORCH_CASES}
    stored |= {identity: watched(run_optax(call)) for identity, _, _, call in OPTAX_CASES}
    file = pathlib.Path(__file__).parent / "reference" / "trajectories.npz"
    file.parent.mkdir(exist_ok=True)
    np.savez_compressed(file, made_by=f"torch {torch.__version__}, optax {optax.__version__}", **stored)
    print(f"{len(stored)} trajectories in {file}")


if __name__ == "__main__":
    main()
