// Failed tasks and active workers: lists that keep what the reader has unfolded while they change.

import { duration, element, number, plural } from "./format.js";

const MOST_FAILURES = 4; // and this many workers: more if the reader wants to see them
const MOST_WORKERS = 6;

// Put these nodes in this order, moving none that is in place (a moved <details> would lose the focus).
function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
}

class Failure {
  constructor() {
    this.when = element("span");
    this.summary = element("summary");
    this.fate = element("p", "dim fate");
    this.text = element("pre");
    this.text.tabIndex = 0; // so that it can be scrolled with the keyboard
    this.node = element("details", "", this.summary, this.fate, this.text);
    this.node.addEventListener("toggle", () => this.unfold());
  }

  show(told) {
    const key = JSON.stringify(told);
    if (key === this.key) return;
    [this.key, this.told] = [key, told];
    const error = told.error || "No error was recorded (only that it failed).";
    const about = element("p", "dim about", element("span", "call", told.call), this.when);
    if (told.attempts > 1) about.append(element("span", "", `failed ${number(told.attempts)} times`));
    if (told.locked) about.append(element("span", "", "not run again until jug cleanup --failed-only"));
    this.summary.replaceChildren(element("p", "error", error), about);
    this.unfolded = "";
    this.unfold(); // it may be open, and have failed once more
  }

  unfold() {
    if (!this.node.open || this.unfolded === this.key) return;
    this.unfolded = this.key;
    const { call, error, host, pid, locked } = this.told;
    const where = host ? `On ${host}, process ${pid}. ` : "";
    const fate = locked
      ? "No worker tries it again, until “jug cleanup --failed-only” gives it free."
      : "Workers that are running leave it alone. The next run tries it again, or “jug execute --retry-failed”.";
    this.fate.textContent = where + fate;
    this.text.textContent ||= call;
    if (error) this.fetch();
  }

  async fetch() {
    try {
      const response = await fetch(`failures/${this.told.task}.json`);
      const { call, traceback } = await response.json();
      this.text.textContent = `${call || this.told.call}\n\n${traceback}`;
    } catch {
      this.text.textContent = `${this.told.call}\n\nThe server does not answer: the traceback cannot be shown.`;
      this.unfolded = ""; // unfolded again, it is asked for again
    }
  }

  tick(now) {
    const age = now - this.told.time;
    this.when.hidden = !this.told.time;
    this.when.textContent = age < 2 ? "just now" : `${duration(age)} ago`;
  }
}

export class Failures {
  constructor() {
    this.known = new Map(); // by task; one that is tried again and fails again comes back as it was
    this.shown = [];
    this.most = MOST_FAILURES;
    this.more = document.getElementById("failures-more");
    this.more.addEventListener("click", () => {
      this.most = Infinity;
      this.show(this.told, this.matches);
    });
  }

  show(told, matches) {
    [this.told, this.matches] = [told, matches];
    const found = told.list.filter((failure) => matches(failure.name));
    this.shown = found.slice(0, this.most).map((one) => {
      if (!this.known.has(one.task)) this.known.set(one.task, new Failure());
      const failure = this.known.get(one.task);
      failure.show(one);
      return failure;
    });
    arrange(document.getElementById("failures-list"), this.shown.map((failure) => failure.node));
    document.getElementById("failures").hidden = !this.shown.length;
    document.getElementById("failures-count").textContent = number(told.count);
    this.more.textContent = `Show all ${number(found.length)}`;
    this.more.hidden = found.length <= this.most;
    const note = document.getElementById("failures-note");
    note.hidden = told.list.length === told.count;
    note.textContent = `The last ones, and the last one of each name; ${number(told.count)} in all.`;
  }

  tick(now) {
    for (const failure of this.shown) failure.tick(now);
  }
}

export class Workers {
  constructor() {
    this.most = MOST_WORKERS;
    this.told = { count: 0, list: [] };
    this.more = document.getElementById("workers-more");
    this.more.addEventListener("click", () => {
      this.most = Infinity;
      this.show(this.told);
    });
  }

  show(told) {
    this.told = told;
    this.times = [];
    const items = told.list.slice(0, this.most).map((worker) => this.item(worker));
    document.getElementById("workers-list").replaceChildren(...items);
    document.getElementById("workers").hidden = told.list.length === 0;
    document.getElementById("workers-count").textContent = number(told.count);
    this.more.textContent = `Show all ${number(told.list.length)}`;
    this.more.hidden = told.list.length <= this.most;
  }

  item(worker) {
    const by = worker.user ? ` of ${worker.user}` : "";
    const process = worker.pid ? element("span", "dim", ` process ${worker.pid}${by}`) : null;
    const who = element("span", "who", worker.host || "A worker that does not say who it is", process);
    const [task] = worker.tasks;
    const doing = element("span", "doing", task ? call(task) : element("span", "dim", "no task at the moment"));
    if (worker.tasks.length > 1) doing.append(element("span", "dim", ` and ${plural(worker.tasks.length - 1, "more task")}`));
    const long = element("span", "long dim");
    if (worker.gone) {
      doing.append(element("span", "dim", ": to run again when a worker comes"));
      long.textContent = "gone";
    } else if (task?.since) this.times.push([long, task.since]);
    return element("li", worker.gone ? "gone" : task ? "" : "between", who, doing, long);
  }

  tick(now) {
    for (const [node, since] of this.times ?? []) {
      const seconds = now - since;
      node.textContent = seconds < 1 ? "just begun" : `for ${duration(seconds)}`;
    }
  }
}

function call(task) {
  return task.name ? element("span", "call", task.call) : element("span", "dim", "a task that this jugfile does not have");
}
