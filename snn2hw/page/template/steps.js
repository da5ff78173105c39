"use strict";
/* Charts over steps, by uPlot: curves and spikes, zoomed by dragging, by buttons and by keys. */
(() => {
  const { written, marked, need, html, colours, shade, showTip, hideTip, kinds } = Report;

  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5];

  function axes(spec, form) {
    const common = { stroke: shade("--soft"), font: "11.5px system-ui, sans-serif", grid: { stroke: shade("--grid"), width: 1 },
      ticks: { stroke: shade("--grid"), width: 1, size: 4 } };
    return [
      { ...common, label: spec.x_label, labelSize: 18, labelFont: common.font, size: 30, incrs: WHOLE },
      { ...common, ...(spec.kind === "spikes" ? { incrs: WHOLE } : {}), label: spec.y_label, labelSize: 18, labelFont: common.font, size: (self, values) => 14 + 6.6 * Math.max(1, ...(values || []).map((v) => v.length)),
        values: (self, found) => found.map((v) => (v === null ? "" : marked(v, form))) },
    ];
  }

  function framed(spec, plot, options, data, whole, read) {
    const area = html("div", { tabindex: "0", role: "group", "aria-labelledby": `${spec.id}-title`,
      ...(spec.said ? { "aria-describedby": `${spec.id}-said` } : {}), class: "steps" });
    plot.append(area);
    const width = Math.max(240, plot.clientWidth);
    const x = { time: false, range: (self, low, high) => (low === null || low === high ? [whole.min, whole.max] : [low, high]) };
    const cursor = { drag: { x: true, y: false, dist: 4 }, bind: { dblclick: () => () => reset() }, ...options.cursor };
    const chart = new uPlot({ width, legend: { show: false }, ...options, cursor, scales: { x, y: options.y } }, data, area);
    const reset = () => chart.setScale("x", whole);
    const zoom = (factor) => {
      const { min, max } = chart.scales.x;
      const centre = chart.cursor.idx === null || chart.cursor.idx === undefined ? (min + max) / 2 : data[0][chart.cursor.idx];
      const half = Math.max(1, ((max - min) * factor) / 2);
      chart.setScale("x", { min: Math.max(whole.min, centre - half), max: Math.min(whole.max, centre + half) });
    };
    let at = -1;
    const go = (index) => {
      at = Math.max(0, Math.min(data[0].length - 1, index));
      const { min, max } = chart.scales.x;
      const step = data[0][at];
      if (step < min || step > max) chart.setScale("x", { min: Math.max(whole.min, step - (max - min) / 2), max: Math.min(whole.max, step + (max - min) / 2) });
      const left = chart.valToPos(step, "x");
      chart.setCursor({ left, top: 10 }, false);
      const box = chart.over.getBoundingClientRect();
      showTip(read(at), box.left + left, box.top + 4);
    };
    area.addEventListener("keydown", (event) => {
      const keys = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(data[0].length - 1),
        "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: reset, Escape: () => { reset(); hideTip(); } };
      if (!(event.key in keys)) return;
      keys[event.key]();
      event.preventDefault();
    });
    area.addEventListener("blur", hideTip);
    chart.over.addEventListener("pointermove", (event) => {
      const { idx } = chart.cursor;
      if (idx !== null && idx !== undefined) showTip(read(idx), event.clientX, event.clientY);
    });
    chart.over.addEventListener("pointerleave", hideTip);
    for (const [text, act, name] of [["+", () => zoom(0.5), "Zoom in"], ["\u2212", () => zoom(2), "Zoom out"], ["Whole", reset, "Show all steps"]]) {
      const button = html("button", { type: "button", "aria-label": `${name}: ${spec.title}`, "data-zoom": name }, text);
      button.addEventListener("click", act);
      plot.closest("figure").querySelector(".controls").append(button);
    }
    area.chart = chart;
    reset();
    return chart;
  }

  function curves(spec, plot, view) {
    const { names, series, level } = view.data;
    need(Array.isArray(names) && Array.isArray(series) && series.length && series.length === names.length, "no lines");
    need(series.every((line) => line.length && line.length === series[0].length), "lines of different lengths");
    const steps = series[0].map((_, i) => i);
    const palette = [...colours(names).values()];
    const dashes = (i) => (i >= 6 ? [6, 4] : []);
    const values = series.flat().concat(level === undefined ? [] : [level]);
    let [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    const margin = (high - low || 1) * 0.04;
    [low, high] = [low - margin, high + margin];
    const lines = names.map((name, i) => ({ label: name, stroke: shade(palette[i]), width: 1.8, dash: dashes(i), points: { show: steps.length < 40, size: 5, fill: shade(palette[i]) } }));
    const threshold = (chart) => {
      if (level === undefined) return;
      const y = chart.valToPos(level, "y", true);
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.strokeStyle = shade("--ink");
      ctx.setLineDash([7, 5]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.restore();
    };
    const end = Math.max(steps.length - 1, 1);
    framed(spec, plot, { height: 280, axes: axes(spec, spec.form), series: [{}, ...lines], hooks: { draw: [threshold] },
      y: { range: [low, high] } }, [steps, ...series], { min: 0, max: end }, (i) => [`${spec.x_label} ${steps[i]}`, ...names.map((n, k) => `${n}: ${written(series[k][i], spec.form)}`)].join("\n"));
    const list = html("ul", { class: "legend" });
    names.forEach((name, i) => list.append(html("li", {}, html("span", { class: "swatch", style: `background:var(${palette[i]})${i >= 6 ? ";height:0.3rem" : ""}` }), name)));
    if (level !== undefined) list.append(html("li", {}, `dashed line: threshold ${written(level, spec.form)}`));
    plot.append(list);
    return series.length;
  }

  function spikes(spec, plot, view) {
    const { steps, neurons, drawn, t, n } = view.data;
    need(steps > 0 && neurons > 0 && Array.isArray(t) && Array.isArray(n) && t.length === n.length, "no spikes");
    const each = Array.from({ length: steps }, () => 0);
    t.forEach((step) => { each[step] += 1; });
    const paint = (chart) => {
      const { ctx, bbox } = chart;
      const tall = Math.max(1.5, Math.abs(chart.valToPos(0, "y", true) - chart.valToPos(1, "y", true)) * 0.82);
      const wide = Math.max(1.2, Math.min(14 * devicePixelRatio, Math.abs(chart.valToPos(1, "x", true) - chart.valToPos(0, "x", true)) * 0.62));
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = shade("--c1");
      for (let i = 0; i < t.length; i += 1) {
        ctx.fillRect(chart.valToPos(t[i], "x", true) - wide / 2, chart.valToPos(n[i], "y", true) - tall / 2, wide, tall);
      }
      ctx.restore();
    };
    framed(spec, plot, { height: 320, axes: axes(spec, "count"), hooks: { draw: [paint] },
      series: [{}, { stroke: "transparent", points: { show: false } }],
      y: { range: [-0.5, neurons - 0.5] }, cursor: { points: { show: false } } },
      [each.map((_, i) => i), each.map(() => 0)], { min: -0.5, max: steps - 0.5 }, (i) => `${spec.x_label} ${i}\nspikes of the neurons drawn: ${written(each[i], "count")}`);
    plot.append(html("p", { class: "axis-note" }, `${drawn} neurons drawn, ${written(t.length, "count")} spikes in ${written(steps, "count")} steps`));
    return Math.max(1, t.length);
  }

  Object.assign(kinds, { curves, spikes });
})();
