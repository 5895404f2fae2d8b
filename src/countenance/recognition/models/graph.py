"""Folding of an ONNX graph: what can be computed before the first face is computed once.

Rules kept here: the folded graph gives the same numbers as the shipped one (a test compares them), weights
are never taken from outside the file, and ``onnx`` is imported inside the functions: it costs a tenth of a
second that only the first run of a model needs to spend.

Three things make the shipped files slow or hard to run: block-quantised weights are dequantised and reshaped
at every inference, weights are listed among the graph's inputs, and batch (SFace) or picture size (YuNet)
is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from countenance.errors import ModelUnsuitable
from countenance.recognition.models.manifest import Manifest

if TYPE_CHECKING:
    import onnx

Weights = dict[str, npt.NDArray[np.generic]]

YUNET_STRIDES = (8, 16, 32)
YUNET_OUTPUTS = tuple(f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in YUNET_STRIDES)


def fold(data: bytes, manifest: Manifest, *, open_batch: bool = True) -> bytes:
    """The ONNX file ``data`` with constant weights folded and its free dimensions opened, as an ONNX file.

    A template model's batch becomes free (unless ``open_batch`` is False), a detector's height and width.
    Raises ``ModelUnsuitable`` when the file is no ONNX model, keeps weights in other files, or does not
    have the inputs and outputs that the manifest states.
    """
    model = _parse(data, manifest)
    graph = model.graph
    _fold_weights(graph)
    # 1. Older exporters list weights among the inputs; what is left over is what must be fed.
    fed = {name for node in graph.node for name in node.input} - {item.name for item in graph.initializer}
    inputs = [item for item in graph.input if item.name in fed]
    del graph.input[:]
    graph.input.extend(inputs)
    # 2. Shapes of intermediate values were stated for the fixed dimensions.
    del graph.value_info[:]
    if manifest.kind == "detector":
        _open_picture(graph, manifest)
    else:
        _open_batch(graph, manifest, open_batch)
    return bytes(model.SerializeToString())


def _parse(data: bytes, manifest: Manifest) -> onnx.ModelProto:
    import onnx  # lazily: see the module's docstring
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise ModelUnsuitable(f"{manifest.file} is not an ONNX file.") from error
    if not model.graph.node or not model.opset_import:
        raise ModelUnsuitable(f"{manifest.file} is not an ONNX file: it has no graph.")
    tensors = list(model.graph.initializer)
    tensors += [attribute.t for node in model.graph.node for attribute in node.attribute if attribute.HasField("t")]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in tensors):
        raise ModelUnsuitable(
            f"{manifest.file} keeps its weights in another file.",
            remedy="Save the model as one ONNX file, with its weights inside.",
        )
    return model


def _fold_weights(graph: onnx.GraphProto) -> None:
    from onnx import numpy_helper

    weights: Weights = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        constant = all(name in weights for name in node.input)
        if constant and node.op_type == "DequantizeLinear":
            weights[node.output[0]] = _dequantised(node, weights)
        elif constant and node.op_type == "Reshape":
            shape = weights[node.input[1]].astype(np.int64)
            weights[node.output[0]] = weights[node.input[0]].reshape(tuple(int(side) for side in shape))
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    del graph.node[:]
    graph.node.extend(kept)
    del graph.initializer[:]
    graph.initializer.extend(
        numpy_helper.from_array(weight, name) for name, weight in weights.items() if name in used
    )


def _dequantised(node: onnx.NodeProto, weights: Weights) -> npt.NDArray[np.float32]:
    """DequantizeLinear of the ONNX operator specification, version 21: per tensor, per axis and blocked."""
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    quantised, scale = weights[node.input[0]], weights[node.input[1]]
    zero = weights[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale, dtype=np.int32)
    axis, block = int(attributes.get("axis", 1)), int(attributes.get("block_size", 0))

    def spread(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        if values.ndim == 0 or values.size == 1:
            return values.reshape(())
        if block > 0:
            repeated = np.repeat(values, block, axis=axis)
            return np.take(repeated, np.arange(quantised.shape[axis]), axis=axis)
        shape = [1] * quantised.ndim
        shape[axis] = -1
        return values.reshape(shape)

    steps = quantised.astype(np.int32) - spread(zero).astype(np.int32)
    return (steps.astype(np.float32) * spread(scale).astype(np.float32)).astype(np.float32)


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    """Dimensions; 0 where the file leaves one free."""
    return [int(side.dim_value) for side in value.type.tensor_type.shape.dim]


def _single_input(graph: onnx.GraphProto, manifest: Manifest) -> onnx.ValueInfoProto:
    if len(graph.input) != 1:
        raise ModelUnsuitable(
            f"{manifest.file} wants {len(graph.input)} inputs; a face model has one, the picture."
        )
    source: onnx.ValueInfoProto = graph.input[0]
    if len(_shape(source)) != 4 or _shape(source)[1] not in (0, 3):
        raise ModelUnsuitable(
            f"{manifest.file} takes an input of shape {_shape(source)}; "
            f"a face model takes (faces, 3, {manifest.input.height}, {manifest.input.width})."
        )
    return source


def _free(side: onnx.TensorShapeProto.Dimension, name: str) -> None:
    side.Clear()
    side.dim_param = name


def _open_picture(graph: onnx.GraphProto, manifest: Manifest) -> None:
    source = _single_input(graph, manifest)
    if not set(YUNET_OUTPUTS) <= {item.name for item in graph.output}:
        raise ModelUnsuitable(f"{manifest.file} is not a YuNet detector: its outputs have other names.")
    _free(source.type.tensor_type.shape.dim[2], "height")
    _free(source.type.tensor_type.shape.dim[3], "width")
    for item in graph.output:
        _free(item.type.tensor_type.shape.dim[1], f"priors_{item.name}")


def _open_batch(graph: onnx.GraphProto, manifest: Manifest, open_batch: bool) -> None:
    source = _single_input(graph, manifest)
    wanted = (manifest.input.height, manifest.input.width)
    if any(side not in (0, want) for side, want in zip(_shape(source)[2:], wanted, strict=True)):
        raise ModelUnsuitable(
            f"{manifest.file} takes pictures of {_shape(source)[3]}x{_shape(source)[2]}; "
            f"a template model takes {wanted[1]}x{wanted[0]}."
        )
    if len(graph.output) != 1 or len(_shape(graph.output[0])) != 2:
        raise ModelUnsuitable(f"{manifest.file} must have one output of shape (faces, dimensions).")
    length = _shape(graph.output[0])[1]
    if length not in (0, manifest.dimensions):
        raise ModelUnsuitable(
            f"{manifest.file} gives templates of {length} dimensions; its manifest states {manifest.dimensions}."
        )
    dimensions = source.type.tensor_type.shape.dim
    if open_batch:
        _free(dimensions[0], "faces")
        _free(graph.output[0].type.tensor_type.shape.dim[0], "faces")
    else:
        dimensions[0].dim_value = 1
        graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    dimensions[2].dim_value, dimensions[3].dim_value = wanted
