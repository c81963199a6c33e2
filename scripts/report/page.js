// Shows what a mark of a plot tells, its <title>, beside the pointer or, with the arrow keys, of one after the other.
"use strict";

const REACH = 28; // pixels from the pointer to the mark that tells
const THIN = 8; // pixels in which a mark is met that is thinner
const MOST = 6; // marks that tell at once
const told = document.createElement("div");
told.id = "told";
told.setAttribute("role", "status");
told.hidden = true;
document.body.append(told);

for (const plot of document.querySelectorAll("svg")) {
  // The browser would show the titles, too, after a while.
  const marks = Array.from(plot.querySelectorAll(".mark"), (element) => {
    const title = element.querySelector("title");
    const text = title.textContent;
    title.remove();
    element.setAttribute("aria-label", text);
    return { element, text };
  });
  if (!marks.length) continue;

  const ring = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ring.setAttribute("class", "ring");
  let shown = -1;

  const hide = () => {
    ring.remove();
    told.hidden = true;
    shown = -1;
  };

  // Beside the pointer, or, without one, beside the mark.
  const show = (number, pointer = Infinity) => {
    shown = number;
    const box = marks[number].element.getBBox();
    const [x, y, width, height] = [box.x - 2, box.y - 2, box.width + 4, box.height + 4];
    for (const [name, value] of Object.entries({ x, y, width, height, rx: 2 })) ring.setAttribute(name, value);
    plot.append(ring);
    const mark = marks[number].element.getBoundingClientRect();
    // Marks may lie on one another.
    const here = marks.filter(({ element }) => {
      const other = element.getBoundingClientRect();
      return ["left", "right", "top", "bottom"].every((side) => Math.abs(other[side] - mark[side]) < 2);
    });
    told.textContent = here.slice(0, MOST).map(({ text }) => text).join("\n") + (here.length > MOST ? "\n…" : "");
    told.hidden = false;
    const at = Math.min(Math.max(mark.left, pointer), mark.right);
    const above = mark.top - told.offsetHeight - 6;
    const left = at + 10 + told.offsetWidth > innerWidth ? at - told.offsetWidth - 10 : at + 10;
    told.style.left = `${Math.max(4, left)}px`;
    told.style.top = `${above < 4 ? mark.bottom + 6 : above}px`;
  };

  // From a point to a mark: the nearest one tells; of several below the pointer the smallest, then that whose middle is
  // nearest. A line has no width by itself.
  const distance = ({ element }, x, y) => {
    const box = element.getBoundingClientRect();
    const [across, down] = [Math.max(THIN, box.width) / 2, Math.max(THIN, box.height) / 2];
    const [right, below] = [Math.abs(x - box.left - box.width / 2), Math.abs(y - box.top - box.height / 2)];
    const outside = Math.hypot(Math.max(0, right - across), Math.max(0, below - down));
    return outside + (box.width + box.height) * 1e-4 + (right + below) * 1e-6;
  };

  const point = (event) => {
    let [nearest, least] = [-1, REACH];
    marks.forEach((mark, number) => {
      const found = distance(mark, event.clientX, event.clientY);
      if (found < least) [nearest, least] = [number, found];
    });
    if (nearest < 0) hide();
    else show(nearest, event.clientX);
  };

  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    show((Math.max(shown, step < 0 ? 0 : -1) + step + marks.length) % marks.length);
  });
}
