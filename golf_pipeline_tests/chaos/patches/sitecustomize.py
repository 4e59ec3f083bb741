"""Read by every Python of a stack under test, as its folder stands in PYTHONPATH: what no fault from outside can do.

A video whose pose kills the process, and another version of an algorithm, as if it had been deployed.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

POISON = b"chaos: the pose of this video kills its process"
METRICS_VERSION = "CHAOS_METRICS_VERSION"


def _poisoned_pose(module: Any) -> None:
    track_pose = module.track_pose

    def track_or_die(video: Path, *args: Any, **kwargs: Any) -> Any:
        if Path(video).read_bytes().endswith(POISON):
            os.abort()
        return track_pose(video, *args, **kwargs)

    module.track_pose = track_or_die


def _deployed_metrics(module: Any) -> None:
    module.ALGORITHM_VERSION = os.environ.get(METRICS_VERSION, module.ALGORITHM_VERSION)


PATCHES: dict[str, Callable[[Any], None]] = {
    "golf_pipeline.swing.pose": _poisoned_pose,
    "golf_pipeline.swing.metrics": _deployed_metrics,
}


class _Patcher(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules to patch as Python would, and patches them once they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in PATCHES:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        if found is not None:
            found.loader = self
        return found

    def exec_module(self, module: ModuleType) -> None:
        importlib.machinery.SourceFileLoader(module.__name__, str(module.__file__)).exec_module(module)
        PATCHES[module.__name__](module)


sys.meta_path.insert(0, _Patcher())
