"""Objects that are nobody's: outputs that no row of the catalog names, profiles of unknown golfers, old answers.

They come of runs that died between an object and its row, of catalogs that were restored, of versions that stored more
than they noted. Finding them means listing, so a call lists a bounded number of pages from where the last one ended,
judges each page by a few queries over the swings on it, and hands back where to go on.

**A listing that deletes is dangerous.** With a wrong or an empty catalog behind it everything is nobody's. So what it
finds is only reported unless it is told to delete, objects younger than a week are left to whoever is at work on them,
nothing goes where more than a share of what was listed would (`TooManyOrphansError`), and each is judged once more just
before it goes: since it was listed, a run may have taken up what an older one had left.

Uploads are never judged here: one without a row is one whose event was lost, which the reconcile sensor registers.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import Connection, or_, select, union

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import ANSWERS_PREFIX, PROFILES_PREFIX, UPLOADS_PREFIX, swing_folder, user_context_key
from golf_pipeline.storage.object_store import DELETED_AT_ONCE, ObjectFacts, ObjectStore
from golf_pipeline.storage.retention import ENDED, is_being_analysed_again
from golf_pipeline.storage.tables import analyses, golfers, profiles, stage_outputs, superseded_outputs

SETTLED_AFTER = timedelta(days=7)
"""Younger objects are not judged: their run may be about to note them."""

UPLOADS_LAST = timedelta(days=2)
"""An upload in parts that has not ended by then never will: its signed requests have expired."""

PAGE = 1000
"""Objects in one answer of S3 to a listing."""

EXAMPLES = 10
FEW = 100
"""So many orphans may go whatever their share is: what a run or two have left may be most of a short listing. With the
wrong catalog behind a small bucket that is all that can be lost."""


class TooManyOrphansError(RuntimeError):
    """So much of a listing is nobody's that the catalog is more likely wrong than the objects."""


@dataclass
class Sweep:
    """What one call looked at and found; `after` is where the next one goes on (None: from the beginning)."""

    looked_at: int = 0
    orphans: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)
    deleted: int = 0
    after: str | None = None

    def add(self, found: Sequence[ObjectFacts]) -> None:
        self.orphans += len(found)
        self.bytes += sum(one.size for one in found)
        self.examples += [one.key for one in found[: EXAMPLES - len(self.examples)]]


Judge = Callable[[Sequence[ObjectFacts]], Sequence[ObjectFacts]]
"""Which objects of a page are nobody's."""


def sweep_swings(
    catalog: Catalog, objects: ObjectStore, now: datetime, after: str | None, pages: int, *, delete_share: float = 0.0
) -> Sweep:
    """Find objects made of swings that no output, present or replaced, of a swing in the catalog names.

    Args:
        after: the key after which to go on.
        pages: of a thousand objects, at most.
        delete_share: delete what was found where it is not more than this share of what was listed; 0: report only.

    Raises:
        TooManyOrphansError: it is more; nothing was deleted.
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    judge = partial(_nobodys_outputs, catalog, now - SETTLED_AFTER)
    return _sweep(objects, UPLOADS_PREFIX, after, pages, judge, delete_share)


def sweep_profiles(
    catalog: Catalog, objects: ObjectStore, now: datetime, after: str | None, pages: int, *, delete_share: float = 0.0
) -> Sweep:
    """Find profiles of golfers of whom the catalog knows nothing. Arguments and errors are those of `sweep_swings`.

    What golfers say of themselves stays: it was not made by us and cannot be made again.
    """
    judge = partial(_unknown_golfers, catalog, now - SETTLED_AFTER)
    return _sweep(objects, PROFILES_PREFIX, after, pages, judge, delete_share)


def sweep_answers(objects: ObjectStore, before: datetime, after: str | None, pages: int, *, delete: bool) -> Sweep:
    """Find answers of the coach's model that were stored before a moment; who asks the same again pays again.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    # Age alone decides here, whatever the catalog says: so there is no share that would be too large.
    return _sweep(objects, ANSWERS_PREFIX, after, pages, lambda page: _older(page, before), 1.0 if delete else 0.0)


def sweep_incomplete_uploads(objects: ObjectStore, before: datetime, *, delete: bool) -> Sweep:
    """Find uploads in parts that were begun before a moment and never ended, a page of them; their size is not known.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    sweep = Sweep()
    for begun in objects.incomplete_uploads(UPLOADS_PREFIX):
        sweep.looked_at += 1
        if begun.initiated < before:
            sweep.orphans += 1
            sweep.examples += [begun.key] if len(sweep.examples) < EXAMPLES else []
            if delete:
                objects.abort_upload(begun.key, begun.upload_id)
                sweep.deleted += 1
    return sweep


def _sweep(
    objects: ObjectStore, prefix: str, after: str | None, pages: int, judge: Judge, delete_share: float
) -> Sweep:
    sweep, nobodys = Sweep(after=after), list[ObjectFacts]()
    listing = objects.list_objects(prefix, start_after=after)
    for _ in range(pages):
        page = list(islice(listing, PAGE))
        found = judge(page)
        sweep.looked_at += len(page)
        sweep.add(found)
        nobodys += found if delete_share else []
        sweep.after = page[-1].key if len(page) == PAGE else None
        if sweep.after is None:
            break
    if len(nobodys) > max(FEW, delete_share * sweep.looked_at):
        raise TooManyOrphansError(
            f"{len(nobodys)} of {sweep.looked_at} objects under {prefix} are nobody's, such as {sweep.examples[0]}; "
            f"none was deleted. Is GOLF_CATALOG_URL the catalog of this bucket? If so, and they are to go, raise "
            f"GOLF_MOST_ORPHAN_SHARE (now {delete_share}) for a day"
        )
    for start in range(0, len(nobodys), DELETED_AT_ONCE):
        still = judge(nobodys[start : start + DELETED_AT_ONCE])
        sweep.deleted += objects.delete(one.key for one in still)
    return sweep


def _older(page: Sequence[ObjectFacts], before: datetime) -> list[ObjectFacts]:
    return [one for one in page if one.last_modified < before]


def _nobodys_outputs(catalog: Catalog, before: datetime, page: Sequence[ObjectFacts]) -> list[ObjectFacts]:
    of_swing: defaultdict[tuple[str, str], list[tuple[str, ObjectFacts]]] = defaultdict(list)
    for one in _older(page, before):
        user_id, _, rest = one.key.removeprefix(UPLOADS_PREFIX).partition("/")
        analysis_id, _, name = rest.partition("/")
        if name and not name.endswith("/"):  # else it is an upload, or the empty "folder" of a console
            of_swing[user_id, analysis_id].append((name, one))
    with database.for_reading(catalog.engine).connect() as connection:
        known = _known_swings(connection, {analysis_id for _, analysis_id in of_swing})
    nobodys = []
    for (user_id, analysis_id), named in of_swing.items():
        swing = known.get(analysis_id)
        if swing is None or swing.user_id != user_id:
            nobodys += [one for _, one in named]
        elif not swing.at_work:
            nobodys += [one for name, one in named if not swing.names(name)]
    return nobodys


@dataclass
class _KnownSwing:
    user_id: str
    at_work: bool
    """A run is, or a deletion that is not over: what is there is their matter."""
    named: set[str] = field(default_factory=set)
    folders: tuple[str, ...] = ()
    """Where outputs are of which only the main object is known."""

    def names(self, name: str) -> bool:
        return name in self.named or name.startswith(self.folders)


def _known_swings(connection: Connection, analysis_ids: Collection[str]) -> dict[str, _KnownSwing]:
    moving = or_(analyses.c.status.not_in(ENDED), analyses.c.purge_at.is_not(None), is_being_analysed_again())
    swings = select(analyses.c.analysis_id, analyses.c.user_id, moving.label("at_work"))
    known = {
        row.analysis_id: _KnownSwing(row.user_id, bool(row.at_work))
        for row in connection.execute(swings.where(analyses.c.analysis_id.in_(analysis_ids)))
    }
    present = select(stage_outputs.c.analysis_id, stage_outputs.c.stage, stage_outputs.c.key, stage_outputs.c.files)
    for output in connection.execute(present.where(stage_outputs.c.analysis_id.in_(known))):
        swing = known[output.analysis_id]
        main = output.key.removeprefix(swing_folder(swing.user_id, output.analysis_id))
        swing.named |= {main, *(output.files or ())}
        if output.files is None:
            swing.folders += (f"{output.stage}/", "frames/")
    replaced = select(superseded_outputs.c.analysis_id, superseded_outputs.c.files)
    for old in connection.execute(replaced.where(superseded_outputs.c.analysis_id.in_(known))):
        known[old.analysis_id].named |= set(old.files)
    return known


def _unknown_golfers(catalog: Catalog, before: datetime, page: Sequence[ObjectFacts]) -> list[ObjectFacts]:
    of_golfer: defaultdict[str, list[ObjectFacts]] = defaultdict(list)
    for one in _older(page, before):
        user_id, separator, name = one.key.removeprefix(PROFILES_PREFIX).partition("/")
        if separator and name and one.key != user_context_key(user_id):
            of_golfer[user_id].append(one)
    known = union(*(select(of.c.user_id).where(of.c.user_id.in_(of_golfer)) for of in (profiles, golfers, analyses)))
    with database.for_reading(catalog.engine).connect() as connection:
        here = set(connection.execute(known).scalars())
    return [one for user_id, found in of_golfer.items() if user_id not in here for one in found]
