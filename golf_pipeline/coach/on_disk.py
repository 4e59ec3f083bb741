"""The coaching of the command: answers and the day's spending in a folder, and `coaching.json` beside `analysis.json`.

For one process at a time: two commands at once may both spend the last of the day's money.
"""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from golf_pipeline.coach.coach import coach_swing, model_from_settings
from golf_pipeline.coach.documents import AiAnalysis, Spent, StoredAnswer
from golf_pipeline.coach.pictures import Picture, small_picture
from golf_pipeline.settings import Settings
from golf_pipeline.swing.analysis import KEY_FRAMES_FOLDER
from golf_pipeline.swing.documents import SwingAnalysis

COACHING_FILE = "coaching.json"


class FolderAnswers:
    """An `AnswerStore` in a folder; a file that cannot be read counts as no answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> StoredAnswer | None:
        try:
            return StoredAnswer.model_validate_json((self.folder / f"{key}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def put(self, key: str, answer: StoredAnswer) -> None:
        _write(self.folder / f"{key}.json", answer.model_dump_json(indent=2))


class FolderLedger:
    """A `UsageLedger` in a folder, one file a day (UTC); a day whose file cannot be read has no money left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reserved_on = ""

    def reserve(self, usd: float, most_usd: float) -> bool:
        self._reserved_on = datetime.now(UTC).date().isoformat()
        spent = self._spent()
        if spent is None:
            return False
        if spent.usd + usd > most_usd:
            return False
        self._set(Spent(tokens=spent.tokens, usd=spent.usd + usd))
        return True

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        day = self._spent() or Spent(usd=reserved_usd)
        self._set(Spent(tokens=day.tokens + spent.tokens, usd=max(0.0, day.usd - reserved_usd + spent.usd)))

    @property
    def _file(self) -> Path:
        return self.folder / f"spent-{self._reserved_on}.json"

    def _spent(self) -> Spent | None:
        try:
            return Spent.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return Spent()
        except ValidationError:
            return None

    def _set(self, spent: Spent) -> None:
        _write(self._file, spent.model_dump_json())


def write_coaching(analysis: SwingAnalysis, out: Path, settings: Settings) -> AiAnalysis | None:
    """Coach an analysed swing and write `coaching.json` into its folder; None, and no file, for a refused clip.

    A model is asked only where the settings have a key; its answers are kept under the settings' data folder.
    """
    (out / COACHING_FILE).unlink(missing_ok=True)
    if analysis.status == "refused":
        return None
    model, kept = model_from_settings(settings), settings.data_folder / "coaching"
    pictures: tuple[Picture, ...] = ()
    if model is not None and settings.coach_images:
        pictures = tuple(
            small_picture(frame, out / KEY_FRAMES_FOLDER / frame.file_name) for frame in analysis.key_frames
        )
    coaching = coach_swing(
        analysis, model=model, answers=FolderAnswers(kept), ledger=FolderLedger(kept), pictures=pictures
    )
    (out / COACHING_FILE).write_text(coaching.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return coaching


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".part")
    begun.write_text(text, encoding="utf-8")
    begun.replace(path)
