"""The page's own JavaScript: draws the charts, opens networks, copies."""

SCRIPT = """
'use strict';
const page = document.documentElement;
const config = {
  responsive: true, displayModeBar: false, doubleClick: 'reset+autosize',
};

// Colours are names of the style's; charts follow light and dark.
function themed(value, style) {
  if (typeof value === 'string' && value.startsWith('var(')) {
    return style.getPropertyValue(value.slice(4, -1)).trim();
  }
  if (Array.isArray(value)) return value.map(v => themed(v, style));
  if (value && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([k, v]) => [k, themed(v, style)]));
  }
  return value;
}

function draw(source) {
  const place = document.getElementById(source.dataset.chart);
  const chart = themed(JSON.parse(source.textContent), getComputedStyle(page));
  // A finger that scrolls the page must not zoom a chart.
  if (matchMedia('(hover: none)').matches) chart.layout.dragmode = false;
  Plotly.react(place, chart.data, chart.layout, config);
  return place;
}

function openNetwork(event) {
  const network = document.getElementById(event.points[0].customdata);
  if (!network) return;
  network.open = true;
  network.scrollIntoView({behavior: 'smooth', block: 'nearest'});
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = 'Selected';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

const sources = [...document.querySelectorAll('script[data-chart]')];
for (const source of sources) {
  const place = draw(source);
  if (place.id === 'chart-tradeoff') place.on('plotly_click', openNetwork);
}
matchMedia('(prefers-color-scheme: dark)')
  .addEventListener('change', () => sources.forEach(draw));
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.addEventListener('click', () => copy(button));
}
"""
