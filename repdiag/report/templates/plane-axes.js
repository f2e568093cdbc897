// Ends of an axis: with the ceilings, or the paths and their intervals alone.
function ends(figures, whole) {
  const every = figures.flatMap((one) => defined([...one.value, ...one.low, ...one.high]));
  // A ceiling three times as far away as all figures would press them into a corner: words point to it.
  const near = (most) => !every.length || most < 3 * Math.max(...every);
  const ceilings = whole ? defined(figures.map((one) => one.ceiling)).filter(near) : [];
  if (!every.length && !ceilings.length) return [-0.05, 1];
  const bounds = [...every, ...ceilings, ...(whole ? [0] : [])];
  const [low, high] = [Math.min(...bounds), Math.max(...bounds)];
  const spare = 0.06 * (high - low || Math.abs(high) || 1);
  return [whole && low === 0 ? -spare / 2 : low - spare, high + spare];
}

// Where the panels lie: blocks side by side or under each other, each of `rows` panels of about `tall` pixels.
function grid(drawn, rows, tall) {
  const columns = columnsFor(drawn.estimators.length);
  const blocks = Math.ceil(drawn.estimators.length / columns);
  const [inner, outer, wide] = [36, narrow() ? 118 : 100, columns > 1 ? 0.1 : 0];
  const block = rows * tall + (rows - 1) * inner;
  const inside = blocks * block + (blocks - 1) * outer;
  const width = (1 - wide * (columns - 1)) / columns;
  return {
    height: inside + MARGIN.t + MARGIN.b,
    inside,
    domains(panel, row) {
      const [left, above] = [(panel % columns) * (width + wide), Math.floor(panel / columns) * (block + outer) + row * (tall + inner)];
      return [[left, left + width], [1 - (above + tall) / inside, 1 - above / inside].map((share) => Math.min(1, Math.max(0, share)))];
    },
  };
}

const panelTitle = (drawn, panel, id, more) => {
  const name = plane.setup.dims.estimator[drawn.estimators[panel]];
  return { xref: `${axisName("x", id)} domain`, yref: `${axisName("y", id)} domain`, x: 0, y: 1, xanchor: "left", yanchor: "bottom", yshift: 19, showarrow: false, text: `<b>${name}</b>${more}`, font: { size: 13.5, color: colours().ink } };
};

// A ceiling as a line with words: the largest of the panel's, upright for I(X;T).
function ceiling(figures, id, upright, range, fallback) {
  const most = Math.max(...defined(figures.map((one) => one.ceiling)));
  if (!Number.isFinite(most)) return { shapes: [], annotations: [] };
  const { muted } = colours();
  const [x, y] = [axisName("x", id), axisName("y", id)];
  const words = `${figures.find((one) => one.ceiling === most).word || fallback} = ${digits(most)}`;
  const note = { showarrow: false, font: { size: 11.5, color: muted } };
  if (most > range[1] || most < range[0]) {
    const corner = upright ? { x: 1, xanchor: "right", yanchor: "bottom", text: `${words} →` } : { x: 0, xanchor: "left", yanchor: "bottom", text: `${words} ↑` };
    return { shapes: [], annotations: [{ ...note, xref: `${x} domain`, yref: `${y} domain`, y: 1, ...corner }] };
  }
  const place = upright ? { xref: x, yref: `${y} domain`, x0: most, x1: most, y0: 0, y1: 1 } : { xref: `${x} domain`, yref: y, x0: 0, x1: 1, y0: most, y1: most };
  const at = upright ? { xref: x, yref: `${y} domain`, x: most, y: 1, xanchor: "right", yanchor: "bottom", xshift: 12 } : { xref: `${x} domain`, yref: y, x: 0, y: most, xanchor: "left", yanchor: "bottom" };
  return {
    shapes: [{ type: "line", layer: "below", ...place, line: { color: muted, width: 1.2, dash: "dash" } }],
    annotations: [{ ...note, ...at, text: words }],
  };
}

// I(T;Y) with shuffled labels at each I(X;T): the hull of all points of a panel, in even stretches.
function nullBand(held, panel, range) {
  const points = held.flatMap((path) => (path.y.null ? path.x.value.map((x, i) => [x, path.y.null_low[i] ?? path.y.null[i], path.y.null_high[i] ?? path.y.null[i]]) : []));
  const known = points.filter((point) => point.every((value) => value !== null)).sort((a, b) => a[0] - b[0]);
  if (!known.length) return [];
  const width = (range[1] - range[0]) / 24;
  const hull = new Map();
  for (const [x, low, high] of known) {
    const key = Math.floor((x - range[0]) / width);
    const had = hull.get(key) || [x, x, low, high];
    hull.set(key, [had[0], x, Math.min(had[2], low), Math.max(had[3], high)]);
  }
  const parts = [...hull.values()];
  if (parts.length === 1) [parts[0][0], parts[0][1]] = [parts[0][0] - width / 2, parts[0][1] + width / 2];
  const [tops, feet] = [3, 2].map((end) => parts.flatMap((part) => [[part[0], part[end]], [part[1], part[end]]]));
  const outline = [...tops, ...feet.reverse()];
  return [{ type: "scatter", mode: "lines", x: outline.map((point) => point[0]), y: outline.map((point) => point[1]), xaxis: axisName("x", panel), yaxis: axisName("y", panel), fill: "toself", fillcolor: faded(colours().muted, 0.22), line: { width: 0 }, hoverinfo: "skip", showlegend: false }];
}

