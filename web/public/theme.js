// Runs before the first paint, so that a chosen theme does not flash the other one. See src/lib/theme.svelte.ts.
try {
  var theme = localStorage.getItem("fieldmark.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (error) {
  // Storage is off: the system's theme stands.
}
