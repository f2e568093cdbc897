// One measure from input to output: a line for each checkpoint, with the first layer that loses rank ringed.
function depth() {
  const traces = page.data.depth.filter((trace) => trace.meta.measure === page.depth);
  const fits = (rep) => matches(page.data.reps[rep], "layer");
  const lines = spread(traces.map((trace) => ({ ...kept(trace, fits), lost: trace.meta.reps[trace.meta.lost], unit: trace.meta.unit }))
    .filter((trace) => trace.reps.length > 1));
  const among = lines.map((trace) => trace.reps[0]);
  const layers = [...new Set(lines.flatMap((trace) => trace.reps.map((rep) => page.data.reps[rep].layer)))].sort((a, b) => a - b);
  const colour = palette(lines.length);
  const drawn = lines.map((trace, i) => shareOfWidth({
    ...trace,
    x: trace.reps.map((rep) => layers.indexOf(page.data.reps[rep].layer)),
    name: label(trace.reps[0], among, "layer"),
    showlegend: lines.length > 1,
    text: trace.reps.map((rep) => page.data.dims.layer[page.data.reps[rep].layer]),
    error_y: { ...trace.error_y, color: colour[i], thickness: 1.1, width: 2 },
    line: { color: colour[i], width: 2.2 },
    marker: { color: colour[i], size: 6 },
    hovertemplate: "%{text}<br>%{customdata}<extra>%{fullData.name}</extra>",
  }));
  return { drawn: [...drawn, ...drawn.flatMap(ring), ...crosses(drawn)], layers, unit: lines.length ? lines[0].unit : "" };
}

function shareOfWidth(trace) {
  if (page.unit.depth !== "share" || trace.unit !== "dimensions") return trace;
  const share = (list) => list.map((value, i) => (value === null ? null : value / page.data.reps[trace.reps[i]].d));
  const { array, arrayminus } = trace.error_y;
  return { ...trace, y: share(trace.y), error_y: { ...trace.error_y, array: share(array), arrayminus: share(arrayminus) } };
}

function ring(trace) {
  const at = trace.reps.indexOf(trace.lost);
  if (at < 0 || trace.y[at] === null) return [];
  return [{
    type: "scatter", mode: "markers+text", showlegend: false, x: [trace.x[at]], y: [trace.y[at]], name: "", reps: trace.reps,
    text: ["over half is lost here"], textposition: trace.x[at] > 0.7 * Math.max(...trace.x) ? "bottom left" : "top right", textfont: { color: colours().warn },
    marker: { symbol: "circle-open", size: 15, color: colours().warn, line: { width: 2 } },
    hovertemplate: `${trace.text[at]}: below half of what the layers before it hold<extra>${trace.name}</extra>`,
  }];
}
