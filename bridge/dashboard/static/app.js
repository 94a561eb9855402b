// The page: one list, one status, asked for every two seconds as differences. Text from anywhere is
// only ever set as text; nothing here writes markup.

const POLL_MS = 2000, ANSWER_MS = 10000, PICTURE_MS = 15000, SPARE_ROWS = 6;
const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------- what is known

const known = { run: "", revision: 0, torrents: new Map(), status: null, setup: null, answeredAt: 0 };
const view = { group: "all", category: "", sort: "added", words: [], order: [], active: null, open: null, span: "hour" };
let firstRun = null; // null: not decided yet, "shown", "asked for", "hidden"

// ---------------------------------------------------------------- small things

function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

// Fills the box anew only when the facts are others: what is selected or focused there stays.
function same(box, facts, children) {
  const text = JSON.stringify(facts);
  if (box.dataset.text === text && box.firstChild) return;
  box.dataset.text = text;
  box.replaceChildren(...children());
}

function button(text, act, className = "") {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) { count /= 1024; unit += 1; }
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

const percent = (share) => `${(Math.floor(share * 1000) / 10).toFixed(share > 0 && share < 1 ? 1 : 0)} %`;
const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const now = () => known.status ? known.status.time + (performance.now() - known.answeredAt) / 1000 : Date.now() / 1000;

function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h`;
  return counted(Math.round(seconds / 86400), "day");
}

const ago = (at) => (now() - at < 5 ? "just now" : `${span(now() - at)} ago`);
const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const day = (at) => new Date(at * 1000).toLocaleDateString([], { dateStyle: "medium" });
const moment = (at) => (day(at) === day(now()) ? clock(at) : `${day(at)}, ${clock(at)}`);

async function copy(text, control) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // plain http: browsers offer only the old way
    const area = make("textarea", "unseen");
    area.value = text;
    control.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    control.focus();
  }
  const before = control.textContent;
  control.textContent = "Copied";
  setTimeout(() => { control.textContent = before; }, 1500);
}

// ---------------------------------------------------------------- asking

class LoginNeeded extends Error {}

async function ask(path, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store", ...options });
  if (answer.status === 401 || answer.status === 403) throw new LoginNeeded();
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || `status ${answer.status}`);
  return answer;
}

const read = async (path) => (await ask(path)).json();
const post = (path, fields = {}) => ask(path, { method: "POST", body: new URLSearchParams(fields) });

let timer = 0, asking = false;

async function poll() {
  clearTimeout(timer);
  if (asking || document.hidden) return; // a hidden page costs nothing; it asks when it is seen again
  asking = true;
  try {
    take(await read(`api/bridge/changes?run=${known.run}&since=${known.revision}`));
    if (!known.setup) { takeSetup(await read("api/bridge/setup")); showCards(known.status); }
    document.body.classList.remove("stale");
    again();
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
    else { lost(); again(); }
  } finally {
    asking = false;
  }
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_MS);
}

function lost() {
  document.body.classList.add("stale");
  $("health-dot").className = "dot bad";
  say($("health-text"), "The bridge does not answer; asking again …");
}

function take(changes) {
  if (changes.whole) known.torrents.clear();
  for (const hash of changes.removed) known.torrents.delete(hash);
  for (const torrent of changes.torrents) {
    torrent.text = `${torrent.name}\n${torrent.category}\n${torrent.reason}`.toLowerCase();
    known.torrents.set(torrent.hash, torrent);
  }
  known.run = changes.run;
  known.revision = changes.revision;
  known.status = changes.status;
  known.answeredAt = performance.now();
  show($("main"), true);
  show($("logout"), true);
  showStatus();
  if (changes.whole || changes.torrents.length || changes.removed.length) {
    arrange();
    refreshDrawer();
  }
}

// ---------------------------------------------------------------- logging in

function logIn() {
  show($("logout"), false);
  if ($("login").open) return;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  $("login-hint").textContent = known.run
    ? "The session has ended, or the bridge was started again."
    : "With the name and password that you type into Sonarr and Radarr.";
  $("login").showModal();
}

$("login").addEventListener("cancel", (event) => event.preventDefault());
$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = { username: $("username").value, password: $("password").value };
  try {
    const answer = await (await post("api/v2/auth/login", fields)).text();
    if (answer !== "Ok.") { say($("login-error"), "That is not the right name and password."); $("password").select(); return; }
    $("password").value = "";
    say($("login-error"), "");
    $("login").close();
    poll();
    drawPicture();
  } catch {
    say($("login-error"), "The bridge does not answer.");
  }
});

$("logout").addEventListener("click", async (event) => {
  event.preventDefault();
  try { await post("api/v2/auth/logout"); } catch { /* it is over in any case */ }
  location.reload();
});

// ---------------------------------------------------------------- status

function showStatus() {
  const status = known.status;
  const trouble = status.holds.length > 0;
  $("health-dot").className = `dot ${trouble ? (status.connected ? "warn" : "bad") : "good"}`;
  say($("health-text"), trouble ? WAITS[status.holds[0].kind] : sentence(status));
  say($("speed"), `${bytes(status.speed)}/s`);
  document.title = status.speed ? `${bytes(status.speed)}/s · torbox-bridge` : "torbox-bridge";
  say($("version"), `torbox-bridge ${status.version}`);
  say($("freshness"), "refreshes by itself");
  showHolds(status.holds);
  showCards(status);
  showProblems(status.problems);
  showFirstRun(status);
}

const WAITS = {
  account: "Everything waits: the TorBox account needs you",
  disk: "Everything waits: the download disk needs you",
  torbox: "Everything waits until TorBox answers",
};

function sentence(status) {
  const parts = [];
  if (status.delivering) parts.push(`${status.delivering} coming here`);
  if (status.fetching) parts.push(`${status.fetching} at TorBox`);
  return parts.length ? `All well: ${parts.join(", ")}` : "All well, nothing to do";
}

function showHolds(holds) {
  show($("holds"), holds.length > 0);
  same($("holds"), holds, () => holds.map((hold) => make("div", hold.kind === "torbox" ? "hold" : "hold severe",
    make("p", "", make("strong", "", `${hold.sentence}.`), ` Since ${clock(hold.since)}; tried again at ${clock(hold.next_at)}.`),
    make("p", "", hold.fix))));
}

function showCards(status) {
  const { plan, adds, calls } = status;
  say($("plan"), plan ? plan.name : "not known yet");
  say($("plan-more"), plan ? planMore(plan, status.fetching) : "TorBox is asked with the first torrent.");
  const left = Math.max(0, adds.limit - adds.used), wait = adds.next_at - status.time;
  say($("adds"), `${left} of ${adds.limit} left`);
  $("adds-meter").style.width = `${Math.min(100, (adds.used / adds.limit) * 100)}%`;
  $("adds-meter").className = left < adds.limit / 10 ? "warn" : "";
  const nextAdd = wait > 1 ? `Next at ${clock(adds.next_at)}. ` : "";
  say($("adds-more"), `${nextAdd}${calls.used} of ${calls.limit} looks this minute.`);
  say($("disk"), status.free_bytes ? `${bytes(status.free_bytes)} free` : "not measured yet");
  say($("disk-more"), known.setup ? known.setup.downloads : "");
  showCallers(status);
}

function planMore(plan, fetching) {
  const parts = [plan.slots_used === null ? `${fetching} of ${counted(plan.slots, "slot")} used by the bridge.`
    : `${plan.slots_used} of ${counted(plan.slots, "slot")} in use.`];
  if (plan.cooldown_until && plan.cooldown_until > now()) parts.push(`Cooldown until ${moment(plan.cooldown_until)}.`);
  if (plan.ends_at) parts.push(plan.ends_at > now() ? `Ends ${day(plan.ends_at)}, in ${span(plan.ends_at - now())}.` : `Ended ${day(plan.ends_at)}.`);
  return parts.join(" ");
}

function showCallers({ callers, arrs }) {
  const lines = callers.filter((caller) => caller.let_in_at || caller.arr).slice(-6)
    .map((caller) => [caller.name, caller.let_in_at ? ago(caller.let_in_at) : "wrong password", ""]);
  if (!lines.length) lines.push(["None has called yet", "", ""]);
  // Those whose key is in the settings were asked themselves.
  for (const check of arrs) lines.push([`${check.ok ? "✓" : "✗"} ${check.name}: ${check.sentence}`, "", check.ok ? "hint" : "bad"]);
  same($("callers"), lines, () => lines.map(([name, when, className]) => make("li", className, make("span", "", name), make("span", "", when))));
}

function showProblems(problems) {
  show($("problems-box"), problems.length > 0);
  same($("problems"), problems, () => problems.map((problem) => make("li", problem.severe ? "bad" : "", problem.sentence,
    problem.fix ? make("small", "fix", problem.fix) : "",
    make("small", "", `${moment(problem.at)}${problem.count > 1 ? `, ${counted(problem.count, "time")}` : ""}`))));
}

// ---------------------------------------------------------------- the first run

function takeSetup(setup) {
  known.setup = setup;
  const secure = location.protocol === "https:";
  const rows = [["Host", location.hostname], ["Port", location.port || (secure ? "443" : "80")]];
  if (secure) rows.push(["Use SSL", "on"]);
  if (setup.url_base) rows.push(["URL Base", setup.url_base]);
  rows.push(["Username", setup.username], ["Password", null], ["Category in Sonarr", "tv-sonarr"], ["Category in Radarr", "radarr"]);
  $("connect-fields").replaceChildren(...rows.map(([name, value]) => {
    const text = value ?? (setup.password_file ? "the one you logged in with; it is kept in " : "the one from the settings");
    const where = value === null && setup.password_file ? [make("code", "", setup.password_file)] : [];
    const line = make("div", "", make("dt", "", name), make("dd", "", value === null ? text : make("code", "", text), ...where));
    if (value === null || name === "Use SSL") { line.append(make("dd")); return line; }
    const control = button("Copy", () => copy(value, control));
    control.setAttribute("aria-label", `Copy ${name}`);
    line.append(make("dd", "", control));
    return line;
  }));
  say($("connect-hint"), `In the same compose project the host is torbox-bridge and the port ${setup.port || 8484}. `
    + `Sonarr and Radarr must see the folder ${setup.downloads} under the same name; then no remote path mapping is needed.`);
}

function showFirstRun(status) {
  const arrs = status.callers.filter((caller) => caller.arr && caller.let_in_at);
  if (firstRun === null) {
    let hidden = false;
    try { hidden = localStorage.getItem("first-run") === "hidden"; } catch { /* storage is forbidden here */ }
    firstRun = !hidden && !arrs.length && !known.torrents.size ? "shown" : "hidden";
  }
  if (firstRun === "shown" && known.torrents.size) firstRun = "hidden";
  show($("first-run"), firstRun !== "hidden");
  if (firstRun === "hidden") return;
  const names = ["Sonarr", "Radarr", ...arrs.map((caller) => caller.name).filter((name) => name !== "Sonarr" && name !== "Radarr")];
  const lines = names.map((name) => tick(name, status.callers.find((caller) => caller.name === name)));
  same($("connect-ticks"), lines, () => lines.map(([className, line]) => make("li", className, line)));
}

function tick(name, caller) {
  if (caller && caller.refused_at > caller.let_in_at) return ["bad", `✗ ${name} came with a wrong username or password`];
  if (caller && caller.let_in_at) return ["good", `✓ ${name} has connected`];
  return ["", `Waiting for ${name} …`];
}

$("open-connect").addEventListener("click", () => {
  firstRun = "asked for";
  if (known.status) showFirstRun(known.status);
  $("first-run").scrollIntoView({ block: "center" });
  $("hide-first-run").focus();
});
$("hide-first-run").addEventListener("click", () => {
  firstRun = "hidden";
  try { localStorage.setItem("first-run", "hidden"); } catch { /* only not remembered */ }
  show($("first-run"), false);
  $("open-connect").focus();
});

// ---------------------------------------------------------------- the list

const GROUPS = {
  all: ["All", () => true],
  active: ["Active", (t) => t.situation === "moving" || t.situation === "metadata" || t.situation === "checking" || t.situation === "relocating" || t.situation === "rechecking"],
  waiting: ["Waiting", (t) => t.situation === "held" || t.situation === "paused"],
  stalled: ["Stalled", (t) => t.situation === "stalled"],
  complete: ["Complete", (t) => ["complete", "seeding", "relocating", "rechecking"].includes(t.situation)],
  failed: ["Failed", (t) => t.situation === "failed" || t.situation === "missing"],
};
const BADGES = {
  moving: ["", "moving"], metadata: ["Metadata", "moving"], checking: ["Checking", "moving"], held: ["Waiting", ""], paused: ["Paused", ""],
  stalled: ["Stalled", "warn"], complete: ["Complete", "good"], seeding: ["Complete", "good"], relocating: ["Moving files", "moving"], rechecking: ["Checking", "moving"], failed: ["Failed", "bad"], missing: ["Not whole", "bad"],
};
const RANK = Object.keys(BADGES);
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const ORDERS = {
  added: (a, b) => b.added_at - a.added_at,
  name: (a, b) => collator.compare(a.name, b.name),
  progress: (a, b) => b.progress - a.progress,
  speed: (a, b) => b.speed - a.speed,
  size: (a, b) => b.size - a.size,
  state: (a, b) => RANK.indexOf(a.situation) - RANK.indexOf(b.situation),
};

const list = $("list");
const rows = new Map(); // hash → its line, only for what is on the screen
let rowHeight = 74;

function arrange() {
  const counts = Object.fromEntries(Object.keys(GROUPS).map((group) => [group, 0]));
  const [, inGroup] = GROUPS[view.group];
  const categories = new Set(), order = [];
  for (const torrent of known.torrents.values()) {
    categories.add(torrent.category);
    if (view.category && torrent.category !== view.category.slice(1)) continue;
    if (!view.words.every((word) => torrent.text.includes(word))) continue;
    for (const group in GROUPS) if (GROUPS[group][1](torrent)) counts[group] += 1;
    if (inGroup(torrent)) order.push(torrent);
  }
  const chosen = ORDERS[view.sort];
  order.sort((a, b) => chosen(a, b) || (a.hash < b.hash ? -1 : 1));
  view.order = order;
  showChips(counts);
  showCategories(categories);
  say($("count"), order.length === known.torrents.size ? counted(order.length, "torrent") : `${order.length.toLocaleString("en")} of ${counted(known.torrents.size, "torrent")}`);
  show($("empty"), order.length === 0);
  say($("empty"), known.torrents.size ? "No torrent fits." : "No torrents yet. They appear here as soon as an arr grabs one, or when you add one.");
  paint();
}

function showChips(counts) {
  const box = $("chips");
  for (const group in GROUPS) {
    let chip = box.querySelector(`[data-group=${group}]`);
    if (!chip) {
      chip = button("", () => { view.group = group; arrange(); });
      chip.dataset.group = group;
      box.append(chip);
    }
    say(chip, `${GROUPS[group][0]} ${counts[group].toLocaleString("en")}`);
    chip.setAttribute("aria-pressed", String(view.group === group));
  }
}

function showCategories(found) {
  const names = [...found].sort(collator.compare), text = JSON.stringify(names), select = $("category");
  if (select.dataset.text === text) return;
  select.dataset.text = text;
  const option = (value, name) => { const made = make("option", "", name); made.value = value; return made; };
  select.replaceChildren(option("", "All"), ...names.map((name) => option(`=${name}`, name || "none")));
  $("categories").replaceChildren(...names.filter(Boolean).map((name) => option(name, "")));
  if (view.category && !found.has(view.category.slice(1))) { view.category = ""; arrange(); }
  select.value = view.category;
}

function paint() {
  const { order } = view;
  list.style.height = order.length ? `${order.length * rowHeight}px` : "";
  list.setAttribute("aria-rowcount", String(order.length));
  const top = window.scrollY - (list.getBoundingClientRect().top + window.scrollY);
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE_ROWS);
  const last = Math.min(order.length, Math.ceil((top + window.innerHeight) / rowHeight) + SPARE_ROWS);
  const activeAt = order.findIndex((torrent) => torrent.hash === view.active);
  if (activeAt < 0) view.active = null;
  const wanted = new Map();
  for (let at = first; at < last; at += 1) wanted.set(order[at].hash, at);
  if (activeAt >= 0) wanted.set(view.active, activeAt); // the line that has the focus stays
  const hadFocus = document.activeElement?.classList.contains("row");
  for (const [hash, line] of rows) if (!wanted.has(hash)) { line.remove(); rows.delete(hash); }
  for (const [hash, at] of wanted) place(hash, at, order[at]);
  const target = view.active ?? order[Math.min(Math.max(first + SPARE_ROWS, 0), order.length - 1)]?.hash;
  for (const [hash, line] of rows) line.tabIndex = hash === target ? 0 : -1;
  if (hadFocus && !document.activeElement?.classList.contains("row") && !document.querySelector("dialog[open]")) list.focus();
}

function place(hash, at, torrent) {
  let line = rows.get(hash);
  if (!line) {
    line = newLine(hash);
    rows.set(hash, line);
    list.append(line);
  }
  if (line.at !== at) {
    line.at = at;
    line.style.transform = `translateY(${at * rowHeight}px)`;
    line.setAttribute("aria-rowindex", String(at + 1));
  }
  if (line.torrent !== torrent) { line.torrent = torrent; fillLine(line.parts, torrent); }
}

function newLine(hash) {
  const parts = { name: make("div", "name"), sentence: make("div", "sentence"), track: newTrack(), share: make("span"), eta: make("span"),
    size: make("div"), speed: make("span"), badge: make("span", "badge"), category: make("small") };
  const cells = [make("div", "what", parts.name, parts.sentence), make("div", "bar", parts.track, make("div", "under", parts.share, parts.eta)),
    make("div", "amount", parts.size, parts.speed), make("div", "side", parts.badge, parts.category)];
  for (const cell of cells) cell.setAttribute("role", "gridcell");
  const line = make("div", "row", ...cells);
  line.setAttribute("role", "row");
  line.dataset.hash = hash;
  line.parts = parts;
  return line;
}

function fillLine(parts, torrent) {
  say(parts.name, torrent.name);
  parts.name.title = torrent.name;
  say(parts.sentence, torrent.reason);
  parts.sentence.title = torrent.reason;
  fillTrack(parts.track, torrent);
  say(parts.share, percent(torrent.progress));
  say(parts.eta, torrent.eta_seconds ? `${span(torrent.eta_seconds)} left` : "");
  say(parts.size, torrent.size ? bytes(torrent.size) : "–");
  say(parts.speed, torrent.speed ? `${bytes(torrent.speed)}/s` : "");
  fillBadge(parts.badge, torrent);
  say(parts.category, torrent.category || "no category");
}

function fillBadge(badge, torrent) {
  const [word, className] = BADGES[torrent.situation] ?? [torrent.situation, ""];
  say(badge, word || (torrent.phase === "delivering" ? "Coming here" : "At TorBox"));
  badge.className = `badge ${className}`;
}

// Both legs in one bar: TorBox's in the left half, the local one in the right half. What TorBox had
// already has the local leg only.
function newTrack() {
  const track = make("div", "track", make("b"), make("i"));
  track.setAttribute("role", "progressbar");
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", "100");
  return track;
}

function fillTrack(track, torrent) {
  const done = ["complete", "seeding", "relocating", "rechecking"].includes(torrent.situation);
  const off = torrent.situation === "failed" || torrent.situation === "paused" || torrent.situation === "missing";
  const two = !torrent.cached && !done;
  track.className = `track${two ? " two" : ""}${done ? " done" : ""}${off ? " off" : ""}`;
  const [there, here] = track.children;
  there.style.width = two ? `${Math.min(torrent.progress, 0.5) * 100}%` : "0";
  here.style.width = two ? `${Math.max(0, torrent.progress - 0.5) * 100}%` : `${torrent.progress * 100}%`;
  track.setAttribute("aria-valuenow", String(Math.floor(torrent.progress * 100)));
  track.setAttribute("aria-label", `Progress of ${torrent.name}`);
}

function activate(at) {
  if (!view.order.length) return;
  at = Math.min(Math.max(at, 0), view.order.length - 1);
  view.active = view.order[at].hash;
  const top = list.getBoundingClientRect().top + window.scrollY + at * rowHeight;
  const head = getComputedStyle($("toolbar")).position === "sticky" ? $("toolbar").offsetHeight : 0;
  if (top < window.scrollY + head) window.scrollTo(0, top - head);
  else if (top + rowHeight > window.scrollY + window.innerHeight) window.scrollTo(0, top + rowHeight - window.innerHeight);
  paint();
  rows.get(view.active)?.focus({ preventScroll: true });
}

list.addEventListener("click", (event) => {
  const line = event.target.closest(".row");
  if (line) openDrawer(line.dataset.hash);
});
list.addEventListener("focusin", (event) => {
  const line = event.target.closest(".row");
  if (line && view.active !== line.dataset.hash) { view.active = line.dataset.hash; paint(); }
});
list.addEventListener("keydown", (event) => {
  const at = view.order.findIndex((torrent) => torrent.hash === view.active);
  const page = Math.max(1, Math.floor(window.innerHeight / rowHeight) - 2);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: view.order.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
  if (to !== undefined) activate(to);
  else if ((event.key === "Enter" || event.key === " ") && at >= 0) openDrawer(view.active);
  else return;
  event.preventDefault();
});

let painting = false;
function paintSoon() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => { painting = false; paint(); });
}
function measure() {
  const height = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 74;
  if (height !== rowHeight) { rowHeight = height; for (const line of rows.values()) line.at = -1; }
  paintSoon();
}
window.addEventListener("scroll", paintSoon, { passive: true });
window.addEventListener("resize", measure);

let searching = 0;
$("search").addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => { view.words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean); arrange(); }, 80);
});
$("category").addEventListener("change", () => { view.category = $("category").value; arrange(); });
$("sort").addEventListener("change", () => { view.sort = $("sort").value; arrange(); });

// ---------------------------------------------------------------- the drawer of one torrent

function openDrawer(hash) {
  view.open = hash;
  view.active = hash;
  say($("drawer-said"), "");
  say($("drawer-next"), "");
  for (const id of ["drawer-facts", "drawer-timeline", "drawer-files", "drawer-bar"]) $(id).replaceChildren();
  $("drawer").showModal();
  $("drawer").scrollTop = 0;
  refreshDrawer(true);
}

$("drawer").addEventListener("close", () => {
  view.open = null;
  paint();
  rows.get(view.active)?.focus();
});

let drawn = null;
function refreshDrawer(opened = false) {
  if (!view.open) return;
  const torrent = known.torrents.get(view.open);
  if (!torrent) { $("drawer").close(); return; }
  if (!opened && drawn === torrent) return;
  drawn = torrent;
  say($("drawer-name"), torrent.name);
  say($("drawer-reason"), torrent.reason);
  if (!$("drawer-bar").firstChild) $("drawer-bar").append(newTrack(), make("div", "under", make("span"), make("span")));
  const [track, under] = $("drawer-bar").children;
  fillTrack(track, torrent);
  say(under.firstChild, torrent.cached ? "TorBox had it already" : `TorBox ${percent(torrent.torbox_progress)}`);
  say(under.lastChild, torrent.size ? `here ${bytes(torrent.local_bytes)} of ${bytes(torrent.size)}` : "");
  showActions(torrent);
  loadDetails(torrent);
}

const ACTIONS = [
  ["Try again", "retry", (t) => t.phase === "failed" || t.situation === "missing", (t) => post(`api/bridge/torrents/${t.hash}/retry`)],
  ["Ask for peers again", "reannounce", (t) => t.phase === "fetching", (t) => post("api/v2/torrents/reannounce", { hashes: t.hash })],
  ["Ask for new links", "links", (t) => t.phase === "delivering", (t) => post(`api/bridge/torrents/${t.hash}/links`)],
  ["Look for its files", "recheck", (t) => t.phase === "complete", (t) => post("api/v2/torrents/recheck", { hashes: t.hash })],
  ["Pause", "pause", (t) => !ended(t) && t.situation !== "paused", (t) => post("api/v2/torrents/pause", { hashes: t.hash })],
  ["Go on", "resume", (t) => t.situation === "paused", (t) => post("api/v2/torrents/resume", { hashes: t.hash })],
  ["Give up and replace", "give-up", (t) => !ended(t), (t) => post(`api/bridge/torrents/${t.hash}/give-up`)],
  ["Have it replaced", "replace", (t) => t.phase === "failed", (t) => post(`api/bridge/torrents/${t.hash}/give-up`)],
  ["Remove …", "remove", () => true, (t) => askRemove(t)],
];
const ended = (torrent) => torrent.phase === "complete" || torrent.phase === "failed";

function showActions(torrent) {
  const possible = ACTIONS.filter(([, , fits]) => fits(torrent)), box = $("drawer-actions");
  const text = possible.map(([, key]) => key).join();
  if (box.dataset.text === text + torrent.hash) return;
  const hadFocus = box.contains(document.activeElement);
  box.dataset.text = text + torrent.hash;
  box.replaceChildren(...possible.map(([name, key, , act]) => {
    const control = button(name, () => carryOut(name, act), key === "remove" ? "danger" : key === "retry" ? "primary" : "");
    control.dataset.action = key;
    return control;
  }));
  if (hadFocus) box.firstChild.focus();
}

async function carryOut(name, act) {
  const torrent = known.torrents.get(view.open);
  if (!torrent) return;
  try {
    if (await act(torrent)) say($("drawer-said"), `${name}: done.`);
    poll();
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
    else say($("drawer-said"), `${name}: ${error.message}`);
  }
}

async function loadDetails(torrent) {
  const hash = torrent.hash;
  try {
    const [found, files, told] = await Promise.all([
      read(`api/v2/torrents/info?hashes=${hash}`), read(`api/v2/torrents/files?hash=${hash}`),
      read(`api/bridge/torrents/${hash}`),
    ]);
    if (view.open !== hash || !found.length) return;
    showFacts(torrent, found[0]);
    showFiles(files);
    say($("drawer-next"), told.next && !told.reason.includes(told.next) ? `Next: ${told.next}` : "");
    showTimeline(told.timeline);
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
  }
}

function showFacts(torrent, row) {
  const facts = [
    ["State", torrent.phase], ["Size", torrent.size ? bytes(torrent.size) : "not known yet"], ["Category", torrent.category || "none"],
    ["Added", moment(torrent.added_at)], ["Completed", torrent.completed_at ? moment(torrent.completed_at) : ""],
    ["Folder", row.content_path || row.save_path], ["Swarm", ended(torrent) ? "" : `${torrent.seeds} seeds, ${torrent.peers} peers at TorBox`],
    ["Attempt", torrent.attempt > 1 ? String(torrent.attempt) : ""], ["Hash", torrent.hash],
  ].filter(([, value]) => value);
  same($("drawer-facts"), facts, () => facts.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
}

function showFiles(files) {
  const lines = files.slice(0, 500).map((file) => [file.name, bytes(file.size), file.priority === 0 ? 0 : file.progress, file.priority === 0]);
  same($("drawer-files"), lines, () => {
    if (!lines.length) return [make("li", "hint", "Not known yet.")];
    return lines.map(([name, size, progress, skipped]) => {
      const track = make("div", "track", make("b"), make("i"));
      track.lastChild.style.width = `${progress * 100}%`;
      return make("li", "", name, make("div", "under", make("span", "", skipped ? "not wanted" : percent(progress)), make("span", "", size)), skipped ? "" : track);
    });
  });
}

function showTimeline(events) {
  same($("drawer-timeline"), events, () => events.length
    ? events.map((event) => make("li", "", make("time", "", moment(event.at)), event.text)).reverse()
    : [make("li", "", "Nothing is recorded yet.")]);
}

// ---------------------------------------------------------------- removing and adding

function askRemove(torrent) {
  say($("remove-name"), torrent.name);
  $("remove-files").checked = true;
  $("remove").showModal();
}

$("remove-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const hash = view.open;
  $("remove").close();
  if (!hash) return;
  const fields = { hashes: hash };
  if ($("remove-files").checked) fields.deleteFiles = "true";
  try {
    await post("api/v2/torrents/delete", fields);
    $("drawer").close();
    poll();
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
    else say($("drawer-said"), `Remove: ${error.message}`);
  }
});

$("open-add").addEventListener("click", () => {
  $("add-form").reset();
  say($("add-error"), "");
  $("add").showModal();
});

$("add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData();
  form.append("urls", $("add-urls").value.trim());
  for (const file of $("add-files").files) form.append("torrents", file, file.name);
  form.append("category", $("add-category").value.trim());
  try {
    const answer = await (await ask("api/v2/torrents/add", { method: "POST", body: form, signal: AbortSignal.timeout(60000) })).text();
    if (answer !== "Ok.") { say($("add-error"), "That is neither a magnet link nor a .torrent file, or it could not be kept; the log says which."); return; }
    $("add").close();
    poll();
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
    else say($("add-error"), error.message);
  }
});

for (const control of document.querySelectorAll("[data-close]")) control.addEventListener("click", () => control.closest("dialog").close());

// ---------------------------------------------------------------- the checks

$("open-checks").addEventListener("click", () => { $("checks").showModal(); runChecks(); });
$("run-checks").addEventListener("click", runChecks);

async function runChecks() {
  $("run-checks").disabled = true;
  say($("checks-said"), "Checking …");
  try {
    const { checks } = await (await ask("api/bridge/checks", { signal: AbortSignal.timeout(90000) })).json();
    const bad = checks.filter((check) => !check.ok).length;
    say($("checks-said"), bad ? `${counted(bad, "thing")} to mend.` : "All is well.");
    $("checks-list").replaceChildren(...checks.map((check) => make("li", check.ok ? "" : "bad", make("b", "", check.ok ? "✓" : "✗"),
      make("div", "", `${check.name}: ${check.sentence}`, check.fix ? make("small", "", check.fix) : ""))));
  } catch (error) {
    if (error instanceof LoginNeeded) logIn();
    else say($("checks-said"), error.message);
  } finally {
    $("run-checks").disabled = false;
  }
}

// ---------------------------------------------------------------- the picture of throughput

const SVG = "http://www.w3.org/2000/svg";

async function drawPicture() {
  if (document.hidden || !known.run) return;
  let told;
  try { told = await read(`api/bridge/throughput?span=${view.span}`); } catch { return; }
  const values = told.speeds, peak = Math.max(...values, 0), width = 600, height = 59;
  const x = (at) => ((at / Math.max(1, values.length - 1)) * width).toFixed(1);
  const y = (value) => (height - (peak ? (value / peak) * (height - 6) : 0)).toFixed(1);
  const line = values.map((value, at) => `${at ? "L" : "M"}${x(at)} ${y(value)}`).join("");
  const shapes = [["base", `M0 ${height}H${width}`], ["area", `${line}L${width} ${height}L0 ${height}Z`], ["line", line]];
  $("chart").replaceChildren(...shapes.map(([className, d]) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    path.setAttribute("d", d);
    return path;
  }));
  const total = values.reduce((sum, value) => sum + value, 0) * told.step_seconds;
  if (!peak) $("chart").replaceChildren();
  const text = peak ? `${bytes(total)} in the last ${view.span}, up to ${bytes(peak)}/s` : `Nothing came in the last ${view.span}`;
  say($("chart-text"), text);
  $("chart").setAttribute("aria-label", text);
}

for (const name of ["hour", "day"]) {
  $(`span-${name}`).addEventListener("click", () => {
    view.span = name;
    for (const other of ["hour", "day"]) $(`span-${other}`).setAttribute("aria-pressed", String(other === name));
    drawPicture();
  });
}

// ---------------------------------------------------------------- go

document.addEventListener("visibilitychange", () => { if (!document.hidden) { poll(); drawPicture(); } });
setInterval(drawPicture, PICTURE_MS);
measure();
poll().then(drawPicture);
