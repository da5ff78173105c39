"""What a `snn2hw.calls.worker.Caller` starts: commands are called as they are asked for, and their documents answered.

Each line on standard input is ``{"commands": [[VERB, WORD...], ...], "folder": FOLDER}``: they are called in this
folder, one after the other, up to the first that is refused. Each line on standard output answers one of them.
"""

import io
import json
import os
import sys
from contextlib import redirect_stdout
from typing import Any

from snn2hw.commands import main
from snn2hw.commands.reply import REFUSAL

__all__ = ["answer", "serve"]


def answer(commands: list[list[str]]) -> dict[str, Any]:
    """Call the commands; return their documents, and what the one behind the last of them said."""
    documents: list[dict[str, Any]] = []
    for words in commands:
        said = io.StringIO()
        with redirect_stdout(said):
            code = main([*words, *([] if "--json" in words else ["--json"])])
        try:
            document = json.loads(said.getvalue())
        except ValueError:
            return {"documents": documents, "error": f"{words[0]}: exit code {code}, and no document"}
        if document["schema"] == REFUSAL:
            return {"documents": documents, "error": f"{words[0]}: {document['error']}"}
        documents.append(document)
    return {"documents": documents, "error": None}


def serve() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not into the answers
    for line in sys.stdin:
        asked = json.loads(line)
        os.chdir(asked["folder"])
        answers.write(json.dumps(answer(asked["commands"])) + "\n")


if __name__ == "__main__":
    serve()
