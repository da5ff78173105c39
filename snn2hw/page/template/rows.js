"use strict";
/* Bars, bands, columns and distributions: SVG whose colours are the theme's own. */
(() => {
  const { written, marked, need, svg, colours, legend, ticks, reachable, kinds } = Report;
  const NARROW = 520;
  const GLYPH = 7.2;

  function textWidth(texts) {
    return Math.max(...texts.map((t) => t.length)) * GLYPH;
  }

  function fitted(text, pixels) {
    const most = Math.max(4, Math.floor(pixels / GLYPH));
    return text.length <= most ? text : `${text.slice(0, most - 1)}\u2026`;
  }

  function frame(spec, width, height) {
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": `${spec.id}-title`,
      ...(spec.said ? { "aria-describedby": `${spec.id}-said` } : {}) });
  }

  function said(mark, spec) {
    const amount = mark.low !== null && mark.high !== null
      ? `${written(mark.low, spec.form)} to ${written(mark.high, spec.form)}, ${written(mark.value, spec.form)}`
      : written(mark.value, spec.form);
    return [`${mark.label}${mark.group ? `, ${mark.group}` : ""}: ${amount}`, mark.note].filter(Boolean).join("\n");
  }

  /* From values to pixels: straight, or by powers of ten. */
  function scaleOf(spec, from, to) {
    const values = spec.marks.flatMap((m) => [m.low, m.value, m.high]).filter((v) => v !== null);
    need(values.length && values.every(Number.isFinite), "no value to draw");
    if (spec.log) {
      const positive = values.filter((v) => v > 0);
      need(positive.length, "no value above 0 on an axis of powers of ten");
      const low = Math.floor(Math.log10(Math.min(...positive)));
      const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
      const place = (v) => from + ((Math.log10(Math.max(v, 10 ** low)) - low) / (high - low)) * (to - from);
      const all = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
      const every = Math.ceil(all.length / Math.max(2, (to - from) / 70));
      return { place, steps: all.filter((_, i) => i % every === 0), zero: from };
    }
    const limited = spec.limit === null || spec.limit === undefined ? values : [...values, spec.limit];
    const close = spec.kind === "bands" && Math.min(...values) > 0;
    const least = Math.min(...values);
    const top = Math.max(...limited);
    const low = close ? Math.max(0, least - 0.15 * (top - least || top)) : Math.min(0, least);
    const high = Math.max(...limited, low) || 1;
    const place = (v) => from + ((v - low) / (high - low || 1)) * (to - from);
    return { place, steps: ticks(low, high, Math.max(2, (to - from) / 90)), zero: place(Math.max(low, 0)) };
  }

  /* One row per mark; the same label is not written twice in a row. */
  function rows(spec, plot) {
    need(spec.marks && spec.marks.length, "no marks");
    const width = Math.max(240, plot.clientWidth);
    const wanted = textWidth(spec.marks.map((m) => m.label)) + 12;
    const narrow = width < NARROW && wanted > width * 0.3;
    const room = Math.min(wanted, width * 0.36);
    const left = narrow ? 2 : room;
    const right = width - textWidth(spec.marks.map((m) => written(m.high ?? m.value, spec.form))) - 14;
    const palette = colours(spec.marks.map((m) => m.group), spec.groups);
    const axis = scaleOf(spec, left, right);
    const heads = spec.marks.map((m, i) => i === 0 || spec.marks[i - 1].label !== m.label);
    let y = 4;
    const tops = spec.marks.map((_, i) => {
      y += heads[i] ? (narrow ? 22 : 8) : 0;
      const top = y;
      y += 19;
      return top;
    });
    const height = y + 26;
    const picture = frame(spec, width, height);
    for (const step of axis.steps) {
      const x = axis.place(step);
      picture.append(svg("line", { class: "gridline", x1: x, x2: x, y1: 2, y2: y + 4 }),
        svg("text", { class: "dim", x, y: y + 20, "text-anchor": x < left + 14 ? "start" : "middle" }, marked(step, spec.form)));
    }
    const marks = spec.marks.map((mark, i) => {
      const group = svg("g", {});
      const top = tops[i];
      if (heads[i]) {
        const label = svg("text", { x: narrow ? left : left - 10, y: narrow ? top - 5 : top + 13,
          "text-anchor": narrow ? "start" : "end" }, fitted(mark.label, narrow ? width - 8 : room));
        group.append(label);
      }
      group.append(...(spec.kind === "bars" ? bar(mark, axis, top, palette) : band(mark, axis, top, palette)));
      const end = Math.max(axis.place(mark.high ?? mark.value), axis.place(mark.value ?? mark.high));
      group.append(svg("text", { class: "dim", x: Math.max(end, axis.zero) + 7, y: top + 13 }, written(mark.value, spec.form)));
      const target = svg("rect", { x: 0, y: top - 3, width, height: 21, fill: "transparent" });
      picture.append(group, target);
      return { element: group.querySelector("rect, circle"), target, text: said(mark, spec) };
    });
    if (spec.limit !== null && spec.limit !== undefined) {
      const x = axis.place(spec.limit);
      picture.append(svg("line", { class: "limit", x1: x, x2: x, y1: 2, y2: y + 4 }));
    }
    plot.append(picture);
    if (new Set(spec.marks.map((m) => m.group)).size > 1) plot.append(legend(palette, spec.marks.map((m) => m.group)));
    reachable(picture, marks);
    return marks.length;
  }

  function bar(mark, axis, top, palette) {
    need(mark.value !== null, "a bar without a value");
    const [a, b] = [axis.zero, axis.place(mark.value)].sort((x, y) => x - y);
    return [svg("rect", { x: a, y: top, width: Math.max(b - a, 1), height: 15, rx: 2, fill: `var(${palette.get(mark.group)})` })];
  }

  function band(mark, axis, top, palette) {
    const fill = `var(${palette.get(mark.group)})`;
    const parts = [];
    if (mark.low !== null && mark.high !== null) {
      const [a, b] = [axis.place(mark.low), axis.place(mark.high)];
      parts.push(svg("rect", { x: a, y: top + 3, width: Math.max(b - a, 2), height: 9, rx: 4.5, fill, "fill-opacity": 0.4 }));
    }
    if (mark.value !== null) parts.push(svg("circle", { cx: axis.place(mark.value), cy: top + 7.5, r: 4.5, fill }));
    need(parts.length, "a band without ends");
    return parts;
  }

  /* Columns beside one another, each under a value of x. */
  function upright(spec, plot, columns, axisX, form, yLabel) {
    const width = Math.max(240, plot.clientWidth);
    const height = 222;
    const most = Math.max(...columns.map((c) => c.value), spec.limit ?? 0) || 1;
    const left = textWidth(ticks(0, most, 4).map((t) => marked(t, form))) + 12;
    const [top, bottom] = [26, height - 34];
    const step = Math.min(56, (width - left - 4) / columns.length);
    const place = (v) => bottom - (v / most) * (bottom - top);
    const picture = frame(spec, width, height);
    picture.append(svg("text", { class: "dim", x: 0, y: 10 }, yLabel));
    for (const tick of ticks(0, most, 4)) {
      const y = place(tick);
      picture.append(svg("line", { class: "gridline", x1: left, x2: width, y1: y, y2: y }),
        svg("text", { class: "dim", x: left - 6, y: y + 4, "text-anchor": "end" }, marked(tick, form)));
    }
    const marks = columns.map((column, i) => {
      const x = left + i * step;
      const gap = step > 6 ? 1.5 : step > 3 ? 0.5 : 0;
      const y = place(column.value);
      const element = svg("rect", { x: x + gap / 2, y: Math.min(y, bottom - (column.value > 0 ? 1.5 : 0)),
        width: Math.max(step - gap, 0.6), height: Math.max(bottom - y, column.value > 0 ? 1.5 : 0), fill: `var(${column.colour})` });
      const target = svg("rect", { x, y: top, width: step, height: bottom - top, fill: "transparent" });
      picture.append(element, target);
      return { element, target, text: column.text };
    });
    for (const [index, text] of axisX) {
      const x = left + (index + 0.5) * step;
      const anchor = x > width - 24 ? "end" : x < left + 16 ? "start" : "middle";
      picture.append(svg("text", { class: "dim", x, y: bottom + 15, "text-anchor": anchor }, text));
    }
    picture.append(svg("text", { class: "dim", x: left, y: height - 3 }, spec.x_label));
    if (spec.limit) picture.append(svg("line", { class: "limit", x1: left, x2: width, y1: place(spec.limit), y2: place(spec.limit) }));
    plot.append(picture);
    reachable(picture, marks);
    return marks.length;
  }

  function columnChart(spec, plot) {
    need(spec.marks && spec.marks.length, "no marks");
    need(spec.marks.every((m) => Number.isFinite(m.value)), "a column without a value");
    const palette = colours(spec.marks.map((m) => m.group), spec.groups);
    const columns = spec.marks.map((m) => ({ value: m.value, colour: palette.get(m.group), text: said(m, spec) }));
    const drawn = upright(spec, plot, columns, [], spec.form, "use");
    if (new Set(spec.marks.map((m) => m.group)).size > 1) plot.append(legend(palette, spec.marks.map((m) => m.group)));
    return drawn;
  }

  function distribution(spec, plot, view) {
    const { x, count, form, width } = view.data;
    need(Array.isArray(x) && Array.isArray(count) && x.length && x.length === count.length, "no values to count");
    const held = (i) => (width > 1 ? `${written(x[i], form)} to ${written(x[i] + width - 1, form)}` : written(x[i], form));
    const columns = count.map((n, i) => ({ value: n, colour: "--c1", text: `${spec.x_label}: ${held(i)}\n${spec.y_label}: ${written(n, "count")}` }));
    const every = Math.max(1, Math.ceil(x.length / (plot.clientWidth < NARROW ? 4 : 9)));
    const axis = x.map((v, i) => [i, written(v, form)]).filter(([i]) => i % every === 0);
    return upright(spec, plot, columns, axis, "count", spec.y_label);
  }

  Object.assign(kinds, { bars: rows, bands: rows, columns: columnChart, distribution });
})();
