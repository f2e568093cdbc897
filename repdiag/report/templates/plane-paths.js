// The information plane: its paths, and both figures over training. `plane.at` is the marked checkpoint.
const plane = { paths: page.data.plane, setup: page.data.plane_setup, picks: {}, at: 0, timer: null };
page.data.planesteps = plane.paths.length && plane.setup.moments.length > 1 ? plane.paths : [];

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagram", "cross"];
const SHAPES = ["M6 1a5 5 0 1 0 .01 0z", "M1.5 1.5h9v9h-9z", "M6 0l6 6-6 6-6-6z", "M6 1l5.5 10H.5z", "M6 11L.5 1h11z", "M6 .5l5.7 4.2-2.2 6.6h-7L.3 4.7z", "M6 0l4.5 9h-9zM6 12L1.5 3h9z", "M4 0h4v4h4v4H8v4H4V8H0V4h4z"];
const MARGIN = { t: 44, b: 50 };
const DASHES = ["solid", "dash", "dot", "dashdot"];
const STROKES = ["", "6 4", "2 3", "6 3 2 3"];

const defined = (list) => list.filter((value) => value !== null && value !== undefined);
const measured = (figure) => defined(figure.value).length > 0;
const lastMoment = () => plane.setup.moments.length - 1;
const stepText = (at, names = plane.setup.plain_moments) => {
  const { step } = plane.setup.moments[at];
  return step === null ? names[at] : `step ${step.toLocaleString("en-US")}, ${names[at]}`;
};

// Many layers run from blue to orange in the order of their depth: viridis is taken by the checkpoints.
function layerColours(count) {
  const { lines, muted } = colours();
  if (count <= lines.length) return lines;
  const share = (i) => (2 * i) / (count - 1);
  return Array.from({ length: count }, (_, i) => (share(i) < 1 ? mix(lines[0], muted, share(i)) : mix(muted, lines[1], share(i) - 1)));
}

// What is drawn: the picked paths, at most a dozen layers and `most` paths in all, each with its colour and dash.
function pickedPaths() {
  const fits = (path) => Object.entries(plane.picks).every(([dim, wanted]) => wanted === null || path.dims[dim] === wanted);
  const found = plane.paths.filter(fits);
  const layers = spread([...new Set(found.map((path) => path.dims.layer))]);
  const estimators = spread([...new Set(found.map((path) => path.dims.estimator))], 6);
  const wanted = found.filter((path) => layers.includes(path.dims.layer) && estimators.includes(path.dims.estimator));
  const kept = spread(wanted, plane.setup.most * estimators.length);
  const splits = [...new Set(kept.map((path) => path.dims.split))];
  const lines = layerColours(layers.length);
  const several = (dim) => new Set(kept.map((path) => path.dims[dim])).size > 1;
  const told = ["result", "view", "split", "run"].filter(several);
  const limit = document.getElementById("plane-limit");
  if (limit) limit.textContent = found.length > kept.length ? `Figures show ${kept.length} of ${found.length} paths, evenly spaced.` : "";
  return {
    layers, estimators, splits, lines, kept: [...kept].sort((a, b) => a.mean - b.mean).map((path) => {
      const order = layers.indexOf(path.dims.layer);
      const name = [plane.setup.dims.layer[path.dims.layer], ...told.map((dim) => plane.setup.dims[dim][path.dims[dim]])].join(" · ");
      return { ...path, order, name, colour: lines[order], symbol: SYMBOLS[order % SYMBOLS.length], dash: DASHES[splits.indexOf(path.dims.split) % DASHES.length], width: told.includes("run") && !path.mean ? 1 : 2 };
    }),
  };
}

const panelOf = (drawn, path) => drawn.estimators.indexOf(path.dims.estimator);
const columnsFor = (count) => (narrow() ? 1 : count > 3 ? 2 : count);
const axisName = (kind, id) => (id ? `${kind}${id + 1}` : kind);
const faded = (colour, share) => {
  const parts = colour.startsWith("#") ? [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) : colour.match(/\d+/g);
  return `rgba(${parts.slice(0, 3).join(",")},${share})`;
};
const momentColour = (at) => {
  const { sequence } = colours();
  const share = lastMoment() ? (at / lastMoment()) * (sequence.length - 1) : 0;
  const low = Math.min(Math.floor(share), sequence.length - 2);
  return mix(sequence[low], sequence[low + 1], share - low);
};

function figureText(figure, i, name) {
  const status = figure.status[i] || "";
  if (figure.value[i] === null) return `${name}: no figure, ${status || "missing"}`;
  const [low, high] = [figure.low[i], figure.high[i]];
  const range = low !== null && high !== null ? ` [${digits(low)}, ${digits(high)}]` : low !== null ? ` ≥ ${digits(low)}` : high !== null ? ` ≤ ${digits(high)}` : "";
  const shuffled = figure.null && figure.null[i] !== null ? `, shuffled ${digits(figure.null[i])}` : "";
  const most = figure.ceiling === null ? "" : `, at most ${digits(figure.ceiling)}`;
  return `${name} ${digits(figure.value[i])}${range}${status ? `, ${status}` : ""}<br>  ${`${shuffled}${most}`.slice(2)}`;
}
const pointText = (path, i) => {
  const at = path.at[i];
  return `${stepText(at, plane.setup.moments.map((one) => one.name))}<br>${figureText(path.x, i, "I(X;T)")}<br>${figureText(path.y, i, "I(T;Y)")}`;
};
const openness = (path, i) => {
  const both = [path.x.status[i], path.y.status[i]];
  return both.includes("unresolved") ? "-open-dot" : both.includes("saturated") ? "-open" : "";
};

