"use strict";
// One slide at a time, at the largest size at which it fits; the address remembers which.
const deck = document.getElementById("deck");
const slides = [...deck.querySelectorAll("section")];
const place = document.getElementById("place");
const LARGEST = 5.2, SMALLEST = 2.2, STEP = 0.2;
let now = 0;

function fit(slide) {
  for (let size = LARGEST; size >= SMALLEST; size -= STEP) {
    slide.style.fontSize = `${size}vmin`;
    if (slide.scrollHeight <= slide.clientHeight) return;
  }
}

function turn(to) {
  now = Math.min(Math.max(to, 0), slides.length - 1);
  slides.forEach((slide, index) => slide.classList.toggle("now", index === now));
  place.textContent = `${now + 1} / ${slides.length}`;
  history.replaceState(null, "", `#s${now + 1}`);
  fit(slides[now]);
}

function shade() {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark";
  root.toggleAttribute("data-dark", !dark);
  root.toggleAttribute("data-light", dark);
}

const KEYS = {
  ArrowRight: () => turn(now + 1), ArrowDown: () => turn(now + 1), PageDown: () => turn(now + 1), " ": () => turn(now + 1),
  ArrowLeft: () => turn(now - 1), ArrowUp: () => turn(now - 1), PageUp: () => turn(now - 1),
  Home: () => turn(0), End: () => turn(slides.length - 1), d: shade, D: shade,
};

document.addEventListener("keydown", (event) => {
  const onButton = event.target instanceof HTMLButtonElement && event.key === " ";
  if (!(event.key in KEYS) || onButton || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.getElementById("on").addEventListener("click", () => turn(now + 1));
document.getElementById("back").addEventListener("click", () => turn(now - 1));
addEventListener("resize", () => fit(slides[now]));
deck.classList.add("turned");
turn(Math.max(0, slides.findIndex((slide) => `#${slide.id}` === location.hash)));
