"use strict";
/* The graph of populations, and the picture of an input. */
(() => {
  const { need, svg, html, shade, reachable, kinds } = Report;
  const BOX = { widest: 190, least: 138, height: 66, across: 34, down: 30 };

  /* Ranks go from left to right where they fit, else from top to bottom. */
  function graph(spec, plot) {
    need(spec.nodes && spec.nodes.length && Array.isArray(spec.edges), "no boxes");
    const room = Math.max(240, plot.clientWidth);
    const ranks = Math.max(...spec.nodes.map((n) => n.rank)) + 1;
    const widest = Math.max(...spec.nodes.map((n) => n.place)) + 1;
    const each = (room - (ranks - 1) * BOX.across - 8) / ranks;
    const lying = each >= BOX.least;
    const box = Math.min(BOX.widest, lying ? each : (room - 60) / widest - 12);
    const pitch = lying ? BOX.height + 30 : box + 16;
    const cross = widest * pitch;
    const at = new Map();
    const beside = new Map();
    for (const node of spec.nodes) beside.set(node.rank, Math.max(beside.get(node.rank) || 0, node.place + 1));
    for (const node of spec.nodes) {
      const along = node.rank * (lying ? box + BOX.across : BOX.height + BOX.down);
      const free = (cross - beside.get(node.rank) * pitch) / 2;
      const over = free + node.place * pitch;
      at.set(node.id, lying ? { x: along + 4, y: over + 20 } : { x: over + 4, y: along + 4 });
    }
    const width = lying ? room : Math.max(room, cross + 60);
    const height = lying ? cross + 6 : ranks * (BOX.height + BOX.down) - BOX.down + 8;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": `${spec.id}-title`,
      "aria-describedby": `${spec.id}-said` });
    const head = svg("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse" },
      svg("path", { d: "M0 0 8 4 0 8z", class: "arrow" }));
    picture.append(svg("defs", {}, head));
    for (const edge of spec.edges) picture.append(arrow(edge, at, lying, box));
    const titles = new Map(spec.nodes.map((n) => [n.id, n.title]));
    const into = (node) => spec.edges.filter((e) => e.target === node.id);
    const marks = spec.nodes.map((node) => {
      const { x, y } = at.get(node.id);
      const element = svg("rect", { class: "node", x, y, width: box, height: BOX.height, rx: 7 });
      const most = Math.floor((box - 16) / 6.4);
      const cut = (text) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);
      picture.append(svg("g", { class: "box" }, element, svg("text", { x: x + 9, y: y + 21, "font-weight": 600, ...squeezed(node.title, box) }, cut(node.title)),
        svg("text", { class: "dim", x: x + 9, y: y + 38 }, cut(node.detail)),
        svg("text", { class: "dim", x: x + 9, y: y + 54 }, cut([...new Set(into(node).map((e) => e.label))].join(", ")))));
      const target = svg("rect", { x, y, width: box, height: BOX.height, fill: "transparent" });
      picture.append(target);
      const read = into(node).map((e) => `reads ${titles.get(e.source)}: ${e.label}`);
      return { element, target, text: [`${node.title}: ${node.detail}`, ...read].join("\n") };
    });
    plot.append(picture);
    reachable(picture, marks);
    return marks.length;
  }

  /* A bold text that would leave its box is set closer. */
  function squeezed(text, box) {
    return text.length * 8.3 > box - 16 ? { textLength: box - 16, lengthAdjust: "spacingAndGlyphs" } : {};
  }

  function arrow(edge, at, lying, box) {
    const [a, b] = [at.get(edge.source), at.get(edge.target)];
    need(a && b, `an arrow from ${edge.source} to ${edge.target}, which are no boxes`);
    const middle = (p) => (lying ? p.y + BOX.height / 2 : p.x + box / 2);
    let path;
    if (edge.back) {
      path = lying ? `M${a.x + box * 0.7} ${a.y} C${a.x + box * 0.7} ${a.y - 26} ${b.x + box * 0.3} ${b.y - 26} ${b.x + box * 0.3} ${b.y}`
        : `M${a.x + box} ${a.y + 34} C${a.x + box + 44} ${a.y + 34} ${b.x + box + 44} ${b.y + 14} ${b.x + box} ${b.y + 14}`;
    } else if (lying) {
      const [x1, x2] = [a.x + box, b.x - 2];
      path = `M${x1} ${middle(a)} C${(x1 + x2) / 2} ${middle(a)} ${(x1 + x2) / 2} ${middle(b)} ${x2} ${middle(b)}`;
    } else {
      const [y1, y2] = [a.y + BOX.height, b.y - 2];
      path = `M${middle(a)} ${y1} C${middle(a)} ${(y1 + y2) / 2} ${middle(b)} ${(y1 + y2) / 2} ${middle(b)} ${y2}`;
    }
    return svg("path", { class: edge.back ? "edge back" : "edge", d: path, "marker-end": "url(#head)" });
  }

  function mixed(from, to, share) {
    return from.map((v, i) => Math.round(v + (to[i] - v) * share));
  }

  function rgb(colour) {
    const found = colour.match(/^#(..)(..)(..)$/);
    need(found, `no colour: ${colour}`);
    return found.slice(1).map((h) => parseInt(h, 16));
  }

  /* Values as shades, from the bottom up; what is below 0 has a colour of its own. */
  function picture(spec, plot, view) {
    const { width, height, values } = view.data;
    need(width && height && Array.isArray(values) && values.length === width * height, "no values");
    const canvas = html("canvas", { class: "picture", width, height, role: "img", "aria-labelledby": `${spec.id}-title`,
      "aria-describedby": `${spec.id}-said` });
    canvas.style.aspectRatio = `${width} / ${Math.max(height, width / 3)}`;
    const most = Math.max(...values.map(Math.abs)) || 1;
    const [paper, ink, below] = ["--heat0", "--heat1", "--heat-"].map((name) => rgb(shade(name)));
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    values.forEach((value, i) => {
      const row = height - 1 - Math.floor(i / width);
      const place = 4 * (row * width + (i % width));
      image.data.set([...mixed(paper, value < 0 ? below : ink, Math.abs(value) / most), 255], place);
    });
    context.putImageData(image, 0, 0);
    plot.append(canvas, html("p", { class: "axis-note" }, `${spec.x_label} to the right, ${spec.y_label} upward; ${spec.said}`));
    return values.length;
  }

  Object.assign(kinds, { graph, picture });
})();
