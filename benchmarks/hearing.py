"""What the programs of the zoo are worth, on their own test parts: the tables of docs/zoo.md.

python benchmarks/hearing.py --data DATA [--only keywords,denoise] [--lava 4] [--runs FOLDER] [--page]

DATA holds speech_commands/, fsdd/, digits_ru_synth/, esc10/ and denoise_16k/. Of every program: accuracy with Wilson's
interval, or the gain in SI-SNR with STOI and PESQ where their libraries are installed; the whole test part on every
executor, every spike, u and v compared (Lava's process graph on the first clips as asked, and on all its classes
without the runtime, which take a tenth of the time); the cores of Loihi 1 that a placement takes, which
keeps all limits of the chip. Writes benchmarks/results/hearing.{json,md}. A file that has not changed is not judged
again, but by Lava where it has run fewer clips than are asked for now. FOLDER holds runs by their names in
`heard_runs`, whose accuracies stand beside the programs'.
"""

import argparse
import json
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from heard_runs import finished, tables
from results import ended, into_page, write
from tabulate import tabulate

from exporters.program_file import ProgramFile, read_program_file
from sim.engines import run
from sim.errors import MissingToolError
from snn2hw.audio.spectra import Spectra
from snn2hw.costs.listening.frames import Frames
from snn2hw.costs.listening.listen import listening
from snn2hw.placement.place import place
from snn2hw.verification import verify
from snn2hw.zoo import FOLDER, cards, located

RESULTS = Path(__file__).resolve().parent / "results"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "zoo.md"
SCHEMA = "snn2hw.benchmark.hearing/1"
CORPORA = {
    "keywords": ("keywords", "speech_commands", ""),
    "digits": ("fsdd", "fsdd", ""),
    "digits4": ("fsdd", "fsdd", ""),
    "digits-ru": ("digits-ru", "digits_ru_synth", ""),
    "esc10": ("esc10", "esc10", "5"),
}
"""Program to the name and the folder of its data, and the fold that it is tested on, where there are any."""
EXECUTORS = ("fast", "onnx", "c")
TIMEOUT_S = 7200.0


def main() -> int:
    given = _arguments()
    path = RESULTS / "hearing.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"schema": SCHEMA, "programs": {}}
    for card in cards():
        name = card["name"]
        old = found["programs"].get(name, {})
        file = sha256(Path(located(f"zoo:{name}")).read_bytes()).hexdigest()
        known = old.get("digest") == card["digest"]
        proven = {part: old[part] for part in ("cores", "equal")} if known else {"cores": 0, "equal": {}}
        short = _short(proven["equal"], given.lava, _judged(old))
        if given.only and name not in given.only.split(","):
            continue
        if known and old.get("file", file) == file and "energy" in card and not short:
            continue
        program = read_program_file(located(f"zoo:{name}"))
        facts, raster, spectra = (_denoised if name == "denoise" else _classified)(name, program, given.data)
        _price(card, program, raster, spectra)
        if not known:  # a file whose program is the same may have another front end
            proven["cores"] = len(place(program.program, "loihi1", placer="greedy").cores)
            proven["equal"] = _proof(program, raster, EXECUTORS)
        if short or not known:
            proven["equal"] |= _in_lava(program, raster, given.lava)
        found["programs"][name] = {"digest": card["digest"], "file": file, **facts, **proven}
        print(name, json.dumps(found["programs"][name]), flush=True)
        write(path, json.dumps(found, indent=1) + "\n")
    if given.runs:
        found["runs"] = found.get("runs", {}) | dict(finished(given.runs))
        write(path, json.dumps(found, indent=1) + "\n")
    text = _tables(found["programs"]) + tables(found.get("runs", {}))
    write(RESULTS / "hearing.md", text)
    print(text)
    if given.page:
        into_page("hearing.py", text, PAGE)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only")
    parser.add_argument("--lava", type=int, default=0)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--page", action="store_true")
    return parser.parse_args()


def _classified(name: str, program: ProgramFile, data: Path) -> tuple[dict[str, Any], np.ndarray, Spectra]:
    """Return how many clips of the test part the program gets right, what it is fed, and its frames."""
    from snn2hw.audio.corpora import read_corpus
    from snn2hw.audio.hear import ear_of
    from snn2hw.train.stream_data import spoken, stream_recipe_for, stream_split
    from snn2hw.train.stream_fit import plain_messages
    from snn2hw.train.stream_program import Share

    task, folder, fold = CORPORA[name]
    ear = ear_of(program, name)
    recipe = replace(stream_recipe_for(task), front=ear.front, frames=ear.frames)
    corpus = read_corpus(task, data / folder, ear.front.spectra.rate_hz)
    clips = spoken(corpus, recipe).part(stream_split(corpus, recipe, fold=fold).test)
    raster = plain_messages(clips, recipe)[:, :, None, None, :].astype(np.int16)
    answers = run(program.program, raster, engine="fast", record=()).output.sum(axis=1).argmax(1)
    facts = {"integer": Share(int((answers == clips.labels).sum()), len(answers)).to_json()}
    return facts, raster, ear.front.spectra


def _denoised(name: str, program: ProgramFile, data: Path) -> tuple[dict[str, Any], np.ndarray, Spectra]:
    """Return gains and scores of the fixed pairs by ratio, as they stream, what the program is fed, and its frames."""
    from snn2hw.denoise.layouts import read_noisy
    from snn2hw.denoise.scores import pesq_of, si_snr, stoi_of
    from snn2hw.denoise.stream import denoised, heard_by, hearing_of

    hearing = hearing_of(program, name)
    rate_hz = hearing.front.spectra.rate_hz
    pairs = read_noisy(data / "denoise_16k", rate_hz).test
    rows: dict[str, dict[str, list[float]]] = {}
    for pair in pairs:
        said = denoised(pair.noisy, program, hearing)
        row = rows.setdefault(f"{pair.snr_db:g}", {})
        for what, score in (("si_snr", si_snr), ("stoi", stoi_of), ("pesq", pesq_of)):
            rest = () if what == "si_snr" else (rate_hz,)
            try:
                values = [score(sound, pair.clean, *rest) for sound in (pair.noisy, said)]
            except MissingToolError:
                continue
            for which, value in zip(("noisy", "denoised"), values, strict=True):
                row.setdefault(f"{what}_{which}", []).append(value)
    means = {ratio: {what: round(float(np.mean(v)), 8) for what, v in row.items()} for ratio, row in rows.items()}
    raster = np.stack([heard_by(pair.noisy, hearing.front) for pair in pairs])
    return {"pairs": len(pairs), "by_snr_db": means}, raster, hearing.front.spectra


def _price(card: dict[str, Any], program: ProgramFile, raster: np.ndarray, spectra: Spectra) -> None:
    """Write onto a card what a second of the test part costs, clip behind clip, beside the twin by shape."""
    messages = raster.reshape(len(raster) * raster.shape[1], -1)
    frames = Frames(messages, np.zeros(len(messages)), spectra.hop, spectra.rate_hz)
    cost = listening(program.program, frames)
    rows = [row for row in cost.rows if row.unit == "pJ" and not row.gated]
    card["energy"] = {
        "of": "a second of the test part, clip behind clip",
        "seconds": round(cost.seconds, 1),
        "twin": f"{cost.ann}, from all of its hidden activations zero to none of them",
        "nj_per_second": [
            {"table": row.table, "rule": row.rule, "snn": round(row.snn)}
            | ({} if row.ann is None else {"twin": [round(row.ann_least or 0.0), round(row.ann)]})
            for row in rows
        ],
    }
    write(FOLDER / f"{card['name']}.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def _short(equal: dict[str, Any], asked: int, clips: int) -> bool:
    """Return whether Lava has run fewer clips than are asked for."""
    run = equal.get("lava", {"clips": 0})["clips"]
    return bool(asked) and (run < min(asked, clips) or (run < clips and "lava-classes" not in equal))


def _in_lava(program: ProgramFile, raster: np.ndarray, asked: int) -> dict[str, Any]:
    """Return what Lava's process graph says of the first clips and, where these are not all, its classes of all."""
    parts = {"lava": raster[:asked]} | ({"lava-classes": raster} if asked < len(raster) else {}) if asked else {}
    return {name: _proof(program, part, (name,))[name] for name, part in parts.items()}


def _judged(facts: dict[str, Any]) -> int:
    """Return how many clips the test part of a program has, as far as it has been judged."""
    return int(facts["integer"]["clips"] if "integer" in facts else facts.get("pairs", 0))


def _proof(program: ProgramFile, raster: np.ndarray, executors: tuple[str, ...]) -> dict[str, Any]:
    """Return what executors say of clips, and the reference that each is compared with."""
    rows = verify(program.program, raster, against=executors, timeout_s=TIMEOUT_S).rows
    return {row.executor: {"verdict": row.status, "clips": len(raster), "values": row.values} for row in rows}


def _tables(programs: dict[str, Any]) -> str:
    known = {card["name"]: card for card in cards()}
    rows, proofs = [], []
    for name, facts in programs.items():
        card = known[name]
        proofs.append(
            (
                f"`zoo:{name}`",
                card["registers"]["neurons"],
                f"{card['registers']['weights']:,}",
                facts["cores"],
                ", ".join(_said(executor, row) for executor, row in facts["equal"].items()),
            )
        )
        if "integer" not in facts:
            continue
        parts = [_percent(card["accuracy"]["test"]["float"]), _percent(facts["integer"])]
        data = f"{card['data']['name']}, {card['data']['licence']}"
        bits = f"{card['registers']['weight_bits']} bit"
        rows.append(
            (f"`zoo:{name}`", len(card["classes"]), data, card["split"], *parts, bits, facts["integer"]["clips"])
        )
    heads = ("program", "classes", "data, licence", "split", "float", "integer", "weights", "clips")
    text = tabulate(rows, heads, tablefmt="github", disable_numparse=True) + "\n\n"
    if "denoise" in programs:
        text += _ratios(programs["denoise"]["by_snr_db"]) + "\n\n"
    heads = ("program", "neurons", "weights", "cores of Loihi 1", "whole test part, every spike, u and v")
    text += tabulate(proofs, heads, tablefmt="github", disable_numparse=True) + "\n\n"
    return text + _prices([known[name] for name in programs if "energy" in known[name]])


def _prices(judged: list[dict[str, Any]]) -> str:
    """Return the table of what a second costs on both sides."""
    rows = [
        (f"`zoo:{card['name']}`", *(_cost_said(row) for row in card["energy"]["nj_per_second"] if _shown(row)))
        for card in judged
    ]
    heads = [_table_said(row) for card in judged[:1] for row in card["energy"]["nj_per_second"] if _shown(row)]
    return tabulate(rows, ("nJ a second: program, its twin", *heads), tablefmt="github", disable_numparse=True) + "\n"


def _shown(row: dict[str, Any]) -> bool:
    return "twin" not in row or row["table"].startswith("cmos45_int8")


def _table_said(row: dict[str, Any]) -> str:
    return f"`{row['table']}`" + (f", {row['rule']}" if "twin" in row else "")


def _cost_said(row: dict[str, Any]) -> str:
    ends = [f"{end:,}" for end in dict.fromkeys(row.get("twin", ()))]
    return f"{row['snn']:,}" + (f", {' to '.join(ends)}" if ends else "")


def _ratios(by_snr_db: dict[str, dict[str, float]]) -> str:
    rows = []
    for ratio, row in by_snr_db.items():
        cells = [f"{ratio} dB", f"{row['si_snr_denoised'] - row['si_snr_noisy']:+.2f} dB"]
        for what in ("stoi", "pesq"):
            known = f"{what}_noisy" in row
            before, after = (row[f"{what}_{which}"] for which in ("noisy", "denoised")) if known else (0.0, 0.0)
            cells.append(f"{before:.3f}, {after:.3f} ({after - before:+.2g})" if known else "")
        rows.append(cells)
    scores = (f"{score} noisy, denoised (change)" for score in ("STOI", "PESQ"))
    heads = ("`zoo:denoise`, mixtures at", "gain in SI-SNR", *scores)
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _percent(facts: dict[str, Any]) -> str:
    low, high = facts["interval_95"]
    return f"{facts['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def _said(executor: str, row: dict[str, Any]) -> str:
    return f"{executor}: {row['verdict']} ({row['clips']} clips)"


if __name__ == "__main__":
    sys.exit(ended(main))
