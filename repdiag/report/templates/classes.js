// Effective rank of each class: one series a representation, each from its lowest class to its highest.
builders.classes = () => {
  const traces = page.data.classes;
  const drawn = spread(chosen().filter((rep) => traces.some((trace) => trace.meta.rep === rep)), 4);
  const lines = palette(drawn.length);
  const series = traces.flatMap((trace) => {
    const { rep, names, sizes, classes } = trace.meta;
    const place = drawn.indexOf(rep);
    if (place < 0) return [];
    const some = classes > names.length ? ` (lowest ${names.length} of ${classes})` : "";
    return [{
      ...trace,
      x: trace.x.map((x) => x + 1 + 0.12 * (place - (drawn.length - 1) / 2)),
      meta: { ...trace.meta },
      name: label(rep, drawn) + some,
      legendgroup: String(rep),
      marker: { color: lines[place], size: 7 },
      error_y: { ...trace.error_y, color: lines[place], thickness: 1.2, width: names.length > 30 ? 0 : 3 },
      customdata: names.map((name, i) => `${name}, n = ${sizes[i].toLocaleString("en-US")}`),
      hovertemplate: "%{customdata}<br>rank %{y:.4g}<extra>%{fullData.name}</extra>",
    }];
  });
  const alone = series.length === 1 && series[0].meta.names.length <= 40;
  const most = Math.max(1, ...series.map((one) => one.x.length));
  const ticks = alone ? { tickvals: series[0].x, ticktext: series[0].meta.names } : { tick0: 1, dtick: Math.ceil(most / 12) };
  const y = axis("Effective rank", { type: page.scale.classes, rangemode: page.scale.classes === "log" ? "normal" : "tozero" });
  return [series, layout(axis("Class, by rank", ticks), y, {})];
};
