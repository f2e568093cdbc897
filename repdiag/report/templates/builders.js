const CONFIG = {
  responsive: true,
  displaylogo: false,
  displayModeBar: "hover",
  // plotly.js offers to upload a chart to its maker's cloud unless it is told not to.
  showSendToCloud: false,
  plotlyServerURL: "",
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]],
  toImageButtonOptions: { format: "svg", filename: "repdiag" },
};
const frame = (name) => document.getElementById(`plot-${name}`);
const narrow = () => innerWidth < 720;

function axis(title, more) {
  const { muted, line } = colours();
  return {
    title: { text: title, standoff: 10, font: { size: 13 } },
    gridcolor: line, linecolor: line, zeroline: false, tickcolor: line, tickfont: { color: muted, size: more.type === "log" ? 10.5 : 12 },
    automargin: true, exponentformat: "power", ...more,
  };
}

function layout(xaxis, yaxis, more) {
  const { ink, muted, surface, line } = colours();
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 14, t: 26, b: 44 }, hovermode: "closest",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink }, uirevision: JSON.stringify([page.picks, page.scale, page.unit, page.measure, page.depth, page.pair]),
    hoverlabel: { bgcolor: surface, bordercolor: line, font: { color: ink }, align: "left", namelength: -1 },
    legend: narrow() ? { orientation: "h", yref: "container", y: 0, yanchor: "bottom", font: { size: 11.5 } } : { font: { size: 12 }, tracegroupgap: 0 },
    showlegend: true, xaxis, yaxis, ...more,
  };
}

const builders = {
  spectrum() {
    const traces = curves("spectrum");
    const type = page.scale.spectrum;
    const title = page.unit.spectrum === "share" ? "Share of variance" : "Eigenvalue";
    const range = type === "log" ? limits(traces) : undefined;
    return [traces, layout(axis("Rank", { type, dtick: type === "log" ? 1 : undefined }), axis(title, { type, range }))];
  },
  cumulative() {
    const { muted } = colours();
    const marks = [0.9, 0.99].map((y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: muted, width: 0.8 } }));
    const type = page.scale.cumulative;
    const y = axis("Share of variance", { range: [0, 1.02], tickformat: ".0%" });
    return [curves("cumulative"), layout(axis("Directions", { type, dtick: type === "log" ? 1 : undefined }), y, { shapes: marks })];
  },
  ranks() {
    const { traces, drawn } = ranks();
    const ticks = { tickvals: drawn.map((_, i) => i), ticktext: drawn.map((rep) => label(rep, drawn)), range: [-0.5, drawn.length - 0.5] };
    const y = axis("Dimensions", { type: page.scale.ranks, rangemode: "tozero" });
    return [traces, layout(axis("", ticks), y, { yaxis2: foot(), barmode: "group", bargap: drawn.length * traces.length < 9 ? 0.6 : 0.22, bargroupgap: 0.06, ...(narrow() ? {} : { legend: { orientation: "h", y: 1.04, yanchor: "bottom", x: 0 }, margin: { l: 56, r: 14, t: 48, b: 44 } }) })];
  },
  family() {
    const { muted } = colours();
    const named = { 1: "effective rank", 2: "participation ratio" };
    const shapes = [1, 2].map((x) => ({ type: "line", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color: muted, width: 0.8, dash: "dot" } }));
    const annotations = [1, 2].map((x) => ({ x, yref: "paper", y: 1, yanchor: "bottom", showarrow: false, text: named[x], font: { size: 11.5, color: muted } }));
    const y = axis("Dimensions", { type: page.scale.family, rangemode: "tozero" });
    return [curves("family"), layout(axis("α", { range: [0, 4] }), y, { shapes, annotations })];
  },
  depth() {
    const { drawn, layers, unit } = depth();
    const ticks = spread(layers.map((_, i) => i));
    const x = axis("", { tickvals: ticks, ticktext: ticks.map((i) => page.data.short.layer[layers[i]]), range: [-0.3, layers.length - 0.7] });
    const share = unit === "dimensions" && page.unit.depth === "share";
    const y = axis(share ? "Share of d" : unit === "nats" ? "Nats" : "Dimensions", { rangemode: "tozero", tickformat: share ? ".0%" : "" });
    return [drawn, layout(x, y, { yaxis2: foot() })];
  },
  growth() {
    const traces = growth();
    const sizes = [...new Set(traces.flatMap((trace) => trace.x))].sort((a, b) => a - b);
    const apart = sizes.filter((n, i) => i === 0 || n > 1.3 * sizes[i - 1]);
    const x = axis("n, rows", { type: "log", tickvals: apart, ticktext: apart.map((n) => n.toLocaleString("en-US")) });
    return [traces, layout(x, axis("Effective rank", { rangemode: "tozero" }), {})];
  },
  information() {
    const trace = page.data.information.find(({ meta }) => meta.measure === page.pair);
    return trace.type === "heatmap" ? mapOf(trace) : barsOf(trace);
  },
  trajectory() {
    const traces = trajectory();
    const counted = page.data.trajectory.every((trace) => trace.meta.steps);
    const lines = traces.filter((trace) => trace.yaxis !== "y2");
    const order = counted ? { exponentformat: "none", separatethousands: true } : checkpointTicks();
    const { shown } = page.data.trajectory.find(({ meta }) => meta.measure === page.measure).meta;
    const y = axis(shown, { type: page.scale.trajectory });
    return [traces, layout(axis(counted ? "Step" : "Checkpoint", order), y, { yaxis2: foot(), shapes: pickedCheckpoint(lines) })];
  },
};

// Half of a symmetric square in columns becomes the whole square, in the order asked for.
function square({ x, y, z, customdata, meta: { labels, order } }) {
  const rows = page.scale.information === "alike" ? order : labels.map((_, i) => i);
  const empty = (fill) => rows.map(() => rows.map(() => fill));
  const [heights, texts] = [empty(null), empty("")];
  const at = new Map(rows.map((one, i) => [one, i]));
  z.forEach((value, k) => {
    const [i, j] = [at.get(x[k]), at.get(y[k])];
    heights[i][j] = heights[j][i] = value;
    texts[i][j] = texts[j][i] = `${labels[x[k]]} × ${labels[y[k]]}<br>${customdata[k]}`;
  });
  return { z: heights, customdata: texts, names: rows.map((one) => labels[one]) };
}

function mapOf(trace) {
  const { sequence, muted } = colours();
  const { title, unit } = trace.meta;
  const { z, customdata, names } = square(trace);
  const ticks = { tickvals: names.map((_, i) => i), ticktext: names, showgrid: false };
  const colorscale = sequence.map((colour, i) => [i / (sequence.length - 1), colour]);
  const colorbar = { title: { text: unit, font: { size: 12 } }, thickness: 12, outlinewidth: 0, tickfont: { color: muted } };
  const drawn = { type: "heatmap", z, customdata, meta: { ...trace.meta }, colorscale, colorbar, hoverongaps: false, xgap: 1, ygap: 1, hovertemplate: "%{customdata}<extra></extra>" };
  return [[drawn], layout(axis(title, ticks), axis("", { ...ticks, autorange: "reversed" }), { showlegend: false })];
}

function barsOf(trace) {
  const { title, unit, labels } = trace.meta;
  const drawn = { ...trace, x: [...trace.x], meta: { ...trace.meta }, marker: { color: colours().lines[0] }, hovertemplate: "%{customdata}<extra></extra>" };
  const x = axis(unit ? `${title}, ${unit}` : title, { rangemode: "tozero" });
  const y = axis("", { tickvals: labels.map((_, i) => i), ticktext: labels, autorange: "reversed" });
  return [[drawn], layout(x, y, { showlegend: false, bargap: 0.4 })];
}

function foot() {
  return { overlaying: "y", range: [0, 1], visible: false, fixedrange: true };
}

function checkpointTicks() {
  const tickvals = spread(page.data.short.checkpoint.map((_, i) => i));
  return { tickvals, ticktext: tickvals.map((i) => page.data.short.checkpoint[i]) };
}

function pickedCheckpoint(lines) {
  const picked = page.picks.checkpoint;
  if (picked === null || picked === undefined || !lines.length) return [];
  const at = lines[0].reps.findIndex((rep) => page.data.reps[rep].checkpoint === picked);
  const x = lines[0].x[at];
  return at < 0 ? [] : [{ type: "line", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color: colours().muted, width: 1, dash: "dot" } }];
}
