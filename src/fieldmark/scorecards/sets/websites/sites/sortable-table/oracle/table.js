const head = document.querySelector("thead tr"), body = document.querySelector("tbody");

function parse(text) {
  return text.trim().split(/\r?\n/).map(line =>
    [...line.matchAll(/("([^"]|"")*"|[^,]*)(,|$)/g)].slice(0, 4)
      .map(match => match[1].replace(/^"|"$/g, "").replaceAll('""', '"').trim()));
}

function show(rows) {
  body.replaceChildren(...rows.map(fields => {
    const row = document.createElement("tr");
    for (const field of fields) row.insertCell().textContent = field;
    return row;
  }));
}

function compare(rows, column) {
  if (rows.every(row => row[column] !== "" && !isNaN(row[column]))) return (a, b) => a[column] - b[column];
  return (a, b) => a[column].toLowerCase().localeCompare(b[column].toLowerCase());
}

function sort(rows, column) {
  const heading = head.children[column];
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of head.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const order = compare(rows, column);
  show([...rows].sort((a, b) => (down ? order(b, a) : order(a, b))));
}

async function load() {
  const answer = await fetch("data/harbours.csv");
  if (!answer.ok) throw new Error(answer.status);
  const [names, ...rows] = parse(await answer.text());
  names.forEach((name, column) => {
    const heading = document.createElement("th"), button = document.createElement("button");
    button.textContent = name;
    button.onclick = () => sort(rows, column);
    heading.scope = "col";
    heading.append(button);
    head.append(heading);
  });
  show(rows);
  document.querySelector("[role=status]").textContent = `${rows.length} harbours`;
}

load().catch(() => {
  document.querySelector("table").insertAdjacentHTML("beforebegin", '<p role="alert">The data could not be loaded.</p>');
});
