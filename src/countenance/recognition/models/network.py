"""A model package, ready to run: prepared once, compiled for this processor, safe from many threads.

Rules kept here: OpenVINO is imported without its conversion tools, whose import sends a usage report to its
publisher; nothing is run whose digest was not checked first; one ``Network`` may be used by any number of
threads at the same time, and never gives a thread another thread's numbers.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from countenance.errors import ModelUnsuitable
from countenance.recognition.models.cache import CheckedCache
from countenance.recognition.models.graph import fold
from countenance.recognition.models.manifest import Manifest
from countenance.recognition.models.package import ModelPackage

PREPARATION_VERSION = 1
"""Part of every cache name: raise it when ``fold`` or the compilation below changes."""

Samples = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float32]

Key = TypeVar("Key")

_SMALLEST_SIDE = 32
"""Pixels; a side that every stride of the detector divides."""

_REPORTING_TOOLS = "openvino.tools.ovc"


_FIRST_USE = threading.RLock()


def openvino() -> Any:
    """The ``openvino`` module, imported on first use, by one thread, and without its conversion tools.

    ``import openvino`` also imports ``openvino.tools.ovc``, which sends "this was imported" to its publisher
    through ``openvino_telemetry`` and keeps an identifier in the user's home. The import is optional there
    (``except ImportError: pass``), so it is declined. It also halves the time of the import.

    The first tensor that its bindings make initialises them; two threads that do so at once wait for each other
    for ever (one holds the interpreter's lock, the other the initialisation's). So it is made here, once.
    """
    with _FIRST_USE:
        return _imported()


@cache
def _imported() -> Any:
    declined = _REPORTING_TOOLS not in sys.modules
    if declined:
        sys.modules[_REPORTING_TOOLS] = None  # type: ignore[assignment]  # the import system's word for "not there"
    try:
        module = importlib.import_module("openvino")
    finally:
        if declined:
            del sys.modules[_REPORTING_TOOLS]  # whoever wants the tools may still import them by name
    sample = np.zeros((1, 1), np.uint8)
    for shared in (False, True):
        np.array(module.Tensor(sample, shared_memory=shared).data)
    return module


def _core() -> Any:
    with _FIRST_USE:
        return _made_core()


@cache
def _made_core() -> Any:
    return openvino().Core()


def processor_precision() -> str:
    """``bf16`` where the processor computes in it, which is two to three times as fast, else ``f32``."""
    return "bf16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def available_threads() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


class Network:
    """A compiled model that takes pictures as bytes.

    ``precision`` is ``"bf16"``, ``"f32"`` or None: what suits the processor. Each of ``threads`` threads of
    computation serves one request, so the network is fastest when as many threads call it.

    Raises ``ModelMissing``, ``ModelDigestWrong`` or ``ModelUnsuitable``.
    """

    def __init__(
        self,
        package: ModelPackage,
        cache_folder: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        self.manifest: Manifest = package.manifest
        self.threads = available_threads() if threads is None else threads
        self.precision = processor_precision() if precision is None else precision
        self._package = package
        self._cache = CheckedCache(cache_folder / "models" / package.manifest.sha256)
        with _FIRST_USE:
            self._compiled = self._load()
        self.outputs: tuple[str, ...] = tuple(output.get_any_name() for output in self._compiled.outputs)
        self.takes_batches = bool(self._compiled.inputs[0].partial_shape[0].is_dynamic)
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        with _FIRST_USE:  # what the bindings initialise at a first inference, see openvino()
            self._warm()

    def _warm(self) -> None:
        """Infer once, synchronously and asynchronously, on the smallest picture that the network takes."""
        sides = [
            d.get_length() if d.is_static else _SMALLEST_SIDE for d in self._compiled.inputs[0].partial_shape[1:3]
        ]
        sample = np.zeros((1, *sides, 3), np.uint8)
        self.run(sample)
        for _ in self.run_each([(0, sample)]):
            pass

    def run(self, samples: Samples) -> tuple[Numbers, ...]:
        """The outputs, ordered as ``outputs``, for ``samples``: shape (n, height, width, 3), RGB, 0 to 255."""
        request = self._borrow()
        request.infer({0: np.ascontiguousarray(samples)}, share_inputs=True, share_outputs=True)
        return self._copied(request)

    def run_each(self, batches: Iterable[tuple[Key, Samples]]) -> Iterator[tuple[Key, tuple[Numbers, ...]]]:
        """``run`` for the samples of each of ``batches``, in order, with all threads of computation kept busy.

        The first part of each pair is handed back beside its outputs.
        """
        running: deque[tuple[Key, Any, Samples]] = deque()
        try:
            for key, samples in batches:
                if len(running) >= self.threads:
                    yield self._finished(running)
                request, kept = self._borrow(), np.ascontiguousarray(samples)
                request.start_async({0: kept}, share_inputs=True)
                running.append((key, request, kept))  # the samples must outlive the request that reads them
            while running:
                yield self._finished(running)
        finally:
            for _, request, _ in running:  # the caller turned away half way
                request.wait()

    def _finished(self, running: deque[tuple[Key, Any, Samples]]) -> tuple[Key, tuple[Numbers, ...]]:
        running[0][1].wait()
        key, request, _ = running.popleft()
        return key, self._copied(request)

    def _borrow(self) -> Any:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            return self._compiled.create_infer_request()

    def _copied(self, request: Any) -> tuple[Numbers, ...]:
        """The request's outputs, and the request given back. One that raised before this is not used again."""
        answer = tuple(np.array(tensor.data, dtype=np.float32) for tensor in request.output_tensors)
        with self._lock:
            self._idle.append(request)
        return answer

    def _load(self) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": self.threads,
            # Pinned threads of two processes, or of two networks, would all wait for the same processors.
            "ENABLE_CPU_PINNING": False,
        }
        # 1. The shipped file is checked at every start, even when the cache has all that is needed.
        self._package.read()
        name = f"compiled-{self._key(settings)}.blob"
        blob = self._cache.get(name, lambda: _compile(self._folded(), self.manifest, settings))
        try:
            return _core().import_model(blob, "CPU", settings)
        except RuntimeError:  # 2. whole, but not of this OpenVINO or processor after all
            self._cache.forget(name)
            blob = self._cache.get(name, lambda: _compile(self._folded(), self.manifest, settings))
            return _core().import_model(blob, "CPU", settings)

    def _folded(self) -> bytes:
        return self._cache.get(f"folded-{PREPARATION_VERSION}.onnx", self._fold)

    def _fold(self) -> bytes:
        data = self._package.read()
        opened = fold(data, self.manifest)
        if self.manifest.kind == "detector" or _takes_batches(opened):
            return opened
        return fold(data, self.manifest, open_batch=False)

    def _key(self, settings: dict[str, Any]) -> str:
        """Everything that a compiled network depends on, as a short digest."""
        device = (
            _core().get_property("CPU", "FULL_DEVICE_NAME"),
            _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        )
        parts = (PREPARATION_VERSION, openvino().__version__, device, sorted(settings.items()), self.manifest.input)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _takes_batches(opened: bytes) -> bool:
    """Whether a free number of faces gives as many templates. Some exporters write "one face" into the graph."""
    try:
        output = _core().read_model(opened).output(0).get_partial_shape()
        return bool(output.rank.get_length() == 2 and output[0].is_dynamic)
    except RuntimeError:
        return False


def _compile(folded: bytes, manifest: Manifest, settings: dict[str, Any]) -> bytes:
    """``folded`` compiled, with the manifest's normalisation in front so that it takes bytes as they are."""
    ov = openvino()
    preprocess = importlib.import_module("openvino.preprocess")
    try:
        model = _core().read_model(folded)
        steps = preprocess.PrePostProcessor(model)
        source = steps.input()
        source.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        source.model().set_layout(ov.Layout("NCHW"))
        source.preprocess().convert_element_type(ov.Type.f32)
        if manifest.input.channels == "BGR":
            source.preprocess().reverse_channels()
        if any(mean != 0 for mean in manifest.input.mean):
            source.preprocess().mean(list(manifest.input.mean))
        if any(scale != 1 for scale in manifest.input.scale):
            source.preprocess().scale([1 / scale for scale in manifest.input.scale])
        compiled = _core().compile_model(steps.build(), "CPU", settings)
        exported: bytes = compiled.export_model().getvalue()
    except RuntimeError as error:
        raise ModelUnsuitable(f"{manifest.file} cannot be run: OpenVINO refuses its graph.") from error
    return exported
