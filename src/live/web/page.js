// The page around the picture: figures, charts, notes and switches, from what /statistics tells.

import { makeChart } from "./charts.js";
import { openViewer } from "./viewer.js";

const PERIOD = 500;
const SPAN = 60;
const get = (id) => document.getElementById(id);

// The token is kept in a cookie now; an address that holds it would end up in bookmarks and in the history.
if (location.search) history.replaceState(null, "", location.pathname);

const number = (value, digits) => value.toFixed(digits);
const fps = (value) => (value == null ? "–" : number(value, 1));
const ms = (value) => (value == null ? "–" : number(value, value < 100 ? 1 : 0));
const percent = (value) => (value == null ? "–" : `${number(value, 0)} %`);
const count = (value) => (value == null ? "–" : value.toLocaleString("en"));

const CHARTS = [
  {
    title: "Frame rate", unit: "frames/s", least: 30, format: fps,
    lines: [{ name: "out", color: "two" }, { name: "in", color: "one" }],
    values: (now) => [now.fps_out, now.fps_in],
  },
  {
    title: "Latency", unit: "ms", least: 20, format: ms,
    lines: [{ name: "p50", color: "two" }, { name: "p95", color: "one" }, { name: "max", color: "three" }],
    values: (now) => {
      const { p50, p95, max } = now.recent_latency;
      return max > 0 ? [p50, p95, max] : [null, null, null];
    },
  },
  {
    title: "Prediction", unit: "%", least: 100, most: 100, format: percent,
    lines: [{ name: "hits", color: "two" }, { name: "gated", color: "four", dashed: true }],
    values: (now) => [now.hit_rate, now.gated].map((share) => (share == null ? null : share * 100)),
  },
  {
    title: "Losses", unit: "per second", least: 3, format: fps,
    lines: [
      { name: "dropped", color: "three" }, { name: "lost", color: "four" }, { name: "missed", color: "one", dashed: true },
    ],
    values: (now, before) => {
      const seconds = before ? now.time - before.time : 0;
      const rate = (name) => (seconds > 0 ? Math.max(0, now[name] - before[name]) / seconds : null);
      return [rate("frames_dropped"), rate("frames_lost"), rate("missed")];
    },
  },
];

const CONTENTS = [["real", "one"], ["predicted", "two"], ["interpolated", "four"], ["held", "three"]];

const past = [];
const charts = CHARTS.map((chart) => ({ ...chart, samples: [], draw: makeChart(get("charts"), chart) }));
const tiles = makeTiles(["Output", "Input", "Latency p95", "Prediction hits", "Dropped", "Processor"]);
let streamProblem = null;
let switchProblem = null;
let isChanging = false;

openViewer(get("stage"), (problem) => (streamProblem = problem));
openSwitches();
poll();

async function poll() {
  for (;;) {
    try {
      const response = await fetch("statistics", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!response.ok) throw new Error(await response.text());
      show(await response.json());
    } catch {
      showGone();
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
  }
}

function show(now) {
  now.time = performance.now() / 1000;
  const before = past.at(-1);
  past.push(now);
  while (past[0].time < now.time - SPAN) past.shift();
  for (const chart of charts) {
    chart.samples.push({ time: now.time, values: chart.values(now, before) });
    while (chart.samples[0].time < now.time - SPAN - 1) chart.samples.shift();
    chart.draw(chart.samples);
  }
  showPicture(now);
  showTiles(now);
  showShares(now);
  showSwitches(now);
  showTables(now);
  const names = { waiting: "Waiting", live: "Live", reconnecting: "Reconnecting", ended: "Ended" };
  showState(now.source, names[now.source] ?? now.source);
  showNote(notes(now));
}

function showGone() {
  showState("gone", "Not connected");
  showNote(["The server cannot be reached: the run has ended, or the network is down. Trying again."]);
}

function notes(now) {
  const found = [];
  if (now.source === "reconnecting") found.push("The source was lost; it is being opened again. The last picture is held.");
  if (now.source === "ended") found.push("The source has ended.");
  if (now.level && now.level !== "full") {
    found.push(`The machine is too slow for everything that was asked for. Reduced to: ${now.level}.`);
  }
  for (const output of now.outputs) {
    if (output.failure) found.push(`The output ${output.name} has stopped: ${output.failure}.`);
  }
  return [...found, streamProblem, switchProblem].filter(Boolean);
}

function showNote(lines) {
  const text = lines.join("\n");
  if (get("note").textContent !== text) get("note").textContent = text;
  get("note").hidden = text === "";
}

function showState(state, name) {
  [get("source").dataset.state, get("source").textContent] = [state, name];
}

function showPicture({ picture, controls, model }) {
  const aspect = (picture.width * picture.sample_aspect_ratio) / picture.height;
  document.documentElement.style.setProperty("--aspect", aspect);
  const [source, shown] = [`${picture.source_width}×${picture.source_height}`, `${picture.width}×${picture.height}`];
  get("sizes").textContent = `${source} → ${shown} at ${number(picture.frame_rate, 2).replace(/\.?0+$/, "")} frames/s`;
  get("before").textContent = `Before ${source}`;
  get("after").textContent = `After ${shown} · ${model || controls.models[controls.model] || ""}`.replace(/ · $/, "");
}

function makeTiles(names) {
  const tile = (name) => {
    const group = document.createElement("div");
    const [term, value, unit, below] = ["dt", "dd", "small", "p"].map((tag) => document.createElement(tag));
    const figure = document.createTextNode("–");
    term.textContent = name;
    value.append(figure, unit, below);
    group.append(term, value);
    get("tiles").append(group);
    return (text, of, more) => ([figure.data, unit.textContent, below.textContent] = [text, of, more]);
  };
  return names.map(tile);
}

function showTiles(now) {
  const dropped = now.outputs.reduce((sum, output) => sum + output.dropped, 0);
  const latency = now.recent_latency;
  const hits = now.hit_rate == null ? null : now.hit_rate * 100;
  const texts = [
    [fps(now.fps_out), "fps", `${count(now.frames_out)} pictures`],
    [fps(now.fps_in), "fps", `${count(now.frames_in)} frames`],
    [ms(latency.max > 0 ? latency.p95 : null), "ms", `target ${ms(now.target_latency)} ms`],
    [hits == null ? "–" : number(hits, 0), hits == null ? "" : "%", now.predicts ? "on" : "off"],
    [count(now.frames_dropped), "", `${count(now.missed)} missed · outputs ${count(dropped)}`],
    [number(now.cores, 1), "cores", `${number(now.memory / 2 ** 20, 0)} MiB`],
  ];
  tiles.forEach((tile, index) => tile(...texts[index]));
}

function showShares(now) {
  const first = past[0];
  const counts = CONTENTS.map(([name]) => Math.max(0, now[name] - first[name]));
  const sum = counts.reduce((total, part) => total + part, 0);
  const shares = counts.map((part) => (sum > 0 ? (part / sum) * 100 : 0));
  const [bar, legend] = [get("bar"), get("shares")];
  while (bar.children.length < CONTENTS.length) {
    const [name, color] = CONTENTS[bar.children.length];
    bar.append(Object.assign(document.createElement("i"), { className: color }));
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("i"), { className: `key ${color}` }), `${name} `, document.createElement("b"));
    legend.append(item);
  }
  shares.forEach((share, index) => {
    bar.children[index].style.width = `${share}%`;
    legend.children[index].querySelector("b").textContent = percent(share);
  });
  bar.setAttribute("aria-label", CONTENTS.map(([name], index) => `${name} ${percent(shares[index])}`).join(", "));
}

function showTables(now) {
  const row = (cells) => {
    const made = document.createElement("tr");
    made.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return made;
  };
  const stages = now.stages.map(({ stage, milliseconds: of }) => row([stage, ms(of.p50), ms(of.p95), ms(of.p99), ms(of.max)]));
  get("stages").replaceChildren(...stages);
  const outputs = now.outputs.map(({ name, shown, dropped, failure }) =>
    row([name, count(shown), count(dropped), failure ?? "works"]));
  get("outputs").replaceChildren(...outputs);
}

function showSwitches({ controls }) {
  if (isChanging) return;
  const select = get("model");
  const names = [...select.options].map((option) => option.textContent);
  if (names.join("\n") !== controls.models.join("\n")) {
    select.replaceChildren(...controls.models.map((name, index) => new Option(name, index)));
  }
  if (document.activeElement !== select) select.selectedIndex = controls.model;
  get("predicts").checked = controls.predicts;
  select.disabled = controls.models.length < 2;
  get("predicts").disabled = false;
}

function openSwitches() {
  const change = async (change) => {
    isChanging = true;
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch("controls", { method: "POST", headers, body: JSON.stringify(change) });
      switchProblem = response.ok ? null : `The switch was refused: ${await response.text()}`;
    } catch {
      switchProblem = "The switch did not arrive.";
    }
    isChanging = false;
  };
  get("model").addEventListener("change", (event) => change({ model: event.target.selectedIndex }));
  get("predicts").addEventListener("change", (event) => change({ predicts: event.target.checked }));
  get("switches").addEventListener("submit", (event) => event.preventDefault());
  get("full").hidden = !document.fullscreenEnabled;
  get("full").addEventListener("click", () => get("stage").requestFullscreen());
}
