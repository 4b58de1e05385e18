/* The page of `sabila review`: one row at a time, a verdict by keyboard, stored by the server before it counts as saved. */

const data = JSON.parse($("data").textContent);
const given = data.verdicts.map((one) => one || { verdict: "", reason: "", comment: "" });
const stored = given.map((one) => JSON.stringify(one));
const state = { at: 0, shown: 0, sending: Promise.resolve(), failed: "" };
const verdicts = [...document.querySelectorAll("[data-verdict]")];
const reasons = [...document.querySelectorAll("[data-reason]")];
const comment = $("comment");

const isSaved = (n) => !given[n].verdict || stored[n] === JSON.stringify(given[n]);

async function show(n) {
  keepComment();
  state.at = n;
  const mine = ++state.shown;
  buttons();
  const box = $("rows");
  let row;
  try {
    const answer = await fetch(`row?n=${n}`, { cache: "no-store" });
    row = await answer.json();
    if (!answer.ok) throw new Error(row.error);
  } catch (error) {
    if (mine === state.shown) box.replaceChildren(make("p", { class: "note", role: "alert" }, `The row cannot be read: ${error.message}. Is sabila review still running?`));
    return;
  }
  if (mine !== state.shown) return;
  const parts = [make("h2", {}, make("span", { class: "id" }, row.id)), facts(row)];
  for (const message of row.messages || []) parts.push(make("div", { class: "turn" }, ...block(message.role, message.content)));
  parts.push(...options(row));
  const texts = [["response", "Response"], ["rejected", "Rejected answer"], ["answer", "Answer in the source"], ["rationale", "Rationale in the source"], ["context", "Context"]];
  for (const [name, title] of texts) if (row[name]) parts.push(...block(title, row[name]));
  if (row.unavailable) parts.push(make("h4", {}, "History"), make("p", { class: "note" }, row.unavailable));
  parts.push(...historyList(row.history || []));
  box.replaceChildren(...parts);
  box.dataset.n = String(n);
  scrollTo(0, 0);
}

function buttons() {
  const one = given[state.at];
  for (const button of verdicts) button.setAttribute("aria-pressed", String(button.dataset.verdict === one.verdict));
  for (const button of reasons) {
    button.setAttribute("aria-pressed", String(button.dataset.reason === one.reason));
    button.disabled = one.verdict === "right";
  }
  if (comment.value !== one.comment) comment.value = one.comment;
  const done = given.filter((each, n) => each.verdict && isSaved(n)).length;
  $("summary").replaceChildren(make("b", {}, number(done)), ` of ${number(data.rows.length)} rows judged; this one is from ${data.rows[state.at].source}`);
  $("pages").textContent = `${number(state.at + 1)} of ${number(data.rows.length)}`;
  $("previous").disabled = state.at === 0;
  $("next").disabled = state.at === data.rows.length - 1;
  let said = "not judged yet";
  if (state.failed) said = state.failed;
  else if (one.verdict) said = isSaved(state.at) ? "stored" : "storing…";
  else if (one.reason || one.comment) said = "choose a verdict, so that reason and comment are stored";
  $("state").textContent = said;
  $("state").className = state.failed ? "note" : "";
}

function save(n) {
  if (isSaved(n)) { buttons(); return; }
  const body = JSON.stringify({ n, ...given[n] }), one = JSON.stringify(given[n]);
  state.sending = state.sending.then(async () => {
    try {
      const answer = await fetch("verdict", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (!answer.ok) throw new Error((await answer.json()).error);
      stored[n] = one;
      state.failed = "";
    } catch (error) {
      state.failed = `Row ${n + 1} is not stored: ${error.message}. Is sabila review still running? Choose its verdict again.`;
    }
    buttons();
  });
  buttons();
}

function set(name, value) {
  const one = given[state.at];
  if (name === "reason" && one.verdict === "right") return; // every reason names a fault
  one[name] = one[name] === value && name === "reason" ? "" : value;
  if (name === "verdict" && value === "right") one.reason = "";
  state.failed = "";
  save(state.at);
}

function keepComment() {
  const one = given[state.at];
  if (one.comment !== comment.value.trim()) { one.comment = comment.value.trim(); save(state.at); }
}

function move(n) { if (n >= 0 && n < data.rows.length) show(n); }

function nextOpen() {
  const order = [...data.rows.keys()].map((n) => (state.at + 1 + n) % data.rows.length);
  const open = order.find((n) => !given[n].verdict);
  if (open === undefined) { $("state").textContent = "every row is judged"; return; }
  show(open);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === comment) {
    if (event.key === "Escape") { comment.blur(); $("rows").focus({ preventScroll: true }); }
    return;
  }
  const byKey = { j: () => move(state.at + 1), k: () => move(state.at - 1), n: nextOpen, c: () => comment.focus() };
  for (const button of verdicts) byKey[button.dataset.verdict[0]] = () => set("verdict", button.dataset.verdict);
  reasons.forEach((button, n) => { byKey[String(n + 1)] = () => set("reason", button.dataset.reason); });
  const act = byKey[event.key];
  if (act) { event.preventDefault(); act(); }
}

theme();
for (const button of verdicts) button.addEventListener("click", () => set("verdict", button.dataset.verdict));
for (const button of reasons) button.addEventListener("click", () => set("reason", button.dataset.reason));
let later = 0;
comment.addEventListener("input", () => { clearTimeout(later); later = setTimeout(keepComment, 500); });
comment.addEventListener("blur", keepComment);
$("verdict").addEventListener("submit", (event) => event.preventDefault());
$("previous").addEventListener("click", () => move(state.at - 1));
$("next").addEventListener("click", () => move(state.at + 1));
document.addEventListener("keydown", key);
addEventListener("beforeunload", (event) => { keepComment(); if (!data.rows.every((_, n) => isSaved(n))) event.preventDefault(); });
const first = given.findIndex((one) => !one.verdict);
show(first < 0 ? 0 : first);
