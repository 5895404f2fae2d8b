"""A small ONNX model with the outside of a face model, and its manifest, for tests that need a second model."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

DIMENSIONS = 32


def write_small_model(folder: Path, name: str) -> Path:
    """Write ``<name>.onnx`` and ``<name>.json`` into ``folder``; returns the model file.

    The face is pooled to 8x8 and multiplied with random numbers, so it knows colours and shapes a little.
    """
    weight = np.random.default_rng(4).normal(size=(3 * 64, DIMENSIONS)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["data"], ["pooled"], kernel_shape=[14, 14], strides=[14, 14]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["fc1"]),
    ]
    graph = helper.make_graph(
        nodes,
        "face",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, DIMENSIONS])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = model.SerializeToString()
    file = folder / f"{name}.onnx"
    file.write_bytes(data)
    manifest = {
        "schema_version": 1,
        "name": name,
        "version": "1",
        "kind": "template",
        "licence": "CC0-1.0",
        "source": "made by a test",
        "training_data": "none: its numbers are random",
        "input": {"width": 112, "height": 112, "channels": "RGB", "mean": 127.5, "scale": [0.01, 0.01, 0.01]},
        "dimensions": DIMENSIONS,
        "sha256": sha256(data).hexdigest(),
        "file": file.name,
    }
    file.with_suffix(".json").write_text(json.dumps(manifest), "utf-8")
    return file
