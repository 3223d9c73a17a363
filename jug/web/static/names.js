// The table of names: rows are made once and filled in anew, sorted, filtered, and of thousands only the first.

import { Bar, RARE, element, name, number } from "./format.js";

const MOST = 400;
const COLUMNS = ["finished", "running", "claimed", "failed", "abandoned", "ready", "waiting"];

class Row {
  constructor(fullName) {
    this.node = element("tr");
    this.node.setAttribute("role", "row");
    this.bar = new Bar(element("div", "bar"));
    this.cells = Object.fromEntries(COLUMNS.map((column) => [column, element("td")]));
    this.node.append(element("td", "", name(fullName)), element("td", "", this.bar.node), ...Object.values(this.cells));
    for (const cell of this.node.cells) cell.setAttribute("role", "cell");
    for (const [column, cell] of Object.entries(this.cells)) cell.dataset.label = column;
  }

  show(counts) {
    const told = JSON.stringify(counts);
    if (told === this.told) return;
    this.told = told;
    this.bar.show(counts.name, counts);
    for (const [column, cell] of Object.entries(this.cells)) {
      cell.classList.toggle("none", !counts[column] && column !== "finished");
      cell.classList.toggle("bad", column === "failed" && counts.failed > 0);
      cell.classList.toggle("left", column === "abandoned" && counts.abandoned > 0);
      cell.textContent = number(counts[column]);
    }
    const of = `\u2009/\u2009${number(counts.tasks)}`;
    this.cells.finished.append(element("span", "of", of));
  }
}

export class Names {
  constructor(onFilter) {
    this.rows = new Map();
    this.all = [];
    this.sort = null; // [key, 1 or -1], or the order of the jugfile
    this.most = MOST;
    this.body = document.getElementById("rows");
    this.filter = document.getElementById("filter");
    this.more = document.getElementById("names-more");
    this.filter.addEventListener("input", () => {
      this.draw();
      onFilter();
    });
    this.more.addEventListener("click", () => {
      this.most = Infinity;
      this.draw();
    });
    for (const header of document.querySelectorAll("th")) {
      header.firstElementChild.addEventListener("click", () => this.sortBy(header));
    }
  }

  // What is typed may be anywhere in a name, in any case; words in any order.
  matches(fullName) {
    const wanted = this.filter.value.toLowerCase().split(/\s+/);
    return wanted.every((word) => fullName.toLowerCase().includes(word));
  }

  sortBy(header) {
    const key = header.dataset.key;
    const first = key === "name" || key === "progress" ? 1 : -1;
    if (this.sort?.[0] !== key) this.sort = [key, first];
    else this.sort = this.sort[1] === first ? [key, -first] : null;
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    if (this.sort) header.setAttribute("aria-sort", this.sort[1] > 0 ? "ascending" : "descending");
    this.draw();
  }

  show(names) {
    const known = new Set(names.map((counts) => counts.name));
    for (const gone of [...this.rows.keys()].filter((fullName) => !known.has(fullName))) this.rows.delete(gone);
    this.all = names;
    // Columns that are rarely of interest.
    for (const state of RARE) {
      this.body.parentElement.classList.toggle(`has-${state}`, names.some((counts) => counts[state]));
    }
    this.draw();
  }

  draw() {
    const found = this.all.filter((counts) => this.matches(counts.name));
    if (this.sort) {
      const [key, sign] = this.sort;
      const collator = new Intl.Collator("en", { numeric: true });
      const value = key === "progress" ? (row) => row.finished / row.tasks : (row) => row[key];
      const compare = key === "name" ? (a, b) => collator.compare(a.name, b.name) : (a, b) => value(a) - value(b);
      found.sort((a, b) => sign * compare(a, b));
    }
    const shown = found.slice(0, this.most).map((counts) => this.row(counts));
    if (shown.length !== this.body.children.length || shown.some((row, i) => row !== this.body.children[i])) {
      this.body.replaceChildren(...shown);
    }
    const isFiltered = found.length !== this.all.length;
    const total = number(this.all.length);
    document.getElementById("names-count").textContent = isFiltered ? `${number(found.length)} of ${total}` : total;
    const nothing = document.getElementById("nothing");
    nothing.textContent = `No name contains “${this.filter.value.trim()}”.`;
    nothing.hidden = found.length > 0;
    this.body.parentElement.hidden = found.length === 0;
    this.filter.hidden = this.all.length < 2;
    this.more.textContent = `Show all ${number(found.length)}`;
    this.more.hidden = found.length <= this.most;
  }

  row(counts) {
    let row = this.rows.get(counts.name);
    if (!row) this.rows.set(counts.name, (row = new Row(counts.name)));
    row.show(counts);
    return row.node;
  }
}
