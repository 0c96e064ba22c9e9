"""Which recordings are learned from and which judge, once it is known what they hold.

Files are drawn by lot before they are heard, and some turn out silent or damaged. Those that judge are heard first: if
none of them can be used, others are drawn while nothing has been learned from these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from audiocos.cli.hearing import Hearing
from audiocos.cli.main import say
from audiocos.training.corpus import Corpus, File
from audiocos.training.heard import Heard
from audiocos.training.refused import Refused

HELD_OUT, TRAINING = "held-out files", "training sound"


@dataclass(frozen=True)
class Heeded:
    """What came of an audition.

    Args:
        corpus: the files that count, and no others.
        learned: what the training files hold.
        judging: what the held-out files hold; None where none is left, and the training sound must judge.
    """

    corpus: Corpus
    learned: Heard
    judging: Heard | None

    @property
    def judged_on(self) -> str:
        """What figures are of."""
        return TRAINING if self.judging is None else HELD_OUT


@dataclass
class Audition:
    """Hear a corpus; call `run` once, on all ranks.

    Args:
        corpus: as it was drawn.
        seed: of the split.
        to_learn: how to hear the training files of a corpus.
        to_judge: how to hear the held-out ones.
        check: called with all files refused, once all are heard; raises when they are too many.
    """

    corpus: Corpus
    seed: int
    to_learn: Callable[[Corpus], Hearing]
    to_judge: Hearing
    check: Callable[[list[Refused]], None]
    _lost: list[Heard] = field(default_factory=list, init=False)

    def run(self) -> Heeded:
        """Hear the files that judge, then those to learn from.

        Raises:
            CorpusError: nothing is left to learn from, or too much of it is bad.
        """
        judging = self._judges()
        learned = self._hear(self.to_learn(self.corpus), self.corpus.train, "Hearing what to learn from")
        # Not before: who repairs files wants to know of all of them, and what was heard is kept in the cache.
        self.check([bad for each in self._lost for bad in each.refused])
        if judging is not None and not learned.files:
            self._say("Only the held-out files can be used: they are learned from.")
            self.corpus, judging = replace(self.corpus, train=self.corpus.held_out, held_out=()), None
            learned = self.to_learn(self.corpus).hear(self.corpus.train, "Hearing what to learn from")
        if not learned.files:  # for the text
            learned.silent = [name for heard in self._lost for name in heard.silent]
            learned.refused = [bad for heard in self._lost for bad in heard.refused]
        learned.demand_sound()
        used = learned.used + ([] if judging is None else judging.used)
        return Heeded(self.corpus.only(used), learned, judging)

    def _judges(self) -> Heard | None:
        while self.corpus.held_out:
            heard = self._hear(self.to_judge, self.corpus.held_out, "Hearing what to judge by")
            if heard.files:
                return heard
            if len(self.corpus.train) > 1:
                self._say("No held-out file can be used: others are held out instead.")
                self.corpus = self.corpus.drawn_again(self.seed)
            else:
                self._say("No held-out file can be used, so figures are of the training sound.")
                self.corpus = replace(self.corpus, held_out=())
        return None

    def _hear(self, hearing: Hearing, files: tuple[File, ...], what: str) -> Heard:
        heard = hearing.hear(files, what)
        self._lost.append(heard)
        return heard

    def _say(self, text: str) -> None:
        if self.to_judge.ranks.leads:
            say(text)
