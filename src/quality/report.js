for (const set of document.querySelectorAll(".set")) {
  const ranges = Object.fromEntries([...set.querySelectorAll("input")].map((input) => [input.name, input]));
  const put = (name, value) => {
    ranges[name].value = value;
    set.style.setProperty("--" + name, ranges[name].value);
  };
  for (const name in ranges) ranges[name].addEventListener("input", () => put(name, ranges[name].value));

  // Which version is on which side of the slider.
  for (const select of set.querySelectorAll("select")) {
    const layer = set.querySelector("." + select.name);
    select.addEventListener("change", () => { layer.className = `layer ${select.name} ${select.value}`; });
  }

  // The divider follows the pointer.
  const compare = set.querySelector(".compare");
  const divide = (event) => {
    const box = compare.getBoundingClientRect();
    put("divide", 100 * (event.clientX - box.left) / box.width);
  };
  compare.addEventListener("pointerdown", (event) => { compare.setPointerCapture(event.pointerId); divide(event); });
  compare.addEventListener("pointermove", (event) => { if (event.buttons) divide(event); });

  // Dragging one panel moves all.
  for (const panel of set.querySelectorAll(".panel")) {
    panel.addEventListener("pointerdown", (event) => panel.setPointerCapture(event.pointerId));
    panel.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const hidden = Math.max(ranges.zoom.value - 1, 0.01);
      put("x", +ranges.x.value - 100 * event.movementX / panel.clientWidth / hidden);
      put("y", +ranges.y.value - 100 * event.movementY / panel.clientHeight / hidden);
    });
  }
}
