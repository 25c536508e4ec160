// Streams an answer, measures it as it comes, and shows how the engines' KV pools do.

const at = (id) => document.getElementById(id);
const form = at("ask"), prompt = at("prompt"), send = at("send"), stop = at("stop"), status = at("status");
let running = null;

function say(text, wrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

// ---- Server-sent events of a fetched answer: what stands after "data: ", event by event.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) yield part.replace(/^data: /, "");
  }
}

// ---- The chart. Its colours are those of the page, so it is made anew when these change.
let chart = null, gaps = [];
const colour = (name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

function draw() {
  chart?.destroy();
  const axis = { stroke: colour("quiet"), grid: { stroke: colour("line") }, ticks: { stroke: colour("line") } };
  chart = new uPlot({
    width: at("chart").clientWidth, height: 160,
    cursor: { show: false }, legend: { show: false },
    scales: { x: { time: false }, y: { range: (_, least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [{ ...axis, size: 28 }, { ...axis, size: 60, values: (_, ticks) => ticks.map((tick) => `${tick} ms`) }],
    series: [{}, { stroke: colour("accent"), width: 2, points: { show: false } }],
  }, data(), at("chart"));
}

const data = () => [gaps.map((_, number) => number + 2), gaps];
addEventListener("resize", () => chart?.setSize({ width: at("chart").clientWidth, height: 160 }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// ---- What an answer took.
const milliseconds = (value) => (value === undefined ? "–" : `${value.toFixed(value < 10 ? 1 : 0)} ms`);

function show(began, times) {
  gaps = times.slice(1).map((time, number) => time - times[number]);
  const sorted = [...gaps].sort((a, b) => a - b);
  at("ttft").textContent = milliseconds(times.length ? times[0] - began : undefined);
  at("tokens").textContent = times.length;
  at("rate").textContent = gaps.length ? (gaps.length / ((times.at(-1) - times[0]) / 1000)).toFixed(1) : "–";
  at("median").textContent = milliseconds(sorted[sorted.length >> 1]);
  at("longest").textContent = milliseconds(sorted.at(-1));
  at("chart").setAttribute("aria-label", `Milliseconds between one token and the next: ${gaps.length} of them`
    + (gaps.length ? `, median ${milliseconds(sorted[sorted.length >> 1])}` : ""));
  chart.setData(data());
}

// ---- An answer.
async function ask() {
  const began = performance.now(), times = [], answer = at("answer");
  running = new AbortController();
  send.disabled = true;
  stop.disabled = false;
  answer.textContent = "";
  answer.setAttribute("aria-busy", "true");
  say("Waiting for the first token.");
  show(began, times);
  try {
    const response = await fetch("v1/chat/completions", {
      method: "POST", signal: running.signal, headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        model: at("model").value, stream: true, max_tokens: at("most").valueAsNumber,
        messages: [{ role: "user", content: prompt.value }],
      }),
    });
    if (!response.ok) throw new Error((await response.json()).error.message);
    let reason = null;
    for await (const event of events(response.body)) {
      if (event === "[DONE]") break;
      const chunk = JSON.parse(event);
      if (chunk.error) throw new Error(chunk.error.message);
      for (const choice of chunk.choices) {
        reason = choice.finish_reason ?? reason;
        if (!choice.delta.content) continue;
        times.push(performance.now());
        answer.append(choice.delta.content);
        say("Answering.");
        show(began, times);
      }
    }
    if (reason === null) throw new Error("The answer broke off.");
    say(reason === "length" ? "Ended: as many tokens as were asked for." : "Ended.");
  } catch (error) {
    if (running.signal.aborted) say("Stopped.");
    else say(error.message, true);
  } finally {
    running = null;
    send.disabled = false;
    stop.disabled = true;
    answer.setAttribute("aria-busy", "false");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!running) ask();
});
stop.addEventListener("click", () => {
  running?.abort();
  prompt.focus();
});
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
addEventListener("keydown", (event) => event.key === "Escape" && running?.abort());

// ---- The engines.
const STATES = ["allocated", "cached", "free"];

function row({ engine_id: name, revision, state, address }) {
  const item = document.createElement("li");
  const title = document.createElement("strong");
  title.textContent = name ?? address;
  item.append(title, name === null ? " is away" : ` at revision ${revision}`);
  item.classList.toggle("away", name === null);
  if (state === null) return item;
  const { blocks } = state, all = STATES.reduce((sum, key) => sum + blocks[key], 0);
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  for (const key of STATES.slice(0, 2)) {
    const part = document.createElement("i");
    part.className = key;
    part.style.width = `${(100 * blocks[key]) / all}%`;
    bar.append(part);
  }
  const figures = document.createElement("p");
  figures.className = "figures";
  for (const key of STATES) {
    const swatch = document.createElement("i");
    swatch.className = `swatch ${key}`;
    figures.append(swatch, `${blocks[key]} ${key} `);
  }
  figures.append(`; ${state.running} running`);
  item.append(bar, figures);
  return item;
}

async function look() {
  try {
    at("engines").replaceChildren(...(await (await fetch("engines")).json()).map(row));
  } catch {
    say("The gateway does not answer.", true);
  }
  setTimeout(look, document.hidden ? 5000 : 250);
}

async function models() {
  const { data: found } = await (await fetch("v1/models")).json();
  at("model").replaceChildren(...found.map(({ id }) => new Option(id)));
  if (!found.length) setTimeout(models, 500);
}

draw();
look();
models();
