// Numbers and times in words, and small things made of elements. Text is always set as text: names are the user's.

// Of these, only those are told that there are.
export const RARE = ["claimed", "abandoned"];
export const STATES = ["finished", "running", "claimed", "failed", "abandoned", "ready", "waiting"];

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

const whole = new Intl.NumberFormat("en");

export function number(value) {
  return whole.format(value).replaceAll(",", "\u202f");
}

export function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export function percent(part, all) {
  if (!all) return 0;
  return part === all ? 100 : Math.min(99, Math.floor((100 * part) / all)); // 100 only when it is
}

export function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.round(hours / 24);
  return days < 1000 ? `${days} days` : `${number(Math.round(days / 365))} years`;
}

export function perTime(perSecond) {
  const units = [[1, "second"], [60, "minute"], [3600, "hour"], [86400, "day"]];
  const [factor, unit] = units.find(([seconds]) => perSecond * seconds >= 2) ?? units.at(-1);
  const count = perSecond * factor;
  return `${count < 10 ? count.toFixed(1).replace(/\.0$/, "") : number(Math.round(count))} per ${unit}`;
}

export function name(full) {
  const dot = full.lastIndexOf(".");
  const module = dot > 0 ? element("span", "module", full.slice(0, dot + 1)) : null;
  return element("span", "name", module, full.slice(dot > 0 ? dot + 1 : 0));
}

// A bar that keeps its segments, so that they can move.
export class Bar {
  constructor(node) {
    this.node = node;
    node.setAttribute("role", "progressbar");
    node.setAttribute("aria-valuemin", "0");
    this.segments = STATES.map((state) => element("span", state));
    node.append(...this.segments);
  }

  show(label, counts) {
    const all = counts.tasks;
    const told = STATES.filter((state) => counts[state]).map((state) => `${number(counts[state])} ${state}`);
    this.node.setAttribute("aria-label", label);
    this.node.setAttribute("aria-valuemax", String(all || 1));
    this.node.setAttribute("aria-valuenow", String(counts.finished));
    this.node.setAttribute("aria-valuetext", `${told.join(", ") || "none"}, of ${number(all)}`);
    this.node.title = told.join(", ");
    for (const segment of this.segments) {
      const count = counts[segment.classList[0]];
      segment.style.flexGrow = count;
      segment.hidden = !count;
    }
  }
}
