// Makes the pages quicker to use; all of them work without it.

const key = "arize-codex-theme";
const root = document.documentElement;

/** @param {string | null} theme */
function setTheme(theme) {
  root.classList.toggle("dark", theme === "dark");
  root.classList.toggle("light", theme === "light");
}

function toggleTheme() {
  const isDark = root.classList.contains("dark")
    || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = isDark ? "light" : "dark";
  localStorage.setItem(key, theme);
  setTheme(theme);
}

setTheme(localStorage.getItem(key));
const theme = document.querySelector("button.theme");
const help = document.querySelector("button.help");
const dialog = /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog.keys"));
for (const button of [theme, help]) button?.removeAttribute("hidden");
theme?.addEventListener("click", toggleTheme);
help?.addEventListener("click", () => dialog?.showModal());

/** The rows that keys go through: spans of a turn, or turns. */
function rows() {
  const spans = [...document.querySelectorAll("a.row")];
  return spans.length > 0 ? spans : [...document.querySelectorAll(".turns .prompt a")];
}

/** @param {number} step */
function move(step) {
  const all = rows();
  const focused = document.activeElement instanceof HTMLAnchorElement ? all.indexOf(document.activeElement) : -1;
  const chosen = all.findIndex((row) => row.getAttribute("aria-current"));
  const from = focused >= 0 ? focused : chosen;
  const next = all[Math.max(0, Math.min(all.length - 1, from + step))];
  if (!(next instanceof HTMLElement)) return;
  next.focus();
  if (next.classList.contains("row")) choose(next);
}

function search() {
  const words = document.querySelector("input[type=search]");
  if (words instanceof HTMLInputElement) words.focus();
  else location.href = "/turns";
}

let choosing = 0;
/**
 * Chooses a span in all panes.
 * @param {HTMLElement} row
 */
function choose(row) {
  const id = row.dataset.span;
  for (const part of document.querySelectorAll("[data-span]")) {
    const isChosen = part instanceof HTMLElement && part.dataset.span === id;
    if (isChosen) part.setAttribute("aria-current", "true");
    else part.removeAttribute("aria-current");
    if (isChosen && part !== row) showInPane(part);
  }
  const address = new URL(row.getAttribute("href") ?? "", location.href);
  history.replaceState(null, "", address.search);
  showAttributes(`${address.pathname}${address.search}&part=chosen`, ++choosing);
}

/**
 * Scrolls the pane that has this part, and never the page.
 * @param {HTMLElement} part
 */
function showInPane(part) {
  const pane = part.closest(".waterfall, .transcript");
  if (!pane) return;
  const [outer, inner] = [pane, part].map((element) => element.getBoundingClientRect());
  if (inner.top < outer.top) pane.scrollTop += inner.top - outer.top;
  else if (inner.bottom > outer.bottom) pane.scrollTop += Math.min(inner.bottom - outer.bottom, inner.top - outer.top);
}

/**
 * Puts the attributes of the chosen span into the page. The browser parses the answer as a document:
 * no text is ever assigned as markup.
 * @param {string} address
 * @param {number} turn
 */
function showAttributes(address, turn) {
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.addEventListener("load", () => {
    const next = request.responseXML?.querySelector("section.chosen");
    const now = document.querySelector("section.chosen");
    if (request.status === 200 && next && now && turn === choosing) {
      now.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
    }
  });
  request.open("GET", address);
  request.send();
}

/** Shows what a turn that goes on has more, and leaves the reader where he is. */
function follow() {
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.addEventListener("load", () => {
    const next = request.responseXML?.querySelector("main");
    const now = document.querySelector("main");
    if (request.status !== 200 || !next || !now) return;
    const panes = () => [...document.querySelectorAll(".waterfall, .transcript")];
    const places = panes().map((pane) => pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 4 ? Infinity : pane.scrollTop);
    now.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
    panes().forEach((pane, nth) => { pane.scrollTop = Math.min(places[nth] ?? 0, pane.scrollHeight); });
    if (request.responseXML?.body.dataset.live !== "follow") document.body.dataset.live = "tell";
  });
  request.open("GET", location.href);
  request.send();
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const row = event.target instanceof Element ? event.target.closest("a.row") : null;
  if (!(row instanceof HTMLElement)) return;
  event.preventDefault();
  choose(row);
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j" || event.key === "ArrowDown") move(1);
  else if (event.key === "k" || event.key === "ArrowUp") move(-1);
  else if (event.key === "g") location.href = "/turns";
  else if (event.key === "/") search();
  else if (event.key === "t") toggleTheme();
  else if (event.key === "?") dialog?.showModal();
  else return;
  event.preventDefault();
});

if (document.body.dataset.live) {
  const events = new EventSource("/events");
  const isFollowed = document.body.dataset.live === "follow";
  events.addEventListener("changed", () => {
    if (isFollowed) follow();
    else document.querySelector("p.news")?.removeAttribute("hidden");
  });
}
