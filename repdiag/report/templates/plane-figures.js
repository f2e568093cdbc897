const HOVER = "%{customdata}<extra>%{fullData.name}</extra>";
const axesOf = (id) => ({ xaxis: axisName("x", id), yaxis: axisName("y", id), showlegend: false });
const hasBoth = (path, i) => path.x.value[i] !== null && path.y.value[i] !== null;
const hasOne = (path, i) => path.x.value[i] !== null || path.y.value[i] !== null;

// Crosses at the edge of a panel for the points `indices` of a path.
function edgeTrace(path, indices, x, y, id) {
  return {
    type: "scatter", mode: "markers", ...axesOf(id), name: path.name, meta: { at: indices.map((i) => path.at[i]) }, x, y, cliponaxis: false,
    customdata: indices.map((i) => pointText(path, i)), hovertemplate: HOVER, marker: { symbol: "x-thin", size: 9, line: { color: path.colour, width: 2 } },
  };
}

function errorBar(figure, count, colour) {
  const values = figure.value.slice(0, count);
  const array = values.map((value, i) => (figure.high[i] ?? value) - value);
  const arrayminus = values.map((value, i) => value - (figure.low[i] ?? value));
  return { type: "data", symmetric: false, array, arrayminus, color: faded(colour, 0.45), thickness: 1, width: 0 };
}

// The path up to the marked checkpoint.
function trailTrace(path, count, id) {
  const at = path.at.slice(0, count);
  const open = at.map((_, i) => openness(path, i));
  const edges = { color: at.map((one, i) => (open[i] ? momentColour(one) : colours().surface)), width: open.map((one) => (one ? 2 : 0.8)) };
  return {
    type: "scatter", mode: "lines+markers", ...axesOf(id), name: path.name, meta: { at }, x: path.x.value.slice(0, count), y: path.y.value.slice(0, count),
    error_x: errorBar(path.x, count, path.colour), error_y: errorBar(path.y, count, path.colour), line: { color: path.colour, width: path.width, dash: path.dash },
    marker: { symbol: open.map((one) => path.symbol + one), size: path.width > 1 ? 9 : 5, color: at.map(momentColour), line: edges },
    customdata: at.map((_, i) => pointText(path, i)), hovertemplate: HOVER,
  };
}

function planeTraces(drawn, path, ranges) {
  const id = panelOf(drawn, path);
  const count = path.at.filter((at) => at <= plane.at).length;
  const ghost = { type: "scatter", mode: "lines", ...axesOf(id), x: path.x.value, y: path.y.value, line: { color: faded(path.colour, 0.3), width: path.width, dash: path.dash }, hoverinfo: "skip" };
  const traces = count < path.at.length ? [ghost, trailTrace(path, count, id)] : [trailTrace(path, count, id)];
  const edge = path.at.flatMap((_, i) => (i < count && hasOne(path, i) && !hasBoth(path, i) ? [i] : []));
  const place = (kind) => edge.map((i) => path[kind].value[i] ?? ranges[id][kind][0]);
  return edge.length ? [...traces, edgeTrace(path, edge, place("x"), place("y"), id)] : traces;
}

// What a name must not lie on: the points of a path and the lines between them.
function spots(drawn, path) {
  const panel = panelOf(drawn, path);
  const dots = path.at.flatMap((_, i) => (hasBoth(path, i) ? [{ panel, half: [4, 4], x: path.x.value[i], y: path.y.value[i] }] : []));
  const between = (share) => dots.slice(1).map((dot, i) => ({ ...dot, x: dots[i].x + share * (dot.x - dots[i].x), y: dots[i].y + share * (dot.y - dots[i].y) }));
  return [...dots, ...[0.25, 0.5, 0.75].flatMap(between)];
}

function endOf(drawn, path) {
  const last = path.at.findLastIndex((at, i) => at <= plane.at && hasBoth(path, i));
  return last < 0 ? [] : [{ panel: panelOf(drawn, path), path, x: path.x.value[last], y: path.y.value[last] }];
}

// The name of a layer at the end of its path, on the first side where it lies on no point and no other name.
function endLabels(drawn, ranges, places) {
  const taken = drawn.kept.flatMap((path) => spots(drawn, path));
  const named = new Set();
  const wide = frame("plane").clientWidth - 72;
  return drawn.kept.flatMap((path) => endOf(drawn, path)).flatMap(({ panel, path, x, y }) => {
    const [[left, right], [foot, top]] = places.domains(panel, 0);
    const scale = [((right - left) * wide) / (ranges[panel].x[1] - ranges[panel].x[0]), ((top - foot) * places.inside) / (ranges[panel].y[1] - ranges[panel].y[0])];
    const size = [7 * plane.setup.short.layer[path.dims.layer].length, 15];
    const inside = (at, [dx, dy]) => Math.abs((at.x - x) * scale[0] - dx) < size[0] / 2 + at.half[0] && Math.abs((at.y - y) * scale[1] - dy) < size[1] / 2 + at.half[1];
    const crossed = (dx) => path.x.ceiling !== null && Math.abs((path.x.ceiling - x) * scale[0] - dx) < size[0] / 2 + 1;
    const above = (dy) => path.y.ceiling !== null && (path.y.ceiling - y) * scale[1] - dy < size[1] / 2 + 1;
    const fits = ([dx, dy]) => !crossed(dx) && !above(dy) && (x - ranges[panel].x[0]) * scale[0] + dx + size[0] / 2 < (right - left) * wide && (x - ranges[panel].x[0]) * scale[0] + dx > size[0] / 2;
    const sides = [[-size[0] / 2 - 9, 0], [size[0] / 2 + 9, 0], [0, 16], [0, -16], [size[0] / 2, 15], [-size[0] / 2, 15], [size[0] / 2, -15], [-size[0] / 2, -15]];
    const side = sides.find((one) => fits(one) && !taken.some((at) => at.panel === panel && inside(at, one)));
    if (!side || path.width < 2 || named.has(`${panel} ${path.dims.layer}`)) return [];
    named.add(`${panel} ${path.dims.layer}`);
    taken.push({ panel, half: [size[0] / 2 + 4, size[1] / 2], x: x + side[0] / scale[0], y: y + side[1] / scale[1] });
    return [{ xref: axisName("x", panel), yref: axisName("y", panel), x, y, xshift: side[0], yshift: side[1], text: plane.setup.short.layer[path.dims.layer], showarrow: false, font: { size: 11.5, color: path.colour }, xanchor: "center", yanchor: "middle" }];
  });
}

const emptyText = (figures, panel, lead) => {
  const words = [...new Set(figures.flatMap((one) => Object.values(one.status)))];
  return { xref: `${axisName("x", panel)} domain`, yref: `${axisName("y", panel)} domain`, x: 0.5, y: 0.5, showarrow: false, text: `${lead}${words.length ? `: ${words.join(", ")}` : ""}`, font: { color: colours().muted } };
};

builders.plane = () => {
  const drawn = pickedPaths();
  const whole = page.unit.plane === "ceiling";
  const places = grid(drawn, 1, narrow() ? 270 : 330);
  const more = { shapes: [], annotations: [], hovermode: "closest", hoverdistance: 14 };
  const groups = drawn.estimators.map((_, panel) => drawn.kept.filter((path) => panelOf(drawn, path) === panel));
  const ranges = groups.map((held) => ({ x: ends(held.map((path) => path.x), whole), y: ends(held.map((path) => path.y), whole) }));
  const axes = {};
  groups.forEach((held, panel) => {
    const [x, y] = places.domains(panel, 0);
    axes[`xaxis${panel ? panel + 1 : ""}`] = axis("I(X;T), nats", { domain: x, range: [...ranges[panel].x], anchor: axisName("y", panel) });
    axes[`yaxis${panel ? panel + 1 : ""}`] = axis("I(T;Y), nats", { domain: y, range: [...ranges[panel].y], anchor: axisName("x", panel), showticklabels: held.some((path) => measured(path.y)) });
    const lines = [ceiling(held.map((path) => path.x), panel, true, ranges[panel].x, "ceiling"), ceiling(held.map((path) => path.y), panel, false, ranges[panel].y, "H(Y)")];
    more.shapes.push(...lines.flatMap((one) => one.shapes));
    more.annotations.push(panelTitle(drawn, panel, panel, ""), ...lines.flatMap((one) => one.annotations));
    if (!held.some((path) => path.at.some((_, i) => hasBoth(path, i)))) more.annotations.push(emptyText(held.flatMap((path) => [path.x, path.y]), panel, "No point has both figures"));
  });
  more.annotations.push(...endLabels(drawn, ranges, places));
  const bands = groups.flatMap((held, panel) => nullBand(held, panel, ranges[panel].x));
  return finished("plane", drawn, [...bands, ...drawn.kept.flatMap((path) => planeTraces(drawn, path, ranges))], { ...axes, ...more }, places.height);
};

const stepPlace = (at) => {
  const { step } = plane.setup.moments[at];
  const scale = page.scale.planesteps;
  return !plane.setup.counted || scale === "order" ? at : scale === "log" ? Math.log10(1 + step) : step;
};

function stepAxis() {
  const scale = plane.setup.counted ? page.scale.planesteps : "names";
  if (scale === "linear") return { title: "Step", exponentformat: "none", separatethousands: true, nticks: 6, dtick: plane.setup.moments[lastMoment()].step < 8 ? 1 : undefined };
  if (scale === "log") {
    const last = plane.setup.moments[lastMoment()].step;
    const powers = Array.from({ length: Math.ceil(Math.log10(2 + last)) + 1 }, (_, i) => 10 ** i);
    const steps = [0, ...(last < 1000 ? powers.flatMap((power) => [power, 3 * power]) : powers)];
    return { title: "Step, log scale", tickvals: steps.map((step) => Math.log10(1 + step)), ticktext: steps.map((step) => step.toLocaleString("en-US")) };
  }
  const tickvals = spread(plane.setup.moments.map((_, i) => i), narrow() ? 4 : 5);
  const names = scale === "names" ? plane.setup.moments.map((one) => one.name) : plane.setup.moments.map((one) => one.step.toLocaleString("en-US"));
  return { title: scale === "names" ? "Checkpoint" : "Step, evenly spaced", tickvals, ticktext: tickvals.map((i) => names[i]) };
}

// A filled band between two lines, torn where one of them has no figure.
function bandTrace(x, low, high, axes, fillcolor) {
  const runs = [[]];
  x.forEach((_, i) => (low[i] === null || high[i] === null ? runs.push([]) : runs[runs.length - 1].push(i)));
  const outline = runs.filter((run) => run.length > 1).flatMap((run) => [...run.map((i) => [x[i], high[i]]), ...[...run].reverse().map((i) => [x[i], low[i]]), [null, null]]);
  return outline.length ? [{ type: "scatter", mode: "lines", ...axes, x: outline.map((point) => point[0]), y: outline.map((point) => point[1]), fill: "toself", fillcolor, line: { width: 0 }, hoverinfo: "skip" }] : [];
}

// A band and the shuffled null lie under the line; crosses at the foot and the turning point over it.
function stepTraces(path, figure, id, range, many) {
  const axes = axesOf(id);
  const x = path.at.map(stepPlace);
  const band = bandTrace(x, figure.low, figure.high, axes, faded(path.colour, path.width > 1 ? 0.16 : 0.05));
  const dotted = { type: "scatter", mode: "lines", ...axes, x, y: figure.null, line: { color: path.colour, width: 1.1, dash: "dot" }, hoverinfo: "skip" };
  const shuffled = figure.null && path.width > 1 ? [...(many ? [] : bandTrace(x, figure.null_low, figure.null_high, axes, faded(path.colour, 0.12))), dotted] : [];
  const suffix = (i) => ({ saturated: "-open", unresolved: "-open-dot" })[figure.status[i]] || "";
  const points = (indices) => ({ type: "scatter", ...axes, name: path.name, x: indices.map((i) => x[i]), y: indices.map((i) => figure.value[i]), customdata: indices.map((i) => pointText(path, i)), hovertemplate: HOVER });
  const line = {
    ...points(path.at.map((_, i) => i)), mode: "lines+markers", meta: { at: path.at }, connectgaps: false, line: { color: path.colour, width: path.width, dash: path.dash },
    marker: { color: path.colour, size: path.width > 1 ? 6 : 3, symbol: path.at.map((_, i) => path.symbol + suffix(i)), line: { width: 1.4, color: path.colour } },
  };
  const missing = path.at.flatMap((_, i) => (figure.value[i] === null ? [i] : []));
  const foot = missing.length ? [edgeTrace(path, missing, missing.map((i) => x[i]), missing.map(() => range[0]), id)] : [];
  const turn = figure === path.x && path.turn !== null ? path.at.indexOf(path.turn) : -1;
  const star = turn < 0 ? [] : [{ ...points([turn]), mode: "markers", hovertemplate: `turning point<br>${HOVER}`, marker: { symbol: "star", size: 15, color: path.colour, line: { color: colours().surface, width: 1.2 } } }];
  return { under: [...band, ...shuffled], over: [line, ...foot, ...star] };
}

builders.planesteps = () => {
  const drawn = pickedPaths();
  const whole = page.unit.planesteps === "ceiling";
  const cells = grid(drawn, 2, narrow() ? 190 : 220);
  const more = { shapes: [], annotations: [], hovermode: "closest" };
  const axes = {}, traces = [];
  const places = plane.setup.moments.map((_, at) => stepPlace(at));
  const spare = 0.03 * (places[places.length - 1] - places[0] || 1);
  const { title, ...ticks } = stepAxis();
  drawn.estimators.forEach((_, panel) => {
    const held = drawn.kept.filter((path) => panelOf(drawn, path) === panel);
    ["x", "y"].forEach((kind, row) => {
      const id = 2 * panel + row;
      const figures = held.map((path) => path[kind]);
      const range = ends([...figures, ...figures.filter((one) => one.null).map((one) => ({ value: one.null, low: [], high: [] }))], whole);
      const [x, y] = cells.domains(panel, row);
      axes[`xaxis${id ? id + 1 : ""}`] = axis(row ? title : "", { domain: x, anchor: axisName("y", id), range: [places[0] - spare, places[places.length - 1] + spare], ...ticks, showticklabels: row === 1 });
      axes[`yaxis${id ? id + 1 : ""}`] = axis(row ? "I(T;Y), nats" : "I(X;T), nats", { domain: y, anchor: axisName("x", id), range: [...range], showticklabels: figures.some(measured) });
      const line = ceiling(figures, id, false, range, row ? "H(Y)" : "ceiling");
      more.shapes.push(...line.shapes);
      if (!figures.some(measured)) more.annotations.push(emptyText(figures, id, "No figure"));
      more.annotations.push(...line.annotations, ...(row ? [] : [panelTitle(drawn, panel, id, "")]));
      const made = held.map((path) => stepTraces(path, path[kind], id, range, drawn.layers.length > 7));
      traces.push(...made.flatMap((one) => one.under), ...made.flatMap((one) => one.over));
    });
  });
  return finished("planesteps", drawn, traces, { ...axes, ...more }, cells.height);
};

const NOTHING = { xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, text: "No path has all of these" };

function finished(name, drawn, traces, more, height) {
  const margin = { ...MARGIN, l: narrow() ? 48 : 58, r: 14 };
  frame(name).style.setProperty("--tall", `${height}px`);
  showKeys(name, drawn);
  queueMicrotask(() => listen(name));
  // Plotly fails without axes, which is what choices that no path has leave.
  const bare = { visible: false };
  const { xaxis = bare, yaxis = bare, ...rest } = drawn.kept.length ? more : { annotations: [NOTHING] };
  const uirevision = JSON.stringify([plane.picks, page.unit[name], page.scale[name]]);
  return [traces, { ...layout(xaxis, yaxis, rest), margin, uirevision, showlegend: false }];
}

