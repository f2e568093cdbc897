"use strict";
const root = document.documentElement;
const held = (id) => JSON.parse(document.getElementById(id).textContent);
const all = (selector) => [...document.querySelectorAll(selector)];
const page = { data: held("figures"), picks: {}, scale: {}, unit: {}, measure: null, depth: null, pair: null, print: false };

const isDark = () => {
  if (page.print) return false;
  return (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
};
const colours = () => page.data.colours[isDark() ? "dark" : "light"];

const matches = (rep, skip) =>
  Object.entries(page.picks).every(([dim, wanted]) => dim === skip || wanted === null || rep[dim] === wanted);
const chosen = () => page.data.reps.flatMap((rep, index) => (matches(rep) ? [index] : []));
const spread = (items, most = page.data.most) => {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
};

const label = (index, among, skip) => {
  const rep = page.data.reps[index];
  const varies = (dim) => new Set(among.map((other) => page.data.reps[other][dim])).size > 1;
  const told = page.data.varying.filter((dim) => dim !== skip && varies(dim));
  const dims = told.length ? told : [page.data.varying.filter((dim) => dim !== skip).pop() || "layer"];
  const names = dims.length > 1 ? page.data.short : page.data.dims;
  return dims.map((dim) => names[dim][rep[dim]]).join(" · ");
};

const mix = (from, to, share) => {
  const part = (hex, at) => parseInt(hex.slice(at, at + 2), 16);
  const blend = (at) => Math.round(part(from, at) + share * (part(to, at) - part(from, at)));
  return `rgb(${blend(1)},${blend(3)},${blend(5)})`;
};
const palette = (count) => {
  const { lines, sequence } = colours();
  if (count <= lines.length) return lines;
  return Array.from({ length: count }, (_, i) => {
    const at = (i / (count - 1)) * (sequence.length - 1);
    const low = Math.min(Math.floor(at), sequence.length - 2);
    return mix(sequence[low], sequence[low + 1], at - low);
  });
};
const digits = (value) => (value === 0 ? "0" : String(Number(value.toPrecision(4))));

function reading(trace, i) {
  const { array, arrayminus } = trace.error_y;
  const value = trace.y[i];
  const status = trace.meta.status[i];
  const n = page.data.reps[trace.meta.reps[i]].n.toLocaleString("en-US");
  if (value === null) return `no figure: ${status || "missing"}<br>n = ${n}`;
  const [up, down] = [array[i], arrayminus[i]];
  const ends = [down === null ? "" : digits(value - down), up === null ? "" : digits(value + up)];
  const range = ends[0] && ends[1] ? ` [${ends.join(", ")}]` : ends[0] ? ` ≥ ${ends[0]}` : ends[1] ? ` ≤ ${ends[1]}` : "";
  return `${digits(value)}${range}${status ? `<br>${status}` : ""}<br>n = ${n}`;
}

function kept(trace, wanted) {
  const at = trace.meta.reps.flatMap((rep, i) => (wanted(rep) ? [i] : []));
  const take = (list) => at.map((i) => list[i]);
  // plotly.js prunes what is empty in the traces that it is given: ours stay as they are.
  const { meta, ...rest } = trace;
  return {
    ...rest,
    x: take(trace.x),
    y: take(trace.y),
    customdata: at.map((i) => reading(trace, i)),
    error_y: { ...trace.error_y, array: take(trace.error_y.array), arrayminus: take(trace.error_y.arrayminus) },
    reps: take(meta.reps),
    status: at.map((i) => meta.status[i] || ""),
  };
}

const GUIDES = { floor: "dot", edge: "dash", fit: "solid" };

// Zero has no place on a log axis: a spectrum that reaches it falls out of the picture once.
const fallen = (heights, bottom) =>
  heights.map((y, i) => (y > 0 ? y : i > 0 && heights[i - 1] > 0 ? bottom : null));

function curves(name) {
  const traces = page.data[name];
  const drawn = spread(chosen().filter((rep) => traces.some((trace) => trace.meta.rep === rep)));
  const lines = palette(drawn.length);
  const share = name === "spectrum" && page.unit.spectrum === "share";
  const total = new Map(traces.flatMap((trace) => (trace.meta.total ? [[trace.meta.rep, trace.meta.total]] : [])));
  return traces.flatMap((trace) => {
    const place = drawn.indexOf(trace.meta.rep);
    const guide = GUIDES[trace.meta.role];
    if (place < 0 || (guide && drawn.length > 4)) return [];
    const over = share ? total.get(trace.meta.rep) || 1 : 1;
    const empty = trace.y.every((value) => value === 0);
    const heights = over === 1 ? trace.y : trace.y.map((value) => value / over);
    const names = label(trace.meta.rep, drawn) + (empty ? " (no variance)" : "");
    const rep = page.data.reps[trace.meta.rep];
    return [{
      ...trace,
      meta: { ...trace.meta },
      y: name === "spectrum" && page.scale.spectrum === "log" ? fallen(heights, 1e-300) : heights,
      name: guide && drawn.length > 1 ? `${names}: ${trace.meta.text}` : trace.meta.text || names,
      showlegend: !guide || drawn.length === 1,
      legendgroup: String(trace.meta.rep),
      connectgaps: false,
      line: { color: trace.meta.role === "fit" ? colours().ink : lines[place], width: guide ? 1.3 : 2.4, dash: guide || "solid" },
      mode: guide || name === "family" || trace.y.length > 12 ? "lines" : "lines+markers",
      hovertemplate: `%{y:.4g} ${name === "family" ? "dimensions at α =" : "at rank"} %{x}<br>n = ${rep.n.toLocaleString("en-US")}, d = ${rep.d.toLocaleString("en-US")}<extra>%{fullData.name}</extra>`,
    }];
  });
}

function limits(traces) {
  const spectra = traces.filter((trace) => trace.meta.role === "eigenvalues");
  const over = (trace) => (page.unit.spectrum === "share" ? trace.meta.total || 1 : 1);
  const heights = spectra.flatMap((trace) => trace.y.filter((y) => y > trace.meta.floor / over(trace)));
  const floors = spectra.map((trace) => trace.meta.floor / over(trace)).filter((floor) => floor > 0);
  if (!heights.length) return undefined;
  const hidden = spectra.some((trace) => trace.y.some((y) => y === null || y <= trace.meta.floor / over(trace)));
  const lowest = Math.min(...heights);
  const low = hidden ? Math.max(lowest * 1e-4, Math.min(lowest, ...floors)) : lowest;
  const top = Math.max(...heights);
  const pad = Math.max(0.15, 0.05 * Math.log10(top / low));
  return [Math.log10(low) - pad, Math.log10(top) + pad];
}

function ranks() {
  const drawn = spread(chosen());
  const traces = page.data.ranks.map((trace) => kept(trace, (rep) => drawn.includes(rep)));
  const lines = palette(traces.length);
  const bars = traces.map((trace, i) => ({
    ...trace,
    x: trace.reps.map((rep) => drawn.indexOf(rep)),
    text: trace.reps.map((rep) => label(rep, drawn)),
    textposition: "none",
    error_y: { ...trace.error_y, color: colours().ink, thickness: 1.2, width: drawn.length * traces.length > 40 ? 0 : 3 },
    marker: { color: lines[i], pattern: { shape: trace.status.map((status) => (status ? "/" : "")), fillmode: "overlay", fgcolor: colours().surface, size: 7, solidity: 0.4 } },
    hovertemplate: "%{text}<br>%{customdata}<extra>%{fullData.name}</extra>",
  }));
  return { traces: [...bars, ...crosses(bars)], drawn };
}

function growth() {
  const traces = page.data.growth;
  const drawn = spread(chosen().filter((rep) => traces.some((trace) => trace.meta.rep === rep)), 4);
  const lines = palette(drawn.length);
  return traces.flatMap((trace) => {
    const place = drawn.indexOf(trace.meta.rep);
    if (place < 0) return [];
    const plugin = trace.meta.role === "plugin";
    return [{
      ...trace,
      meta: { ...trace.meta },
      name: `${label(trace.meta.rep, drawn)}: ${plugin ? "plug-in" : "corrected"}`,
      legendgroup: String(trace.meta.rep),
      line: { color: lines[place], width: plugin ? 1.6 : 2.4, dash: plugin ? "dash" : "solid" },
      marker: { color: lines[place], size: 6, symbol: plugin ? "circle-open" : "circle" },
      hovertemplate: `%{y:.4g} from n = %{x:,d}<br>d = ${page.data.reps[trace.meta.rep].d.toLocaleString("en-US")}<extra>%{fullData.name}</extra>`,
    }];
  });
}

function trajectory() {
  const traces = page.data.trajectory.filter((trace) => trace.meta.measure === page.measure);
  const fits = (rep) => matches(page.data.reps[rep], "checkpoint");
  const lines = spread(traces.map((trace) => kept(trace, fits)).filter((trace) => trace.reps.length));
  const among = lines.map((trace) => trace.reps[0]);
  const colour = palette(lines.length);
  const drawn = lines.map((trace, i) => ({
    ...trace,
    name: label(trace.reps[0], among, "checkpoint"),
    text: trace.reps.map((rep) => page.data.dims.checkpoint[page.data.reps[rep].checkpoint]),
    error_y: { ...trace.error_y, color: colour[i], thickness: 1.1, width: 2 },
    line: { color: colour[i], width: 2.2 },
    marker: { color: colour[i], size: 6 },
    hovertemplate: "%{text}<br>%{customdata}<extra>%{fullData.name}</extra>",
  }));
  return [...drawn, ...crosses(drawn)];
}

function crosses(traces) {
  const missing = traces.flatMap((trace) =>
    trace.y.flatMap((value, i) => (value === null ? [{ trace, i, x: trace.x[i], status: trace.status[i] }] : [])));
  const shared = traces.some((trace) => trace.type === "bar");
  const first = (one, at) => missing.findIndex((other) => other.x === one.x && other.status === one.status) === at;
  const marks = shared ? missing.filter(first) : missing;
  if (!marks.length) return [];
  return [{
    type: "scatter", mode: "markers+text", yaxis: "y2", showlegend: false, cliponaxis: false,
    x: marks.map((mark) => mark.x), y: marks.map(() => 0.03), name: "",
    text: marks.map((mark) => (marks.length > 12 ? "" : mark.status)), textposition: "top center",
    customdata: marks.map(({ trace, i }) => `${shared ? "" : `${trace.name}<br>`}${trace.text[i]}<br>${trace.customdata[i]}`),
    marker: { symbol: "x", size: 8, color: marks.map(({ trace }) => (shared ? colours().warn : trace.line.color)) },
    hovertemplate: "%{customdata}<extra></extra>",
  }];
}
