
"use strict";

// Text of the log reaches the page through textContent alone.
const $ = (selector, from = document) => from.querySelector(selector);
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children.map(c => c instanceof Node ? c : String(c)));
  return element;
}
// say sets a text only if it is another, which spares the browser the layout.
function say(element, text) {
  text = String(text);
  if (element.textContent !== text) element.textContent = text;
}
// keep gives a list one child for each key, made once and then kept.
function keep(list, keys, create) {
  const old = new Map([...list.children].map(c => [c.dataset.key, c]));
  const children = keys.map((key, i) => {
    const child = old.get(key) ?? create(key, i);
    child.dataset.key = key;
    return child;
  });
  if (children.length !== list.children.length || children.some((c, i) => c !== list.children[i])) list.replaceChildren(...children);
  return children;
}

const grouped = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const number = n => grouped.format(n).replaceAll(",", "\u2009");
function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${i && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.round(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.round(s % 86400 / 3600)} h`;
}

// ---- The state, as each event of that name has it.

let state;
const classes = ["error", "warn", "info", "debug"];
const rings = {seconds: [60, 1, "a second"], minutes: [60, 60, "a minute"], hours: [24, 3600, "an hour"]};
const chosenRing = () => $("[name=ring]:checked").value;
const chosenMoment = $("#moment");

function show(now) {
  state = now;
  showHealth();
  showRates();
  showSinks();
  showLevels();
}

function showHealth() {
  const {health, totals} = state, p = health.process;
  document.title = (health.state === "healthy" ? "" : `${health.state} · `) + $("h1").textContent;
  $("#health .mark").className = `mark ${health.state}`;
  say($("#health strong"), health.state);
  const ill = health.sinks.filter(s => s.state !== "healthy"), name = s => `${s.name}: `;
  const others = (health.reasons ?? []).filter(reason => !ill.some(s => reason.startsWith(name(s))));
  say($("#health .reason"), [...others, ...ill.map(s => name(s) + s.state)].join(" · "));
  const facts = {
    up: span(p.uptime_ns / 1e9), pid: p.pid, goroutines: number(p.goroutines), heap: bytes(p.heap_bytes),
    "Go memory": bytes(p.total_bytes) + (p.memory_limit ? ` of ${bytes(p.memory_limit)}` : ""),
    CPU: `${p.cpu_percent.toFixed(1)} %`, "failed to handle": number(totals.failed),
  };
  for (const fact of keep($("#process"), Object.keys(facts), k => make("div", "", make("dt", "", k), make("dd", "")))) {
    say(fact.lastChild, facts[fact.dataset.key]);
  }
}

function showRates() {
  const {totals, rates} = state, ring = rates[chosenRing()], last = ring.length - 1;
  if (Number(chosenMoment.max) !== last) chosenMoment.value = chosenMoment.max = last;
  for (const row of keep($("#rates tbody"), classes, rateRow)) {
    const c = row.dataset.key, counts = [totals, rates.last_hour, rates.last_minute, rates.seconds.at(-2)];
    counts.forEach((count, i) => say(row.cells[i + 1], number(count[c])));
    draw(row.cells[5], ring.map(count => count[c]), Number(chosenMoment.value));
  }
  const moment = Number(chosenMoment.value), [, seconds, unit] = rings[chosenRing()];
  const text = moment === last ? `One bar is ${unit}. Point at one, or move the slider.` :
    `${span((last - moment) * seconds)} ago: ${classes.map(c => `${number(ring[moment][c])} ${c.toUpperCase()}`).join(" · ")}`;
  say($(".moment output"), text);
  chosenMoment.setAttribute("aria-valuetext", moment === last ? "now" : text);
}

function rateRow(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.addEventListener("pointermove", e => {
    const box = svg.getBoundingClientRect();
    chosenMoment.value = Math.floor((e.clientX - box.left) / box.width * svg.children.length);
    showRates();
  });
  svg.addEventListener("pointerleave", () => {
    chosenMoment.value = chosenMoment.max;
    showRates();
  });
  const row = make("tr", "", make("th", "", make("span", `mark ${name}`), name.toUpperCase()),
    make("td", "n"), make("td", "n wide"), make("td", "n"), make("td", "n wide"), make("td", `chart ${name}`, make("span", "peak"), svg));
  row.cells[0].scope = "row";
  return row;
}

// draw shows one bar for each value. Each row has a scale of its own, or a few
// errors would not be seen beside many records at INFO.
function draw(cell, values, chosen) {
  const [peak, svg] = cell.children, most = Math.max(...values), top = Math.max(most, 4);
  if (svg.children.length !== values.length) {
    svg.setAttribute("viewBox", `0 0 ${values.length} 100`);
    svg.replaceChildren(...values.map((_, i) => {
      const bar = document.createElementNS(svg.namespaceURI, "rect");
      bar.setAttribute("x", i + .12);
      bar.setAttribute("width", .76);
      return bar;
    }));
  }
  values.forEach((v, i) => {
    const bar = svg.children[i], height = v ? Math.max(6, v / top * 100) : 2;
    bar.setAttribute("y", 100 - height);
    bar.setAttribute("height", height);
    bar.setAttribute("class", i === values.length - 1 ? "now" : i === chosen ? "chosen" : "");
  });
  say(peak, most ? `max ${number(most)}` : "");
  svg.setAttribute("aria-label", `${values.length} bars, the highest ${number(most)}`);
}

// ---- Sinks and levels.

function showSinks() {
  const {sinks} = state.health;
  const items = keep($("#sinks ul"), sinks.map((s, i) => `${i} ${s.name}`), () => make("li", "",
    make("div", "who", make("span", "mark"), make("p", "", make("strong", ""), make("span", "quiet")), make("p", "target quiet"), make("p", "state")),
    make("div", "", make("dl", ""), make("p", "notes"))));
  items.forEach((item, i) => showSink(item, sinks[i]));
  $("#sinks .hint").hidden = items.length > 0;
}

function showSink(item, s) {
  const [mark, title, target, condition] = item.firstChild.children, [list, notes] = item.lastChild.children;
  const ago = time => time ? `${span((Date.parse(state.health.time) - Date.parse(time)) / 1000)} ago` : "";
  mark.className = `mark ${s.state}`;
  say(title.firstChild, s.name);
  say(title.lastChild, `  ${[s.type, s.level].filter(Boolean).join(" · ")}`);
  say(target, s.target ?? "");
  condition.className = s.state;
  say(condition, s.state);
  const reasons = s.reasons ?? [];
  const error = s.last_error && !reasons.some(r => r.includes(s.last_error)) && `last error ${ago(s.last_error_time)}: ${s.last_error}`;
  say(notes, [...reasons, error, ...s.notes ?? []].filter(Boolean).join("\n"));
  const cells = {
    Written: [number(s.written), s.written_bytes && bytes(s.written_bytes)],
    Dropped: [number(s.dropped), s.dropped && `of ${number(s.accepted)}`],
    Queued: [number(s.queued), s.queue_size && `${bytes(s.queue_bytes)} of ${bytes(s.queue_size)}`, s.queue_size && s.queue_bytes / s.queue_size],
    Spooled: (s.spooled || s.spool_bytes) && [number(s.spooled), bytes(s.spool_bytes)],
    File: s.file_size && [bytes(s.file_size)],
    Backups: s.backups && [number(s.backups), bytes(s.backup_bytes)],
    Rotated: s.rotations && [`${number(s.rotations)} ×`, ago(s.last_rotation)],
    "Free disk": s.free_space > 0 && [bytes(s.free_space)],
  };
  for (const cell of keep(list, Object.keys(cells), k => make("div", "", make("dt", "", k), make("dd", "", make("b", ""), make("span", ""))))) {
    const [value, note, part] = cells[cell.dataset.key] || ["–"], [figure, remark] = cell.lastChild.children;
    cell.className = value === "–" ? "none" : "";
    figure.className = cell.dataset.key === "Dropped" && s.dropped_lately ? "failing" : "";
    say(figure, value);
    say(remark, note || "");
    cell.style.setProperty("--part", part ?? "");
    cell.classList.toggle("fill", part > 0);
  }
}

function showLevels() {
  const list = $("#levels ul");
  const items = keep(list, state.levels.map((l, i) => `${i} ${l.settable} ${l.name}`), (_, i) => levelItem(state.levels[i]));
  items.forEach((item, i) => {
    const {level} = state.levels[i], select = $("select", item);
    if (!select) return say($("strong", item), level);
    if (![...select.options].some(o => o.value === level)) select.add(new Option(level, level));
    if (!select.matches(":focus") && select.dataset.level !== level) select.value = select.dataset.level = level;
    const button = $("button", item);
    button.disabled = select.value === level && button !== document.activeElement; // or the focus would be lost
  });
  say($("#levels .hint"), !items.length ? "The program lists none." : state.change_levels ? "" : "To read only: the program allows no changes here.");
}

function levelItem({name, settable}) {
  if (!settable) return make("li", "", make("div", "", make("span", "name", name), make("strong", "")));
  const select = make("select", ""), button = make("button", "", "Set");
  for (const l of state.level_names) select.add(new Option(l, l));
  const form = make("form", "", make("label", "name", name), select, button);
  select.id = form.firstChild.htmlFor = `level-${name}`;
  button.setAttribute("aria-label", `Set the level of ${name}`);
  select.addEventListener("change", () => { button.disabled = select.value === select.dataset.level; });
  form.addEventListener("submit", e => {
    e.preventDefault();
    setLevel(name, select);
  });
  return make("li", "", form);
}

async function setLevel(name, select) {
  const result = $("#levels [role=status]");
  let done = false;
  try {
    const body = JSON.stringify({name, level: select.value});
    const answer = await fetch(here, {method: "POST", headers: {"Content-Type": "application/json"}, body});
    done = answer.ok;
    say(result, await answer.text());
  } catch (err) {
    say(result, `The level of ${name} is not set: ${err.message}`);
  }
  if (!done) select.value = select.dataset.level; // which it still is
}

// ---- Lines, in both lists.

const shown = line => [line.msg, ...line.attrs.map(([k, v]) => `${k}=${v}`)];

function lineItem(line, time) {
  const text = make("span", "text", ...shown(line).slice(0, 12).map(t => make("bdi", "", t.slice(0, 300))));
  const summary = make("summary", "", make("time", "", time),
    make("span", `level ${line.class}`, make("span", `mark ${line.class}`), line.level), text);
  const item = make("details", "line", summary);
  summary.tabIndex = -1;
  item.line = line;
  item.addEventListener("toggle", () => item.children.length > 1 || item.append(lineDetails(line)), {once: true});
  return item;
}

function lineDetails(line) {
  const copy = make("button", "", "Copy as JSON");
  copy.type = "button";
  copy.addEventListener("click", () => copyLine(copy, line));
  const parts = [["time", line.time], ...line.attrs, ...line.source ? [["source", line.source]] : []];
  return make("div", "more", make("p", "", make("bdi", "", line.msg)),
    make("dl", "", ...parts.flatMap(([k, v]) => [make("dt", "", make("bdi", "", k)), make("dd", "", make("bdi", "", v))])), copy);
}

// copyLine works without the clipboard's API as well, which pages by plain http
// from another machine do not have.
async function copyLine(where, line) {
  let done = true;
  try {
    await navigator.clipboard.writeText(line.raw);
  } catch {
    const area = make("textarea", "unseen", line.raw), focused = document.activeElement;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
  const note = make("span", "quiet", done ? " copied" : " the browser allows no copying");
  note.setAttribute("role", "status");
  where.append(note);
  setTimeout(() => note.remove(), 2000);
}

// One line of a list is in the order of tabs. Arrows move between them.
function reach(list) {
  const all = [...list.querySelectorAll("details:not([hidden]) > summary")];
  if (all.length && !all.some(s => s.tabIndex === 0)) all.at(list.parentElement.id === "tail" ? -1 : 0).tabIndex = 0;
}
for (const list of document.querySelectorAll(".lines")) {
  list.addEventListener("focusin", e => {
    if (!e.target.matches("summary")) return;
    for (const s of list.querySelectorAll("summary[tabindex='0']")) s.tabIndex = -1;
    e.target.tabIndex = 0;
  });
  list.addEventListener("keydown", e => {
    if (!e.target.matches("summary") || e.ctrlKey || e.metaKey || e.altKey) return;
    const all = [...list.querySelectorAll("details:not([hidden]) > summary")], i = all.indexOf(e.target);
    const next = {ArrowDown: all[i + 1], ArrowUp: all[i - 1], Home: all[0], End: all.at(-1)}[e.key];
    if (next) {
      e.preventDefault();
      next.focus();
    } else if (e.key === "c") {
      copyLine($(".text", e.target), e.target.parentElement.line);
    }
  });
}

function showErrors(lines) {
  const list = $("#errors .lines");
  keep(list, lines.map(l => `${l.n} ${l.time}`).reverse(), (_, i) => { // a new process counts anew
    const line = lines[lines.length - 1 - i];
    return lineItem(line, line.time.slice(5, 19).replace("T", " "));
  });
  reach(list);
}

// ---- The tail.

// Its lines are the program's, and gaps, which say why others are missing there.
const most = 500; // lines in the list, and of those that wait while it is paused
const ranks = {debug: 0, info: 1, warn: 2, error: 3};
const tail = {list: $("#tail .lines"), waiting: [], paused: false, seen: 0, dropped: 0, rank: 0, text: ""};

function fits(line) {
  return ranks[line.class] >= tail.rank && (!tail.text || line.raw.toLowerCase().includes(tail.text) || shown(line).join(" ").toLowerCase().includes(tail.text));
}

function addLines(items) {
  const {list} = tail, atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
  const focused = document.activeElement;
  list.append(...items);
  while (list.children.length > most) ($("[hidden]", list) ?? list.firstChild).remove();
  if (focused !== document.activeElement) $("details:not([hidden]) > summary", list)?.focus({preventScroll: true});
  if (atEnd) list.scrollTop = list.scrollHeight;
  reach(list);
}

const countOf = lines => lines.reduce((n, line) => n + (line.gap ? 0 : 1), 0);
const clock = time => time.replace(/^.*T(\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?.*$/, (_, second, part = "") => `${second}.${part.padEnd(3, "0")}`).slice(0, 12);

function takeLines(lines) {
  tail.seen += countOf(lines);
  if (tail.paused) {
    keepWaiting(lines);
  } else {
    addLines(lines.map(line => {
      if (line.gap) return make("p", "gap", line.gap);
      const item = lineItem(line, clock(line.time));
      item.hidden = !fits(line);
      return item;
    }));
  }
  countLines();
}

function keepWaiting(lines) {
  const all = tail.waiting.concat(lines);
  if (all.length > most) {
    const lost = all.splice(0, all.length - most + 1), missing = (lost[0].missing ?? 0) + countOf(lost);
    all.unshift({gap: `${number(missing)} lines are missing here: no more than ${most} wait.`, missing});
  }
  tail.waiting = all;
}

function countLines() {
  const visible = tail.list.querySelectorAll("details:not([hidden])").length;
  say($("#tail-count"), [`${number(visible)} of ${number(tail.seen)} lines`,
    tail.waiting.length && `${number(countOf(tail.waiting))} wait`,
    tail.dropped && `${number(tail.dropped)} came too fast and are left out`].filter(Boolean).join(" · "));
}

function filterLines() {
  for (const item of tail.list.querySelectorAll("details")) item.hidden = !fits(item.line);
  tail.list.scrollTop = tail.list.scrollHeight;
  reach(tail.list);
  countLines();
}

$("#tail form").addEventListener("submit", e => e.preventDefault());
$("#tail-text").addEventListener("input", e => { tail.text = e.target.value.trim().toLowerCase(); filterLines(); });
$("#tail-level").addEventListener("change", e => {
  tail.rank = ranks[e.target.value.toLowerCase()] ?? 0;
  filterLines();
  connection.abort("level"); // the program then encodes no lines below it
});
$("#tail-pause").addEventListener("click", e => {
  tail.paused = !tail.paused;
  e.target.setAttribute("aria-pressed", tail.paused);
  const lines = tail.waiting;
  tail.waiting = [];
  tail.seen -= countOf(lines);
  if (!tail.paused) takeLines(lines);
});
$("#tail-clear").addEventListener("click", () => {
  tail.list.replaceChildren();
  Object.assign(tail, {waiting: [], seen: 0, dropped: 0});
  countLines();
});
for (const radio of document.querySelectorAll("[name=ring]")) radio.addEventListener("change", () => state && showRates());
chosenMoment.addEventListener("input", () => state && showRates());

// ---- The connection. It is read by hand rather than by an EventSource, which does
// not tell what a server says that refuses it.

const here = location.origin + location.pathname; // without a password, which fetch does not take
let connection, lostAt = 0, lastAt = 0, why = "", begunAnew = false;
const wait = ms => new Promise(done => setTimeout(done, ms));

function showConnection(how) {
  document.body.dataset.connection = how;
  say($("#connection"), how === "live" ? "live" : `Connection lost at ${new Date(lostAt).toLocaleTimeString()}. ` +
    `${state ? "This is how it was then. " : ""}Trying again. ${why}`);
}

function take(name, data) {
  lastAt = Date.now();
  if (lostAt) {
    if (state) takeLines([{gap: `Lines of about ${span((lastAt - lostAt) / 1000)} are missing here: the connection was lost.`}]);
  } else if (begunAnew) {
    takeLines([{gap: "The lowest level was changed. Lines of that moment may be missing here."}]);
  }
  lostAt = 0;
  begunAnew = false;
  showConnection("live");
  if (name === "state") show(data);
  else if (name === "errors") showErrors(data);
  else if (name === "tail") {
    tail.dropped += data.dropped;
    takeLines(data.lines);
  }
}

async function listen() {
  connection = new AbortController();
  const {signal} = connection;
  let silence;
  const alive = () => { // a connection can be dead without an error
    clearTimeout(silence);
    silence = setTimeout(() => connection.abort(new Error("Nothing has come for a while.")), 5000 + 3 * (state?.interval_ms ?? 0));
  };
  try {
    alive();
    const answer = await fetch(`${here}?events&level=${$("#tail-level").value}`, {signal, cache: "no-store"});
    if (!answer.ok) throw new Error(`The server says: ${await answer.text()}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = "";;) {
      const {value, done} = await reader.read();
      if (done) throw new Error("The server has ended it.");
      alive();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const match = /^event: (.*)\ndata: (.*)$/.exec(event);
        if (match) take(match[1], JSON.parse(match[2]));
      }
    }
  } finally {
    clearTimeout(silence);
    connection.abort(); // also after an error of the page's own
  }
}

async function stayConnected() {
  for (let pause = 500;;) {
    const began = Date.now();
    try {
      await listen();
    } catch (err) {
      if (connection.signal.reason === "level") {
        begunAnew = true;
        continue;
      }
      why = err.message;
    }
    lostAt ||= Date.now();
    showConnection("lost");
    pause = lastAt > began ? 500 : Math.min(2 * pause, 8000);
    await wait(pause);
  }
}
stayConnected();
