"""Hear corpora with all processes of torchrun; each saves what it knows of them in the end.

torchrun hear_together.py OUT FOLDER...
"""

import pickle
import sys
from pathlib import Path

from somecorpus import EACH, FRAMING, files_of

from audiocos.ranks import Ranks
from audiocos.training import listen as listening

if __name__ == "__main__":
    listening._HOPS_A_BATCH, listening._SAMPLES_A_BATCH = 1, 20_000
    out, *folders = map(Path, sys.argv[1:])
    ranks = Ranks()
    heard = [listening.listen(files_of(folder), FRAMING, EACH, ranks=ranks) for folder in folders]
    (out / f"{ranks.rank}.pickle").write_bytes(pickle.dumps(heard))
    ranks.close()
