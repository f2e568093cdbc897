// Samples behind a direction: one representation and one direction at a time, all of it in the page already.
(() => {
  const picked = (id) => Number((document.getElementById(id) || { value: 0 }).value);
  const show = () => {
    const [rep, direction] = [picked("behind-rep"), picked("behind-direction")];
    all("[data-behind]").forEach((block, i) => {
      block.hidden = i !== rep;
      block.querySelectorAll("[data-direction]").forEach((one, j) => { one.open = j === direction; });
    });
  };
  for (const id of ["behind-rep", "behind-direction"]) {
    const select = document.getElementById(id);
    if (select) select.onchange = show;
  }
  show();
})();
