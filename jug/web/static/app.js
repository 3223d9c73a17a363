// Asks for the status again and again and shows it; says so when nobody answers, and goes on asking.

import { Bar, duration, element, number, percent, perTime, plural, RARE, STATES } from "./format.js";
import { Names } from "./names.js";
import { Failures, Workers } from "./people.js";

const $ = (id) => document.getElementById(id);
const LONGEST_PAUSE = 10; // seconds, while nobody answers
const LONGEST_REQUEST = 30;

const failures = new Failures();
const workers = new Workers();
const names = new Names(() => showFailures());
const totalBar = new Bar($("total-bar"));
let status = null;
let etag = "";
let looked = 0; // when the store was looked at, by performance.now() in seconds
let offset = 0; // what the server's clock is ahead of ours
let silentSince = null;
let isRefused = false; // the server has been started again, with another token
let pause = 1;
let timer = 0;

const seconds = () => performance.now() / 1000;
const serverTime = () => Date.now() / 1000 + offset;

// Asking

async function ask() {
  clearTimeout(timer);
  if (document.hidden) return; // nobody looks: the server need not, either
  try {
    const response = await fetch("status.json", {
      headers: etag ? { "If-None-Match": etag } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(1000 * LONGEST_REQUEST),
    });
    isRefused = response.status === 403;
    if (response.status !== 304) {
      if (!response.ok) throw new Error(`${response.status}`);
      status = await response.json();
      etag = response.headers.get("ETag") ?? "";
    }
    looked = seconds() - Number(response.headers.get("Age") ?? 0);
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (date) offset = date / 1000 - Date.now() / 1000;
    silentSince = null;
    pause = status.interval;
  } catch {
    silentSince ??= new Date();
    pause = Math.min(LONGEST_PAUSE, Math.max(1, 1.5 * pause));
  }
  show();
  clearTimeout(timer);
  timer = setTimeout(ask, 1000 * pause);
}

// Showing

function show() {
  document.body.classList.toggle("stale", silentSince !== null);
  showNotices();
  if (status) {
    const { totals } = status;
    $("jugfile").textContent = status.jugfile;
    $("jugdir").textContent = status.jugdir;
    $("version").textContent = status.jug;
    $("summary").hidden = false;
    $("names").hidden = totals.tasks === 0;
    showSummary(totals);
    showFailures();
    workers.show(status.workers);
    names.show(status.names);
    const gone = silentSince ? "? " : "";
    const failed = totals.failed ? ` (${number(totals.failed)} failed)` : "";
    document.title = `${gone}${percent(totals.finished, totals.tasks)}%${failed} ${status.jugfile}`;
  }
  tick();
}

function showFailures() {
  failures.show(status.failures, (fullName) => names.matches(fullName));
  failures.tick(serverTime());
}

function showSummary(totals) {
  const part = percent(totals.finished, totals.tasks);
  $("percent").replaceChildren(String(part), element("small", "", "%"));
  $("sentence").textContent = sentence(totals);
  $("speed").textContent = speed(totals);
  totalBar.show("All tasks", totals);
  $("total-bar").hidden = totals.tasks === 0;
  $("legend").hidden = totals.tasks === 0;
  const told = STATES.filter((state) => !RARE.includes(state) || totals[state]);
  const legend = told.map((state) => {
    const count = element("b", "", number(totals[state]));
    return element("li", totals[state] ? "" : "none", element("i", state), count, state);
  });
  $("legend").replaceChildren(...legend);
}

function sentence(totals) {
  if (!totals.tasks) return status.barrier === null ? "The jugfile has no tasks." : "No tasks yet.";
  if (status.is_complete) return totals.tasks === 1 ? "The task is finished." : `All ${number(totals.tasks)} tasks are finished.`;
  if (totals.finished === totals.tasks) return `All ${plural(totals.tasks, "task")} before the barrier finished.`;
  return `${number(totals.finished)} of ${plural(totals.tasks, "task")} finished`;
}

function speed(totals) {
  if (status.is_complete || !totals.tasks) return "";
  const blocked = status.blocked ? `${plural(status.blocked, "task")} wait${status.blocked === 1 ? "s" : ""} for failed ones.` : "";
  if (totals.finished + totals.failed + status.blocked === totals.tasks) return blocked;
  if (status.rate) {
    const { per_second: rate, seconds: span } = status.rate;
    const left = status.seconds_left > 0 ? ` · ${status.seconds_left < 1 ? "" : "about "}${duration(status.seconds_left)} left${status.barrier === null ? "" : " to the barrier"}` : "";
    return `${perTime(rate)} over the last ${duration(span)}${left}${blocked && ` · ${blocked}`}`;
  }
  return `${status.workers.count ? "Time left: not known yet." : "No worker is active."} ${blocked}`.trim();
}

let noticed = "";

function showNotices() {
  const told = notices();
  const key = JSON.stringify(told);
  if (key === noticed) return; // so that what is unfolded stays so
  noticed = key;
  const nodes = told.map(([kind, text, report]) => {
    const details = report && element("details", "", element("summary", "dim", "Traceback"), element("pre", "", report));
    return element("div", `notice ${kind}`, element("p", "", text), details || null);
  });
  $("notices").replaceChildren(...nodes);
}

function notices() {
  const told = [];
  if (isRefused) {
    told.push(["bad", "The server asks for another token: open the address that it has printed."]);
  } else if (silentSince) {
    const what = status ? "What you see is what it said last. " : "";
    const since = silentSince.toLocaleTimeString();
    told.push(["bad", `The server has not answered since ${since}. ${what}Asking again …`]);
  }
  if (!status) return told;
  const { jugfile_error: jugfile, store_error: store, barrier } = status;
  if (store) told.push(["bad", `The store cannot be asked: ${store.sentence}`]);
  if (jugfile) told.push(["bad", `The jugfile could not be read again, so this is what it made before. ${jugfile.sentence}`, jugfile.report]);
  if (status.is_read_again) told.push(["", "The jugfile is being read again …"]);
  else if (barrier !== null) told.push(["", barrier.sentence]);
  return told;
}

// Each second: what is said of times

function tick() {
  workers.tick(serverTime());
  failures.tick(serverTime());
  if (!status) return;
  const age = Math.max(0, seconds() - looked);
  const isLate = age > 3 * status.interval + 5;
  const state = silentSince ? "gone" : isLate ? "late" : "live";
  const ago = age < 2 ? "just now" : `${duration(age)} ago`;
  $("freshness").className = `freshness ${state}`;
  $("freshness").textContent = silentSince ? "No answer" : `Looked ${ago}`;
}

document.addEventListener("visibilitychange", () => document.hidden || ask());
setInterval(tick, 1000);
ask();
