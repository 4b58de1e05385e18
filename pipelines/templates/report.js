/* Rows of the report: the sample in the page, and the counts of all rows behind every filter. */

const data = JSON.parse($("data").textContent);
const all = data.counts.cells.reduce((sum, cell) => sum + cell[cell.length - 1], 0);

function counted(by) {
  const wanted = data.facets.map((name) => (name in by ? data.counts.names[name].indexOf(by[name]) : -1));
  let sum = 0;
  for (const cell of data.counts.cells) {
    if (wanted.every((place, n) => place < 0 ? !(data.facets[n] in by) : cell[n] === place)) sum += cell[cell.length - 1];
  }
  return sum;
}

/* Of each filter its values with their rows, under all the other filters. */
function values(by) {
  const sums = Object.fromEntries(data.facets.map((name) => [name, new Array(data.counts.names[name].length).fill(0)]));
  const wanted = data.facets.map((name) => (name in by ? data.counts.names[name].indexOf(by[name]) : null));
  for (const cell of data.counts.cells) {
    const unlike = data.facets.filter((name, n) => wanted[n] !== null && wanted[n] !== cell[n]);
    data.facets.forEach((name, n) => {
      if (unlike.every((other) => other === name)) sums[name][cell[n]] += cell[cell.length - 1];
    });
  }
  return Object.fromEntries(data.facets.map((name) => [name, data.counts.names[name].map((value, at) => [value, sums[name][at]])]));
}

for (const row of data.rows) {
  row.excerpt = (row.messages || []).filter((one) => one.role !== "system").map((one) => one.content).join(" ").slice(0, 240) || (row.text || "").slice(0, 240);
  row.length = (row.prompt_chars || 0) + (row.response_chars || 0);
  row.small = [row.id, ...(row.messages || []).map((one) => one.content), row.response, row.rejected, row.answer, row.text].filter(Boolean).join("\n").toLowerCase();
}

const ORDERS = {
  id: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  long: (a, b) => b.length - a.length,
  short: (a, b) => a.length - b.length,
};

function fits(row, question) {
  for (const [name, value] of Object.entries(question.filters)) if ((row[name] || "") !== value) return false;
  if (question.shortest !== null && row.length < question.shortest) return false;
  if (question.longest !== null && row.length > question.longest) return false;
  return !question.text || row.small.includes(question.text);
}

function note(question, found) {
  const bold = (value) => make("b", {}, number(value));
  const within = Object.keys(question.filters).length ? " that match these filters" : "";
  const said = [bold(found), " sampled rows, out of ", bold(counted(question.filters)), ` rows of the release and its ledger${within} (all counted).`];
  if (question.text || question.shortest !== null || question.longest !== null) {
    said.push(" Search and length filters cover the sample only: ", bold(data.rows.length), " of ", bold(all), " rows.");
  }
  return said;
}

const sample = {
  async query(question) {
    const found = data.rows.filter((row) => fits(row, question));
    if (question.sort) found.sort(ORDERS[question.sort]);
    const first = question.page * question.size;
    return { rows: found.slice(first, first + question.size), total: found.length, values: values(question.filters), note: note(question, found.length) };
  },
  async whole(row) { return row; },
};

theme();
for (const [name, counts] of Object.entries(values({}))) fill($(`by-${name}`), counts);
const shownRows = rowsBrowser(sample, data.facets);
document.querySelectorAll("button[data-facet]").forEach((button) => button.addEventListener("click", () => {
  $("filters").reset();
  shownRows.selects[button.dataset.facet].value = button.dataset.value === "" ? "(none)" : button.dataset.value;
  shownRows.ask(0);
  $("rows").scrollIntoView();
  $("list").querySelector("[tabindex='0']")?.focus({ preventScroll: true });
}));
shownRows.ask(0);
