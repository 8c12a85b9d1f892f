// Draws a bar chart as SVG, for light and dark. charts.js defines the charts.
import { number } from './report.js';

const WIDTH = 720;
const PADDING = 24;
const BAR_START = 252;
/** Space for a figure after the longest bar. */
const BAR_END = WIDTH - PADDING - 76;
const ROW = 32;
const BAR_HEIGHT = 18;
/** Space between two groups. */
const GAP = 12;

/** No custom properties, because some SVG viewers don't support them. */
const STYLE = `
    text { font-family: ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
    .background { fill: #ffffff }
    .title, .ours { font-weight: 600 }
    .plain { font-weight: 400 }
    .note { fill: #59636e }
    .bar { fill: #b6bfc9 }
    .bar.ours { fill: #0a7d5a }
    .bar.baseline { fill: #dde2e7 }
    .axis { stroke: #59636e }
    .floor { stroke: #1f2328 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .background { fill: #0d1117 }
      .note { fill: #9198a1 }
      .bar { fill: #545d68 }
      .bar.ours { fill: #3fb68b }
      .bar.baseline { fill: #30363d }
      .axis { stroke: #9198a1 }
      .floor { stroke: #ffffff }
    }
  `;

/**
 * Draws groups of rows below a title and a note. A row has a `label`, a `value` (NaN if the subject did not finish), a
 * `kind` of bar, and perhaps a `floor`, which is drawn as a line across its bar. All bars start at zero and share one scale.
 */
export function drawBars({ title, note, groups }) {
  const largest = Math.max(...groups.flat().map(({ value }) => value || 0));
  const scale = (value) => ((BAR_END - BAR_START) * value) / largest;
  const parts = [];
  let y = 80;
  for (const rows of groups) {
    const top = y;
    for (const row of rows) {
      parts.push(...drawRow(row, y, scale));
      y += ROW;
    }
    parts.push(`<path class="axis" d="M${BAR_START - 0.5} ${top}V${y}"/>`);
    y += GAP;
  }
  const height = y + 8;
  const box = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-labelledby="title">
  <title id="title">${escapeMarkup(`${title}. ${note}`)}</title>
  <style>${STYLE}</style>
  <rect class="background" width="${WIDTH}" height="${height}" rx="8"/>
  ${text(title, { x: PADDING, y: 36, size: 18, class: 'title' })}
  ${text(note, { x: PADDING, y: 59, size: 14, class: 'note' })}
  ${parts.join('\n  ')}
</svg>
`;
}

function drawRow({ label, value, kind, floor }, y, scale) {
  const baseline = y + 21;
  const name = text(label, { x: BAR_START - 12, y: baseline, size: 14, class: kind, anchor: 'end' });
  if (Number.isNaN(value)) {
    return [name, text('did not finish', { x: BAR_START + 8, y: baseline, size: 14, class: 'note' })];
  }
  const width = round(scale(value));
  const top = y + (ROW - BAR_HEIGHT) / 2;
  const parts = [
    name,
    `<rect class="bar ${kind}" x="${BAR_START}" y="${top}" width="${width}" height="${BAR_HEIGHT}"/>`,
    text(number(value), { x: BAR_START + width + 8, y: baseline, size: 14, class: 'figure' }),
  ];
  if (!Number.isNaN(floor ?? Number.NaN)) {
    const x = round(BAR_START + scale(floor));
    parts.push(`<path class="floor" stroke-width="2" d="M${x} ${top - 3}v${BAR_HEIGHT + 6}"/>`);
  }
  return parts;
}

function text(content, { x, y, size, class: kind, anchor = 'start' }) {
  return `<text class="${kind}" x="${round(x)}" y="${y}" font-size="${size}" text-anchor="${anchor}">${escapeMarkup(content)}</text>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escapeMarkup(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
