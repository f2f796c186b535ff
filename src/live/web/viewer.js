// The live picture: reads the stream, draws before and after of the same instant, and moves the divider.

const HEADER = 24;
const RETRY = 1000;

function joined(chunks, length) {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/// Messages of the stream: { after, before, number, latency, content }, the files empty where they have not changed.
async function* messages(body) {
  const reader = body.getReader();
  let chunks = [];
  let held = 0;
  const take = async (length) => {
    while (held < length) {
      const { value, done } = await reader.read();
      if (done) return null;
      chunks.push(value);
      held += value.length;
    }
    const all = chunks.length === 1 ? chunks[0] : joined(chunks, held);
    const rest = all.subarray(length);
    chunks = rest.length > 0 ? [rest] : [];
    held = rest.length;
    return all.subarray(0, length);
  };
  for (;;) {
    const header = await take(HEADER);
    if (!header) return;
    const view = new DataView(header.buffer, header.byteOffset, HEADER);
    const lengths = [view.getUint32(0, true), view.getUint32(4, true)];
    const number = Number(view.getBigUint64(8, true));
    const [latency, content] = [view.getUint32(16, true) / 1000, view.getUint32(20, true)];
    const files = await take(lengths[0] + lengths[1]);
    if (!files) return;
    if (number === 0) continue;
    yield { after: files.subarray(0, lengths[0]), before: files.subarray(lengths[0]), number, latency, content };
  }
}

const decode = (bytes) => createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/// Shows the stream in `stage` and tells `onState` whether it is there.
export function openViewer(stage, onState) {
  const [canvas, divider] = [stage.querySelector("canvas"), stage.querySelector("[role=slider]")];
  const context = canvas.getContext("2d", { alpha: false });
  const shown = { after: null, before: null };
  let position = 0.5;
  let pending = null;
  let arrived = () => {};

  function draw() {
    const { after, before } = shown;
    if (!after) return;
    if (canvas.width !== after.width || canvas.height !== after.height) {
      [canvas.width, canvas.height] = [after.width, after.height];
    }
    const { width, height } = canvas;
    context.drawImage(after, 0, 0);
    const cut = Math.round(width * position);
    if (!before || cut === 0) return;
    context.save();
    context.beginPath();
    context.rect(0, 0, cut, height);
    context.clip();
    context.drawImage(before, 0, 0, width, height);
    context.restore();
  }

  function replace(name, picture) {
    shown[name]?.close();
    shown[name] = picture;
  }

  // What has not been drawn yet is replaced by what is newer; files that it brought are kept.
  function receive(message) {
    const kept = (name) => (message[name].length > 0 ? message[name] : (pending?.[name] ?? message[name]));
    pending = { ...message, after: kept("after"), before: kept("before") };
    arrived();
  }

  async function read() {
    for (;;) {
      try {
        const response = await fetch("stream", { cache: "no-store" });
        if (!response.ok) throw new Error(await response.text());
        onState(null);
        for await (const message of messages(response.body)) receive(message);
        onState("The connection has ended; trying again.");
      } catch (error) {
        onState(error instanceof TypeError ? "The server cannot be reached; trying again." : error.message);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }

  async function show() {
    for (;;) {
      if (!pending) await new Promise((resolve) => (arrived = resolve));
      const message = pending;
      pending = null;
      try {
        const decoded = ["after", "before"].map((name) => (message[name].length > 0 ? decode(message[name]) : null));
        const [after, before] = await Promise.all(decoded);
        await nextFrame();
        if (after) replace("after", after);
        if (before) replace("before", before);
        draw();
        stage.classList.add("has-picture");
        canvas.dataset.number = message.number;
        canvas.dataset.drawn = Number(canvas.dataset.drawn ?? 0) + 1;
      } catch (error) {
        console.error("a picture cannot be decoded", error);
      }
    }
  }

  function move(to) {
    position = Math.min(1, Math.max(0, to));
    divider.style.left = `${canvas.offsetLeft + canvas.offsetWidth * position}px`;
    const percent = Math.round(position * 100);
    divider.setAttribute("aria-valuenow", percent);
    divider.setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
    draw();
  }

  function follow(event) {
    const { left, width } = canvas.getBoundingClientRect();
    move((event.clientX - left) / width);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    follow(event);
    divider.focus({ preventScroll: true });
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  divider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1 };
    const ends = { Home: 0, End: 1 };
    if (event.key in steps) move(position + steps[event.key]);
    else if (event.key in ends) move(ends[event.key]);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => move(position)).observe(canvas);

  read();
  show();
}
