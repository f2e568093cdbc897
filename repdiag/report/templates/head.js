(() => {
  const wish = location.hash.slice(1);
  if (wish === "dark" || wish === "light") document.documentElement.dataset.theme = wish;
  document.documentElement.dataset.scripts = "on";
})();
