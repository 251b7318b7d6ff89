// Draws every figure in the colours of the page. "graft:drawn" tells a section's own script that they are.
const night = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 70rem)");
const PAPER = 680; // px, width of a figure on A4
const GLYPHS = {
  circle: "●", square: "■", diamond: "◆", "triangle-up": "▲", "triangle-down": "▼", cross: "✚", star: "★",
};
let printing = false;

const plots = () => document.querySelectorAll(".plot");

// A button for each arm, which hides it in all panels. Buttons stay when the figure is drawn again, in other colours.
function legend(plot, data) {
  const bar = document.getElementById(`${plot.id}-legend`);
  const pressed = button => button.getAttribute("aria-pressed") === "true";
  const hidden = new Set([...bar.children].filter(button => !pressed(button)).map(button => button.dataset.name));
  data.forEach(trace => { trace.visible = !hidden.has(trace.name); });
  data.filter(trace => trace.showlegend).forEach((trace, number) => {
    const button = bar.children[number] ?? bar.appendChild(buttonOf(plot, trace.name, pressed));
    const lines = trace.mode.includes("lines");
    const dash = lines ? (trace.line.dash ? "┅" : "━") : "";
    const swatch = button.firstChild;
    swatch.textContent = dash + (trace.mode.includes("markers") ? GLYPHS[trace.marker.symbol] : dash) + dash;
    swatch.style.color = lines ? trace.line.color : trace.marker.color;
  });
}

function buttonOf(plot, name, pressed) {
  const button = document.createElement("button"), swatch = document.createElement("span");
  swatch.ariaHidden = "true";
  button.append(swatch, name);
  button.type = "button";
  button.dataset.name = name;
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!pressed(button)));
    const own = plot.data.flatMap((one, number) => (one.name === name ? [number] : []));
    Plotly.restyle(plot, { visible: pressed(button) }, own);
  });
  return button;
}

function draw(plot) {
  const text = document.getElementById(`${plot.id}-data`).textContent;
  const dark = night.matches && !printing;
  const { data, layout } = JSON.parse(dark ? text.replace(/#[0-9a-f]{6}/gi, hex => DARK[hex.toLowerCase()] ?? hex) : text);
  Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" });
  if (layout.showlegend === false) legend(plot, data);
  if (printing) Object.assign(layout, { width: PAPER, autosize: false });
  return Plotly.react(plot, data, layout, { displayModeBar: false, responsive: !printing, scrollZoom: false });
}

function drawAll() {
  return Promise.all([...plots()].map(draw)).then(() => {
    document.documentElement.dataset.drawn = "yes";
    document.dispatchEvent(new Event("graft:drawn"));
  });
}

drawAll();
night.addEventListener("change", drawAll);

const contents = document.querySelector("nav details");
const fold = () => { if (!printing) contents.open = !narrow.matches; };
fold();
narrow.addEventListener("change", fold);

let opened = [];
addEventListener("beforeprint", () => {
  printing = true;
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach(details => { details.open = true; });
  drawAll();
});
addEventListener("afterprint", () => {
  printing = false;
  opened.forEach(details => { details.open = false; });
  drawAll();
});

const links = new Map([...document.querySelectorAll("nav a")].map(link => [link.hash.slice(1), link]));
const seen = new Set();
const watcher = new IntersectionObserver(entries => {
  entries.forEach(entry => { if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id); });
  const first = [...links.keys()].find(id => seen.has(id));
  links.forEach((link, id) => {
    if (id === first) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current");
  });
}, { rootMargin: "0px 0px -60% 0px" });
document.querySelectorAll("header[id], section[id]").forEach(section => watcher.observe(section));
