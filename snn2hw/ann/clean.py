"""An ONNX file without the notes of the tools that made it: stack traces, and with them paths of somebody's machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

__all__ = ["clean_file", "without_notes"]


def clean_file(path: Path) -> None:
    """Rewrite the file without notes; what it computes stays. The caller writes atomically: ``path`` is temporary."""
    import onnx

    onnx.save(without_notes(onnx.load(path)), path)


def without_notes(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Clear, in place, every ``metadata_props`` and ``doc_string`` of the model and whatever it holds."""
    _clear(model)
    return model


def _clear(message: Any) -> None:
    """Go through all messages: nodes, values, initializers, functions, and the graphs that attributes hold."""
    known = message.DESCRIPTOR.fields_by_name
    for note in ("metadata_props", "doc_string"):
        if note in known:
            message.ClearField(note)
    for _, value in message.ListFields():
        if hasattr(value, "ListFields"):
            _clear(value)
        elif not isinstance(value, (str, bytes, int, float)) and hasattr(value[0], "ListFields"):
            for part in value:
                _clear(part)
