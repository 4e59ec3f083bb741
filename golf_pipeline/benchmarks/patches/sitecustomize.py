"""Read by every Python of a stack that is measured, as its folder stands in PYTHONPATH: what no one sees from outside.

The embedded AWS writes down each request (not answering it otherwise), and a variable lets the code server have another
version of the metrics, whose numbers are a little different, as if one had been deployed.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

REQUESTS = "GOLF_BENCHMARK_REQUESTS"
"""File that gets a line a request: method, path, query."""

METRICS_VERSION = "GOLF_BENCHMARK_METRICS_VERSION"
CHANGED_BY = 1.02
"""What the other version's numbers are multiplied with: enough for findings, words and report to be made anew."""


def _counting_server(module: Any) -> None:
    make_server, path = module.make_server, os.environ.get(REQUESTS)
    if path is None:
        return
    log = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def counting(host: str, port: int, app: Any, *args: Any, **kwargs: Any) -> Any:
        def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            parts = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
            os.write(log, ("\t".join(parts) + "\n").encode(errors="replace"))
            answer: Iterable[bytes] = app(environ, start_response)
            return answer

        return make_server(host, port, counted, *args, **kwargs)

    module.make_server = counting


def _other_metrics(module: Any) -> None:
    version = os.environ.get(METRICS_VERSION)
    if version is None:
        return
    measure_swing = module.measure_swing

    def measured_otherwise(*args: Any, **kwargs: Any) -> Any:
        return tuple(
            one if one.value is None else one.model_copy(update={"value": round(one.value * CHANGED_BY, 4)})
            for one in measure_swing(*args, **kwargs)
        )

    module.measure_swing, module.ALGORITHM_VERSION = measured_otherwise, version


PATCHES: dict[str, Callable[[Any], None]] = {
    "werkzeug.serving": _counting_server,
    "golf_pipeline.swing.metrics": _other_metrics,
}


class _Patcher(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules to patch as Python would, and patches them once they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del target
        if name not in PATCHES:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        if found is not None:
            found.loader = self
        return found

    def exec_module(self, module: ModuleType) -> None:
        importlib.machinery.SourceFileLoader(module.__name__, str(module.__file__)).exec_module(module)
        PATCHES[module.__name__](module)


sys.meta_path.insert(0, _Patcher())
