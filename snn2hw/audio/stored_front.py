"""A front end as the JSON values that stand beside its program."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sim.errors import FileError
from snn2hw.audio.spectra import Spectra

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["StoredFront"]

F = TypeVar("F", bound="DataclassInstance")


@dataclass(frozen=True)
class StoredFront(Generic[F]):
    """How front ends of one kind are written and read: a schema, and every field by its name.

    Args:
        schema: what the values begin with.
        make: the front end from its fields, ``spectra`` as a record already.
        kind: what an error calls it.
        absent: what an error says of values with another schema, or none.
        fix: what to do then.
        later: fields that older files do not have: at their default they enter no file, so that one front has one form.
    """

    schema: str
    make: Callable[..., F]
    kind: str
    absent: str
    fix: str
    later: frozenset[str] = frozenset()

    def values(self, front: F) -> dict[str, Any]:
        """Return the front end as JSON values."""
        usual = {f.name: f.default for f in fields(front)}
        kept = {n: v for n, v in asdict(front).items() if n not in self.later or v != usual[n]}
        values: dict[str, Any] = json.loads(json.dumps({"schema": self.schema} | kept))
        return values

    def read(self, values: Any, where: str) -> F:
        """Return the front end that `values` wrote; ``where`` is the file an error names."""
        try:
            facts = dict(values)
            if facts.pop("schema", None) != self.schema:
                raise FileError(f"{where}: {self.absent} ({self.schema!r})", self.fix)
            facts["spectra"] = Spectra(**facts["spectra"])
            return self.make(**facts)
        except (TypeError, ValueError, KeyError) as error:
            raise FileError(f"{where}: not {self.kind} ({error})", self.fix) from None
