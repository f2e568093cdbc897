// Histograms of lengths and cosines as steps, with what isotropy and the spectrum would give as guides.
function histograms(name) {
  const traces = page.data[name];
  const counted = traces.filter((trace) => trace.meta.role === "counts");
  const drawn = spread(chosen().filter((rep) => counted.some((trace) => trace.meta.rep === rep)));
  const lines = palette(drawn.length);
  const sizes = new Set(drawn.map((rep) => page.data.reps[rep].d));
  return traces.flatMap((trace) => {
    const { role, rep, d } = trace.meta;
    const place = drawn.indexOf(rep);
    const shown = role === "isotropic" ? sizes.has(d) : place >= 0 && (role === "counts" || drawn.length <= 4);
    if (!shown) return [];
    const isotropic = role === "isotropic";
    const names = isotropic ? `isotropic, d = ${d.toLocaleString("en-US")}` : label(rep, drawn);
    return [{
      ...trace,
      meta: { ...trace.meta },
      name: role === "spectrum" ? `${names}: by its spectrum` : names,
      legendgroup: isotropic ? `d ${d}` : String(rep),
      showlegend: role !== "spectrum" || drawn.length === 1,
      line: {
        color: isotropic ? colours().ink : lines[place],
        width: role === "counts" ? 2 : 1.4,
        dash: { counts: "solid", isotropic: "dot", spectrum: "dash" }[role],
        shape: role === "counts" ? "hv" : "linear",
      },
      hovertemplate: `density %{y:.3g} at %{x:.4g}${outside(trace, name)}<extra>%{fullData.name}</extra>`,
    }];
  });
}

function outside(trace, name) {
  const { role, rep, total, below, above } = trace.meta;
  if (role !== "counts") return "";
  const of = `${total.toLocaleString("en-US")} ${name === "cosines" ? "pairs" : "rows"}`;
  const left = below + above ? `, ${below} below and ${above} above the bins` : "";
  return `<br>n = ${page.data.reps[rep].n.toLocaleString("en-US")}, ${of}${left}`;
}

const histogramOf = (name, title) => () => {
  const y = axis("Density", { type: page.scale[name], rangemode: page.scale[name] === "log" ? "normal" : "tozero" });
  return [histograms(name), layout(axis(title, {}), y, {})];
};
builders.lengths = histogramOf("lengths", "Length of a row");
builders.cosines = histogramOf("cosines", "Cosine of two rows");
