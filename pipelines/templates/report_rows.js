"use strict";
/* The browser of rows, of the report and of `sabila browse`. What differs between them is where rows come from:
   `from.query(question)` gives {rows, total, note} and `from.whole(row)` all of one row. Text is only ever set as text. */

const PAGE = 50;
const $ = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function number(value) { return Number(value).toLocaleString("en-US"); }

/* --- light and dark --- */

function theme() {
  const root = document.documentElement, button = $("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const tell = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; };
  let kept = null;
  try { kept = localStorage.getItem("sabila-theme"); } catch { /* a browser that keeps nothing */ }
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  button.addEventListener("click", () => {
    root.dataset.theme = now() === "dark" ? "light" : "dark";
    try { localStorage.setItem("sabila-theme", root.dataset.theme); } catch { /* as above */ }
    tell();
  });
  dark.addEventListener("change", tell);
  tell();
}

/* --- one row --- */

function marked(text, words) {
  const found = document.createDocumentFragment();
  if (!words) { found.append(text); return found; }
  const small = text.toLowerCase();
  let from = 0;
  if (small.length === text.length) {
    for (let at = small.indexOf(words); at >= 0; at = small.indexOf(words, from)) {
      found.append(text.slice(from, at), make("mark", {}, text.slice(at, at + words.length)));
      from = at + words.length;
    }
  }
  found.append(text.slice(from));
  return found;
}

function block(title, text, words) {
  return [make("h4", {}, title), make("div", { class: "txt", dir: "auto" }, marked(String(text), words))];
}

function facts(row) {
  const grid = make("dl", { class: "facts-grid" });
  const place = row.file ? `${row.file}${row.line ? `, line ${number(row.line)}` : ""}` : "";
  const chars = [[row.prompt_chars, "in the prompt"], [row.response_chars, "in the response"]].filter(([count]) => count);
  const size = row.tokens ? `${chars.map(([count, where]) => `${number(count)} characters ${where}`).join(", ")}, about ${number(row.tokens)} tokens` : "";
  const facts = [["Source", row.source], ["Read from", place], ["Licence", row.license], ["Task", row.task], ["Language", row.lang],
    ["Split", row.split], ["Length", size], ["Changed by", (row.changed_by || []).join(", ")]];
  for (const [name, value] of facts) if (value) grid.append(make("dt", {}, name), make("dd", {}, value));
  return grid;
}

function ending(row) {
  if (row.status === "kept") return null;
  const box = make("div", { class: "ended" }, make("b", {}, `${row.reason || row.status} `), `in step ${row.step}`);
  let evidence = row.evidence, parsed = null;
  try { parsed = JSON.parse(evidence); } catch { /* evidence in words */ }
  if (parsed && typeof parsed === "object" && !Array.isArray(parsed)) {
    const grid = make("dl", { class: "facts-grid" });
    for (const [name, value] of Object.entries(parsed)) {
      if (value !== null) grid.append(make("dt", {}, name.replaceAll("_", " ")), make("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)));
    }
    box.append(grid);
  } else if (evidence) {
    box.append(make("div", {}, evidence));
  }
  if (row.status === "dropped" && !FINAL.includes(row.reason)) {
    box.append(make("div", { class: "soft" }, "To put it back: ", make("code", {}, `sabila override ${quoted(row.id)} --by NAME --reason WHY`)));
  }
  return box;
}

// Reasons that no override sets aside (NEVER_PASSED of quality/overrides.py), and that of an override itself.
const FINAL = ["held_out_split", "license", "split_conflict", "override"];

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function options(row) {
  if (!row.options || !row.options.length) return [];
  const gold = new Set(row.gold || []);
  const list = make("ol", { class: "options", type: "A" });
  row.options.forEach((option, n) => list.append(make("li", gold.has(n) ? { class: "gold" } : {}, option, gold.has(n) ? " ✓" : "")));
  return [make("h4", {}, "Options"), list];
}

function historyList(events) {
  const list = make("ol", { class: "history" });
  let still = [];
  const pass = () => {
    if (still.length) list.append(make("li", { class: "soft" }, `${still.join(", ")}: kept unchanged`));
    still = [];
  };
  for (const event of events) {
    if (event.status === "kept" && ![event.lines, event.changes, event.tables].some((one) => one.length)) { still.push(event.step); continue; }
    pass();
    const item = make("li", {}, make("b", {}, event.step), " ", make("span", { class: `chip ${event.status}` }, event.status.replaceAll("_", " ")));
    if (event.because) item.append(` ${event.because}`);
    for (const line of event.lines) item.append(make("div", { class: "soft" }, line));
    for (const change of event.changes) item.append(make("div", { class: "count" }, `${change.field}, removed and added`), changed(change.pieces));
    for (const table of event.tables) item.append(found(table));
    list.append(item);
  }
  pass();
  return events.length ? [make("h4", {}, "History"), list] : [];
}

function changed(pieces) {
  const tags = { "=": "span", "-": "del", "+": "ins" };
  return make("div", { class: "txt", dir: "auto" }, ...pieces.map(([kind, text]) => make(tags[kind], {}, text)));
}

function found(table) {
  const box = make("details", {}, make("summary", {}, `${table.name} (${number(table.total)})`));
  for (const row of table.rows) {
    const words = [];
    const texts = [];
    for (const [name, value] of Object.entries(row)) {
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      if (text.length > 100) texts.push(make("div", { class: "count" }, name.replaceAll("_", " ")), make("div", { class: "txt", dir: "auto" }, text));
      else words.push(`${name.replaceAll("_", " ")} ${text}`);
    }
    box.append(make("div", { class: "pair" }, make("p", { class: "soft" }, words.join(" · ")), ...texts));
  }
  if (table.rows.length < table.total) box.append(make("p", { class: "count" }, `${number(table.rows.length)} of ${number(table.total)}`));
  return box;
}

function whole(row, words, close) {
  const button = make("button", { type: "button", "aria-label": "Close the row" }, "Close");
  button.addEventListener("click", close);
  const title = make("h3", { tabindex: "-1" }, make("span", { class: "id" }, row.id));
  const parts = [make("div", { class: "head" }, make("div", {}, make("span", { class: `chip ${row.status}` }, row.status), title), button), facts(row), ending(row)];
  if (!row.has_text) parts.push(make("p", { class: "note" }, "The text of this row is not available: it is in the store in which the release was built."));
  for (const message of row.messages || []) parts.push(make("div", { class: "turn" }, ...block(message.role, message.content, words)));
  parts.push(...options(row));
  for (const [name, title_] of [["response", "Response"], ["rejected", "Rejected answer"], ["answer", "Answer in the source"], ["rationale", "Rationale in the source"], ["text", "Raw text"], ["context", "Context"]]) {
    if (row[name]) parts.push(...block(title_, row[name], words));
  }
  if (row.unavailable) parts.push(make("h4", {}, "History"), make("p", { class: "note" }, row.unavailable));
  parts.push(...historyList(row.history || []));
  return parts.filter((part) => part !== null);
}

/* --- the list, its filters and keys --- */

function rowsBrowser(from, facets) {
  const state = { rows: [], total: 0, page: 0, at: 0, open: null, asked: 0 };
  const list = $("list"), detail = $("detail");
  const selects = Object.fromEntries(facets.map((name) => [name, $(`by-${name}`)]));

  function question() {
    const filters = {};
    for (const name of facets) if (selects[name].value) filters[name] = selects[name].value === "(none)" ? "" : selects[name].value;
    const length = (id) => ($(id).value === "" ? null : Math.max(0, Math.floor(Number($(id).value))));
    return { filters, text: $("search").value.trim().toLowerCase(), shortest: length("shortest"), longest: length("longest"), sort: $("sort").value, page: state.page, size: PAGE };
  }

  async function ask(page, at) {
    const mine = ++state.asked;
    state.page = page;
    list.setAttribute("aria-busy", "true");
    let found;
    try { found = await from.query(question()); } catch (error) {
      if (mine === state.asked) $("summary").textContent = `No answer: ${error.message}`;
      return;
    }
    if (mine !== state.asked) return;
    state.rows = found.rows; state.total = found.total; state.at = at === "last" ? Math.max(found.rows.length - 1, 0) : 0;
    for (const [name, values] of Object.entries(found.values || {})) refill(selects[name], values);
    list.removeAttribute("aria-busy");
    list.scrollTop = 0;
    draw(found.note);
  }

  function draw(note) {
    const words = question().text;
    list.replaceChildren(...state.rows.map((row, n) => item(row, n, words)));
    if (!state.rows.length) list.append(make("li", { class: "none", role: "presentation" }, "No row matches."));
    const first = state.page * PAGE;
    $("summary").replaceChildren(...note);
    $("pages").textContent = state.rows.length ? `${number(first + 1)} – ${number(first + state.rows.length)} of ${number(state.total)}` : "0";
    $("previous").disabled = state.page === 0;
    $("next").disabled = first + state.rows.length >= state.total;
  }

  function item(row, n, words) {
    const size = row.tokens ? `about ${number(row.tokens)} tokens` : "";
    const facts = [row.reason, row.source, row.task, row.lang, size].filter(Boolean).map((text) => make("span", {}, text));
    const made = make("li", { role: "option", id: `row-${n}`, tabindex: n === state.at ? "0" : "-1", "aria-selected": String(state.open === row.id) },
      make("div", { class: "line" }, make("span", { class: "id" }, marked(row.id, words)), make("span", { class: `chip ${row.status}` }, row.status)),
      make("div", { class: "excerpt", dir: "auto" }, marked(row.excerpt || "", words)),
      make("div", { class: "facts" }, ...facts));
    made.addEventListener("click", () => { move(n, false); open(); });
    return made;
  }

  function move(n, focus = true) {
    const items = list.querySelectorAll("[role=option]");
    if (n < 0) { if (state.page > 0) ask(state.page - 1, "last").then(() => move(state.at)); return; }
    if (n >= items.length) { if (!$("next").disabled) ask(state.page + 1, 0).then(() => move(0)); return; }
    items[state.at]?.setAttribute("tabindex", "-1");
    state.at = n;
    items[n].setAttribute("tabindex", "0");
    if (focus) { items[n].focus({ preventScroll: true }); items[n].scrollIntoView({ block: "nearest" }); if (state.open !== null) open(false); }
  }

  async function open(focus = true) {
    const row = state.rows[state.at];
    if (!row) return;
    state.open = row.id;
    list.querySelectorAll("[role=option]").forEach((one, n) => one.setAttribute("aria-selected", String(n === state.at)));
    let all;
    try { all = await from.whole(row); } catch (error) { all = { ...row, text: `No answer: ${error.message}` }; }
    if (state.open !== row.id) return;
    detail.replaceChildren(...whole(all, question().text, close));
    delete detail.dataset.empty;
    detail.scrollTop = 0;
    if (focus) detail.querySelector("h3").focus({ preventScroll: true });
  }

  function close() {
    if (state.open === null) return;
    state.open = null;
    detail.dataset.empty = "";
    detail.replaceChildren(make("p", { class: "none" }, "Choose a row to read it here."));
    list.querySelectorAll("[role=option]").forEach((one) => one.setAttribute("aria-selected", "false"));
    list.querySelectorAll("[role=option]")[state.at]?.focus();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") { if (typing) event.target.blur(); close(); return; }
    if (typing) { if (event.key === "Enter") { event.preventDefault(); move(0); } return; }
    const inList = list.contains(event.target);
    const focused = list.contains(document.activeElement) || state.open !== null;
    if (event.key === "/") { event.preventDefault(); $("search").focus(); $("search").select(); }
    else if (event.key === "j" || (inList && event.key === "ArrowDown")) { event.preventDefault(); move(focused ? state.at + 1 : state.at); }
    else if (event.key === "k" || (inList && event.key === "ArrowUp")) { event.preventDefault(); move(focused ? state.at - 1 : state.at); }
    else if (inList && event.key === "Enter") { event.preventDefault(); open(); }
  }

  let later = 0;
  const soon = () => { clearTimeout(later); later = setTimeout(() => ask(0), 160); };
  for (const id of ["search", "shortest", "longest"]) $(id).addEventListener("input", soon);
  for (const name of facets) selects[name].addEventListener("change", () => ask(0));
  $("sort").addEventListener("change", () => ask(0));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(() => ask(0)));
  $("previous").addEventListener("click", () => ask(state.page - 1));
  $("next").addEventListener("click", () => ask(state.page + 1));
  document.addEventListener("keydown", key);
  $("more").open = innerWidth > 820;
  return { ask, selects };
}

function option(value, rows) { return `${value === "" ? "not known" : value} (${number(rows)})`; }

function fill(select, values) {
  for (const [value, rows] of values) {
    if (value === "" && select.id === "by-reason") continue;  // rows that were not dropped
    select.append(make("option", { value: value === "" ? "(none)" : value }, option(value, rows)));
  }
}

/* Counts follow the other filters: an option says how many rows choosing it would show. */
function refill(select, values) {
  const counts = new Map(values.map(([value, rows]) => [value === "" ? "(none)" : value, [value, rows]]));
  for (const one of select.options) if (counts.has(one.value)) one.textContent = option(...counts.get(one.value));
}
