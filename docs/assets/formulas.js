// Formulas are set by KaTeX from the site's own folder; nothing is loaded from elsewhere.
document.querySelectorAll(".arithmatex").forEach((element) => {
  const formula = element.textContent.trim();
  // Written by pymdownx.arithmatex as \( ... \) within a line and as \[ ... \] between lines.
  katex.render(formula.slice(2, -2), element, {
    displayMode: formula.startsWith("\\["),
    throwOnError: false,
  });
});
