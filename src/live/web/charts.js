// Charts of the last minute.

const SPAN = 60;
const MARGIN = { left: 34, right: 6, top: 6, bottom: 18 };

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/// A chart with lines: [{ name, color, dashed }]. `least` is the smallest upper end of its axis, `most` the largest;
/// `format` writes a value beside its line's name.
export function makeChart(parent, { title, unit, lines, least, most, format }) {
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  const values = lines.map(() => element("b", { textContent: "–" }));
  const legend = element("ul", { className: "legend" });
  lines.forEach((line, index) => {
    legend.append(element("li", {}, element("i", { className: `key ${line.color}` }), `${line.name} `, values[index]));
  });
  const heading = element("h2", {}, title, element("small", { textContent: unit }));
  parent.append(element("div", { className: "chart" }, heading, legend, canvas));

  return (samples) => {
    const newest = samples.at(-1);
    const texts = lines.map((_, index) => format(newest?.values[index]));
    values.forEach((value, index) => (value.textContent = texts[index]));
    const spoken = lines.map((line, index) => `${line.name} ${texts[index]}`).join(", ");
    canvas.setAttribute("aria-label", `${title} in ${unit} over the last minute. Now: ${spoken}`);
    draw(canvas, lines, samples, { least, most });
  };
}

function draw(canvas, lines, samples, { least, most }) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  context.scale(ratio, ratio);
  context.font = "11px system-ui, sans-serif";

  const known = samples.flatMap((sample) => sample.values).filter((value) => value != null);
  const { top, step } = axis(Math.min(most ?? Infinity, Math.max(least, ...known)));
  const now = samples.at(-1)?.time ?? 0;
  const x = (time) => width - MARGIN.right - ((now - time) / SPAN) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => height - MARGIN.bottom - (Math.min(value, top) / top) * (height - MARGIN.top - MARGIN.bottom);

  context.strokeStyle = color("line");
  context.fillStyle = color("soft");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let value = 0; value <= top + step / 2; value += step) {
    const level = Math.round(y(value)) + 0.5;
    context.beginPath();
    context.moveTo(MARGIN.left, level);
    context.lineTo(width - MARGIN.right, level);
    context.stroke();
    context.fillText(String(Number(value.toFixed(2))), MARGIN.left - 6, level);
  }
  context.textBaseline = "alphabetic";
  for (const [back, text, align] of [[SPAN, "−60 s", "left"], [SPAN / 2, "−30 s", "center"], [0, "now", "right"]]) {
    context.textAlign = align;
    context.fillText(text, x(now - back), height - 4);
  }

  context.save();
  context.beginPath();
  context.rect(MARGIN.left, 0, width - MARGIN.left, height);
  context.clip();
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  lines.forEach((line, index) => {
    context.strokeStyle = color(line.color);
    context.setLineDash(line.dashed ? [4, 3] : []);
    context.beginPath();
    let isOpen = false;
    for (const sample of samples) {
      const value = sample.values[index];
      if (value == null) {
        isOpen = false;
        continue;
      }
      context[isOpen ? "lineTo" : "moveTo"](x(sample.time), y(value));
      isOpen = true;
    }
    context.stroke();
  });
  context.restore();
}

/// The end of an axis up to `value` and the step of its two to four lines, both round numbers.
function axis(value) {
  const raw = value / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999);
  return { top: step * Math.ceil(value / step - 0.001), step };
}
