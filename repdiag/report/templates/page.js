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
    modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink }, uirevision: JSON.stringify([page.picks, page.scale, page.unit, page.measure]),
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
  growth() {
    const traces = growth();
    const sizes = [...new Set(traces.flatMap((trace) => trace.x))].sort((a, b) => a - b);
    const apart = sizes.filter((n, i) => i === 0 || n > 1.3 * sizes[i - 1]);
    const x = axis("n, rows", { type: "log", tickvals: apart, ticktext: apart.map((n) => n.toLocaleString("en-US")) });
    return [traces, layout(x, axis("Effective rank", { rangemode: "tozero" }), {})];
  },
  information() {
    const [trace] = page.data.information;
    const { labels } = trace.meta;
    const ticks = { tickvals: labels.map((_, i) => i), ticktext: labels };
    return trace.type === "heatmap" ? mapOf(trace, ticks) : barsOf(trace, ticks);
  },
  trajectory() {
    const traces = trajectory();
    const counted = page.data.trajectory.every((trace) => trace.meta.steps);
    const lines = traces.filter((trace) => trace.yaxis !== "y2");
    const order = counted ? { exponentformat: "none", separatethousands: true } : checkpointTicks();
    const y = axis(page.measure.replaceAll("_", " "), { type: page.scale.trajectory });
    return [traces, layout(axis(counted ? "Step" : "Checkpoint", order), y, { yaxis2: foot(), shapes: pickedCheckpoint(lines) })];
  },
};

function mapOf(trace, ticks) {
  const { sequence, muted } = colours();
  const { title, unit } = trace.meta;
  const colorscale = sequence.map((colour, i) => [i / (sequence.length - 1), colour]);
  const colorbar = { title: { text: unit, font: { size: 12 } }, thickness: 12, outlinewidth: 0, tickfont: { color: muted } };
  const drawn = { ...trace, z: trace.z.map((row) => [...row]), meta: { ...trace.meta }, colorscale, colorbar, hoverongaps: false, xgap: 1, ygap: 1, hovertemplate: "%{customdata}<extra></extra>" };
  return [[drawn], layout(axis(title, { ...ticks, showgrid: false }), axis("", { ...ticks, showgrid: false, autorange: "reversed" }), { showlegend: false })];
}

function barsOf(trace, ticks) {
  const { title, unit } = trace.meta;
  const drawn = { ...trace, x: [...trace.x], meta: { ...trace.meta }, marker: { color: colours().lines[0] }, hovertemplate: "%{customdata}<extra></extra>" };
  const x = axis(unit ? `${title}, ${unit}` : title, { rangemode: "tozero" });
  return [[drawn], layout(x, axis("", { ...ticks, autorange: "reversed" }), { showlegend: false, bargap: 0.4 })];
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

const ready = (name) => frame(name) && page.data[name].length;

function draw(name) {
  if (!window.Plotly || !ready(name)) return null;
  const built = builders[name]();
  const named = built[0].filter((trace) => trace.showlegend !== false).length;
  // A legend under the figure takes its height from the page, not from the figure.
  frame(name).style.height = narrow() ? `${350 + 20 * Math.ceil(named / 2)}px` : "";
  return Plotly.react(frame(name), ...built, CONFIG);
}
const drawAll = () => Promise.all(Object.keys(builders).map(draw));

function showChosen() {
  const shown = new Set(chosen());
  const table = document.getElementById("measures");
  for (const row of table ? table.rows : []) {
    page.data.reps.forEach((_, index) => (row.cells[index + 1].hidden = !shown.has(index)));
  }
  const limit = document.getElementById("limit");
  const over = shown.size > page.data.most;
  if (limit) limit.textContent = over ? `Figures show ${page.data.most} of ${shown.size}, evenly spaced.` : "";
}

const measureWidth = () => (root.dataset.overflow = root.scrollWidth > root.clientWidth ? "yes" : "no");

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function download(button) {
  const text = await unpacked(button.dataset.download);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = button.dataset.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function press(button, kind) {
  const { figure } = button.dataset;
  page[kind][figure] = button.dataset[kind];
  for (const other of all(`[data-figure="${figure}"][data-${kind}]`)) other.setAttribute("aria-pressed", String(other === button));
  draw(figure);
}

function connect() {
  for (const select of all("[data-dim]")) {
    select.onchange = () => { readPicks(); showChosen(); drawAll(); };
  }
  for (const kind of ["scale", "unit"]) {
    for (const button of all(`[data-${kind}]`)) {
      button.onclick = () => press(button, kind);
      page[kind][button.dataset.figure] ??= button.dataset[kind];
    }
  }
  for (const button of all("[data-download]")) button.onclick = () => download(button);
  const measure = document.getElementById("measure");
  if (measure) {
    const names = [...new Set(page.data.trajectory.map((trace) => trace.meta.measure))];
    page.measure = names[measure.selectedIndex];
    measure.onchange = () => { page.measure = names[measure.selectedIndex]; draw("trajectory"); };
  }
  document.getElementById("theme").onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; drawAll(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { page.print = true; drawAll(); });
  addEventListener("afterprint", () => { page.print = false; drawAll(); });
  addEventListener("resize", measureWidth);
}

function readPicks() {
  for (const select of all("[data-dim]")) page.picks[select.dataset.dim] = select.value === "" ? null : Number(select.value);
}

async function unpackPlotly() {
  const packed = document.getElementById("plotly-gzip-base64");
  if (window.Plotly || !packed) return;
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly-gzip-base64");
  document.head.append(script);
  script.remove();
  packed.remove();
}

async function start() {
  readPicks();
  connect();
  showChosen();
  try {
    await unpackPlotly();
    await drawAll();
    root.dataset.drawn = window.Plotly ? "yes" : "no";
  } catch (error) {
    root.dataset.drawn = "no";
    console.error(error);
  }
  const plain = document.getElementById("plain");
  if (plain) plain.hidden = root.dataset.drawn === "yes";
  measureWidth();
  root.dataset.ready = "true";
}
start();
