// What pages do in the browser, apart from what htmx does: theme, dialogs, player, and the age of what is shown.
"use strict";

const one = (selector) => document.querySelector(selector);

// Theme

const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function showTheme() {
  const button = one("#theme");
  button.hidden = false;
  button.setAttribute("aria-pressed", String(isDark()));
  document.dispatchEvent(new CustomEvent("theme"));
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  showTheme();
}

// Player and downloads: the URL of a file is only made when it is wanted.

async function presigned(url, download) {
  const response = await fetch(url + (download ? "&download=1" : ""), { headers: { Accept: "application/json" } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || "The file cannot be reached.");
  return body.url;
}

function whyNotPlayed(code) {
  if (code === MediaError.MEDIA_ERR_NETWORK) return "The connection to the store failed. Press Play again.";
  if (code === MediaError.MEDIA_ERR_DECODE) return "The browser cannot play this file. Download it instead.";
  // The same code for a format that the browser does not know, and for a store that it cannot reach or that denies it.
  return "The browser cannot play this file, or cannot reach it in the store. Download it instead.";
}

async function play(button) {
  const player = one("#player");
  const problem = one("#player-problem");
  const media = document.createElement(button.dataset.play === "audio" ? "audio" : "video");
  media.controls = true;
  media.preload = "metadata";
  player.dataset.url = button.dataset.url;
  one("#player-title").textContent = button.dataset.name;
  one("#player-media").replaceChildren(media);
  problem.hidden = true;
  player.hidden = false;
  player.focus();
  const fail = (text) => {
    problem.textContent = text;
    problem.hidden = false;
  };
  let began = 0;
  media.addEventListener("error", async () => {
    // The URL works for an hour. A film that has played since it was made goes on with a new one.
    const { currentTime, paused } = media;
    if (currentTime === began) return fail(whyNotPlayed(media.error?.code));
    began = currentTime;
    try {
      media.src = await presigned(button.dataset.url, false);
      media.currentTime = currentTime;
      if (!paused) await media.play();
    } catch (error) {
      fail(error.message);
    }
  });
  try {
    media.src = await presigned(button.dataset.url, false);
    await media.play();
  } catch (error) {
    // A browser may refuse to begin by itself: then the play button of the player does.
    if (error.name !== "NotAllowedError" && error.name !== "NotSupportedError") fail(error.message);
  }
}

function closePlayer() {
  const player = one("#player");
  one("#player-media").replaceChildren();
  player.hidden = true;
  // Where the person was before.
  [...document.querySelectorAll("[data-play]")].find((button) => button.dataset.url === player.dataset.url)?.focus();
}

async function download(button) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true"; // a disabled button would lose the focus
  try {
    location.assign(await presigned(button.dataset.url, true));
  } catch (error) {
    alert(error.message);
  } finally {
    button.ariaBusy = null;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const menu = one("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
  if (!button) return;
  if (button.id === "theme") switchTheme();
  else if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if (button.dataset.play) play(button);
  else if ("download" in button.dataset) download(button);
  else if ("closePlayer" in button.dataset) closePlayer();
});

document.addEventListener("keydown", (event) => {
  const menu = one("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  const search = one('input[type="search"]');
  if (event.key === "/" && event.ctrlKey && search && !event.target.closest("input, textarea, select, dialog")) {
    event.preventDefault();
    search.focus();
  }
});

// Parts of the page that keep themselves up to date

let updated = Date.now();

document.addEventListener("htmx:before:request", (event) => {
  // Nobody looks at a page in the background, and an open dialog must not change.
  const source = event.detail.ctx.sourceElement;
  if (source.closest?.("[data-live]") && (document.hidden || one("dialog[open]"))) event.preventDefault();
});

document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail.ctx.response?.status ?? 0;
  if (status === 0 || status >= 500) {
    showAge();
  } else {
    // What is refused says so itself, in place of what it would have shown.
    if (status < 400) updated = Date.now();
    one("#offline").hidden = true;
  }
});

document.addEventListener("htmx:error", showAge);

function showAge() {
  const minutes = Math.floor((Date.now() - updated) / 60000);
  one("#offline-age").textContent = minutes < 1 ? "less than a minute" : minutes === 1 ? "a minute" : `${minutes} minutes`;
  one("#offline").hidden = false;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
showTheme();
