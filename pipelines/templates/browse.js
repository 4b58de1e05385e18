/* Rows of `sabila browse`: all of the release, asked of the server that this page came from. */

const data = JSON.parse($("data").textContent);
const everything = data.values.status.reduce((sum, [, rows]) => sum + rows, 0);

async function get(path, asked) {
  const answer = await fetch(`${path}?${new URLSearchParams(asked)}`, { cache: "no-store" });
  const page = await answer.json();
  if (!answer.ok) throw new Error(page.error);
  return page;
}

const server = {
  async query(question) {
    const asked = { text: question.text, sort: question.sort, page: question.page, size: question.size };
    for (const [name, value] of Object.entries(question.filters)) asked[`by.${name}`] = value;
    for (const name of ["shortest", "longest"]) if (question[name] !== null) asked[name] = question[name];
    const from = performance.now();
    const page = await get("rows", asked);
    const note = [make("b", {}, number(page.total)), ` of ${number(everything)} rows, in ${Math.round(performance.now() - from)} ms`];
    return { rows: page.rows, total: page.total, values: page.values, note };
  },
  whole(row) { return get("row", { n: row.n }); },
};

theme();
for (const name of data.facets) fill($(`by-${name}`), data.values[name]);
rowsBrowser(server, data.facets).ask(0);
