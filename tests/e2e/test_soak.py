"""A short run of tools/soak: everything at once, and every law holds."""

import os
import random
import subprocess

from support.waiting import BIN_DIR, PATIENCE, ROOT, scaled

# RINGWAY_SOAK_MINUTES=10 in the environment for as long as its default.
MINUTES = float(os.environ.get("RINGWAY_SOAK_MINUTES", "0.4"))


def test_every_law_holds_while_everything_happens_at_once():
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    done = subprocess.run(
        [ROOT / "tools/soak", f"--minutes={MINUTES}", f"--seed={seed}", f"--rate={scaled(100)}"],
        env={**os.environ, "RINGWAY_BIN_DIR": str(BIN_DIR)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MINUTES * 60 * 3 + 120 * PATIENCE,
    )
    print(done.stdout)
    assert done.returncode == 0
    assert "every law kept" in done.stdout
