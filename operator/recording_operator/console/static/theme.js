// Before anything is drawn: the colours that were chosen with the switch. Without a choice, the system's.
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
