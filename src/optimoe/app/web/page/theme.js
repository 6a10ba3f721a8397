// Sets the reader's own choice of light or dark before anything is drawn; without one the system's holds.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // a browser that keeps nothing follows the system
  }
})();
