"""A stage of the analysis: what it reads and makes, and how one swing is brought through it. No Dagster run in here.

**Fingerprints.** An output is named by all that it was made of: the stage's version, the settings that it follows and
the identities of its inputs (the hash of an input's main object; of the upload, of its bytes). Brought through a stage
again, a swing whose stored output has the same fingerprint is left as it is ("unchanged"); where another swing of the
same bytes has one, its objects are copied; only otherwise is anything computed. So a new version of the metrics opens
no video, a run that is taken up again goes on where the last one died, a re-upload costs next to nothing, and a stage
whose input was made anew with the same content is not made anew.

What a stage reads it must declare: reading anything else is an error, or a change of it would go unnoticed.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from golf_pipeline.orchestration.swing import Swing

UPLOAD = "upload"
"""The input that is no stage's output: the video as it came."""


@dataclass(frozen=True)
class Made:
    """What a stage made of one swing: the key of its main object, and what the UI shows beside it."""

    key: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    settled: bool = True
    """False: made as well as could be at the moment, so another time it is made again (a coach that did not answer)."""


@dataclass(frozen=True)
class Verdict:
    """A check's answer for one swing; `values` end up in the check's metadata."""

    passed: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class SwingCheck:
    """A check of one asset: `judge` looks at one swing whose stage has just been stored."""

    name: str
    description: str
    judge: Callable[["Swing"], Verdict]


Compute = Callable[["Swing"], Made]


@dataclass(frozen=True)
class Stage:
    """One stage; its asset has the name and the description of the function that computes it."""

    name: str
    version: str
    compute: Compute
    inputs: tuple[str, ...]
    """Stages, or `UPLOAD`, whose outputs it reads: they are in the fingerprint."""
    glances_at: tuple[str, ...]
    """Stages that it reads as well, but for what `follows` says of them only."""
    follows: Callable[["Swing"], object]
    """Anything else that its output depends on, such as settings; JSON."""
    deps: tuple[str, ...]
    """Names of the assets before it in the graph."""
    group: str
    """Under which heading of the graph it stands."""
    kinds: frozenset[str]
    pool: str | None
    """Dagster's pool that bounds how many runs are in the stage at once."""
    checks: tuple[SwingCheck, ...]
    before: Callable[["Swing"], None] | None
    """What happens before a swing enters the stage, whether it is computed or not."""
    then: Callable[["Swing"], None] | None
    """What happens once the catalog knows the output: a status must never promise what cannot be looked up yet."""

    @property
    def asset(self) -> str:
        return self.compute.__name__

    @property
    def description(self) -> str:
        return self.compute.__doc__ or ""


def _nothing(_: "Swing") -> object:
    return None


def swing_stage(
    *,
    stage: str,
    version: str,
    inputs: tuple[str, ...],
    deps: tuple[str, ...] = (),
    group: str,
    kinds: set[str],
    pool: str | None = None,
    glances_at: tuple[str, ...] = (),
    follows: Callable[["Swing"], object] = _nothing,
    checks: tuple[SwingCheck, ...] = (),
    before: Callable[["Swing"], None] | None = None,
    then: Callable[["Swing"], None] | None = None,
) -> Callable[[Compute], Stage]:
    """Turn a function of one swing into a stage; the arguments are the fields of `Stage`."""

    def decorate(compute: Compute) -> Stage:
        return Stage(
            name=stage,
            version=version,
            compute=compute,
            inputs=inputs,
            glances_at=glances_at,
            follows=follows,
            deps=deps,
            group=group,
            kinds=frozenset(kinds),
            pool=pool,
            checks=checks,
            before=before,
            then=then,
        )

    return decorate


@dataclass(frozen=True)
class Outcome:
    """How a swing came through a stage: what is stored where, and what that took (wall-clock seconds)."""

    key: str
    metadata: Mapping[str, Any]
    seconds: float
    how: Literal["made", "copied", "unchanged"]


def bring_through(swing: "Swing", stage: Stage, *, force: bool = False) -> Outcome:
    """Bring one swing through a stage and note it in the catalog.

    Args:
        swing: in a run's workspace; what comes before the stage is stored.
        stage: which one.
        force: compute, whatever is stored.

    Raises:
        SwingError: the stage cannot be made of this swing, or what it needs is not there.
        SupersededError: another attempt of the analysis began.
    """
    swing.check_current()
    if stage.before is not None:
        stage.before(swing)
    started = time.perf_counter()
    with swing.in_stage(stage.inputs + stage.glances_at):
        if UPLOAD in stage.inputs:
            swing.learn_content()
        outcome = None if force else _without_computing(swing, stage, started)
        if outcome is None:
            outcome = _computed(swing, stage, started)
    swing.passed.add(stage.name)
    if outcome.how != "unchanged":
        swing.made.append(stage.name)
    if stage.then is not None:
        stage.then(swing)
    return outcome


def fingerprint(swing: "Swing", stage: Stage) -> str:
    """What the stage's output for this swing is made of, as a hash (hex)."""
    identities = {name: swing.identity(name) for name in stage.inputs}
    named = [stage.name, stage.version, identities, stage.follows(swing)]
    return hashlib.sha256(json.dumps(named, sort_keys=True, default=str).encode()).hexdigest()


def _without_computing(swing: "Swing", stage: Stage, started: float) -> Outcome | None:
    name = fingerprint(swing, stage)
    stored = swing.stages.get(stage.name)
    if stored is not None and stored.fingerprint == name:
        return Outcome(stored.key, stored.facts, _seconds_since(started), "unchanged")
    copied = swing.copy_of_other(stage.name, name)
    if copied is None:
        return None
    outcome = Outcome(copied.key, _shown(copied.facts), _seconds_since(started), "copied")
    swing.record_stage(copied.model_copy(update={"facts": _facts(outcome)}))
    return outcome


def _computed(swing: "Swing", stage: Stage, started: float) -> Outcome:
    name = fingerprint(swing, stage)
    with swing.writing(stage.name, stage.version, name) as written:
        made = stage.compute(swing)
    outcome = Outcome(made.key, made.metadata, _seconds_since(started), "made")
    swing.record_stage(written.output(made.key, name if made.settled else None, _facts(outcome)))
    return outcome


def _seconds_since(started: float) -> float:
    return round(time.perf_counter() - started, 3)


_OURS = frozenset({"compute_seconds", "reused"})


def _facts(outcome: Outcome) -> dict[str, Any]:
    """What the catalog keeps of an outcome: plain values only."""
    plain = {name: one for name, one in outcome.metadata.items() if isinstance(one, str | int | float | bool)}
    return {**plain, "compute_seconds": outcome.seconds, "reused": outcome.how != "made"}


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in facts.items() if name not in _OURS}
