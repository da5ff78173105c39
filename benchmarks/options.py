"""What options of the compiler do to a small network: how many decisions differ from the float network's.

    python -m benchmarks.options             # train, compile, measure; benchmarks/results/options.{json,png}
    python -m benchmarks.options --draw      # draw what was measured again

The network is the tutorial's: its page is read, the code in it is run.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.files import write_bytes
from snn2hw.drawing import new_figure, save_figure

RESULTS = Path(__file__).parent / "results"
TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
SEEDS, WIDTHS, SIZES = (0, 1, 2), (8, 6, 4, 3, 2), (1, 4, 16, 64, 256)
PANELS: dict[str, dict[str, dict[str, Any]]] = {
    "--method": {"mse (default)": {}, "percentile": {"method": "percentile"}, "max": {"method": "max"}},
    "--per": {"channel (default)": {}, "layer": {"per": "layer"}},
    "--bias": {"axon (default)": {}, "preset": {"bias": "preset"}, "register": {"bias": "register"}},
}
"""Panel to its lines, and each line to the options that make it; all of them over the bits of a weight."""


def networks() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Train the tutorial's network from each seed; yield it as a Source, with what makes its data."""
    import torch

    import snn2hw as sw

    text = re.search(r"^```python file=mynet.py\n(.*?)^```$", TUTORIAL.read_text(), re.DOTALL | re.MULTILINE)
    assert text is not None
    names: dict[str, Any] = {"__name__": "mynet"}
    exec(compile(text[1], "mynet.py", "exec"), names)
    for seed in SEEDS:
        torch.manual_seed(seed)
        spikes, labels = names["patterns"](512, seed=2 * seed)
        net = names["Net"]()
        torch.nn.init.uniform_(net.first.weight, -1.0, 3.0)
        inputs = torch.tensor(spikes, dtype=torch.float32).transpose(0, 1)
        names["fit"](net, inputs, torch.tensor(labels), 100)
        yield sw.from_norse(net, input_shape=(16,)), names["patterns"]


def differing(source: Any, calibration: Any, judged: Any, **options: Any) -> float:
    """Return the share of decisions of the hidden layer that differ, on samples that were not calibrated on."""
    import snn2hw as sw

    program = sw.compile(source, target="loihi1", data=calibration, **options)
    ours = sw.run(program, judged, record=("spikes",)).spikes["hidden"]
    return float((ours != sw.float_reference(source, judged).spikes["hidden"]).mean())


def measured() -> dict[str, Any]:
    """Return, for every panel and line, the shares over what its axis counts: a list of one per seed."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {panel: {} for panel in (*PANELS, "--data")}
    for source, patterns in networks():
        data, judged = patterns(256, seed=100)[0], patterns(200, seed=101)[0]
        for panel, lines in PANELS.items():
            for line, options in lines.items():
                rows = found[panel].setdefault(line, {str(bits): [] for bits in WIDTHS})
                for bits in WIDTHS:
                    rows[str(bits)].append(differing(source, data, judged, weight_bits=bits, **options))
        for bits in (8, 4, 3):
            rows = found["--data"].setdefault(f"{bits} bits", {str(size): [] for size in SIZES})
            for size in SIZES:
                rows[str(size)].append(differing(source, data[:size], judged, weight_bits=bits))
    return found


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw a panel for each option: means over the seeds, with the least and the greatest."""
    figure, panels = new_figure(10.5, 7.0, rows=2, columns=2)
    for axes, (panel, lines) in zip(panels, found.items(), strict=True):
        for line, rows in lines.items():
            x, values = [int(key) for key in rows], 100 * np.array(list(rows.values()))
            mean = values.mean(axis=1)
            spread = np.stack([mean - values.min(axis=1), values.max(axis=1) - mean])
            axes.errorbar(x, mean, spread, marker="o", markersize=4, capsize=2, linewidth=1.4, label=line)
        over = "samples to calibrate on" if panel == "--data" else "bits per weight"
        axes.set(title=panel, xlabel=over, ylabel="decisions that differ, %", yscale="log")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8)
        if panel == "--data":
            axes.set_xscale("log", base=2)
            axes.set_xticks(SIZES, [str(size) for size in SIZES])
        else:
            axes.set_xticks(WIDTHS)
    save_figure(figure, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="draw what was measured again")
    file = RESULTS / "options.json"
    if not parser.parse_args().draw:
        write_bytes(file, (json.dumps(measured(), indent=1) + "\n").encode())
    draw(json.loads(file.read_text(encoding="utf-8")), RESULTS / "options.png")
