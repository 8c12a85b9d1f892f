// The charts in bench/: honest bars, complete labels, light and dark. bench/render.js draws them from
// bench/results.json.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../bench/', import.meta.url));
const charts = readdirSync(folder).filter((name) => name.endsWith('.svg'));

interface Shape {
  [attribute: string]: string;
}

interface Text extends Shape {
  text: string;
}

/** All elements of a name, in drawing order. */
function shapes(svg: string, name: string): Shape[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, attributes = '']) =>
    Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  );
}

function texts(svg: string): Text[] {
  const contents = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
  return shapes(svg, 'text').map((shape, index) => ({ ...shape, text: contents[index] ?? '' }));
}

/** The horizontal extent of a text in any usual font: few letters are wider than 0.6 em, and the average is below. */
function extent({ x, text, 'font-size': size, 'text-anchor': anchor = 'start' }: Text): [number, number] {
  const width = text.length * Number(size) * 0.6;
  const start = Number(x) - (anchor === 'end' ? width : anchor === 'middle' ? width / 2 : 0);
  return [start, start + width];
}

test('there are charts, and all have the same width', () => {
  expect(charts.length).toBeGreaterThan(3);
  const widths = charts.map((name) => /viewBox="0 0 (\d+) /.exec(readFileSync(folder + name, 'utf8'))?.[1]);
  expect(widths).toEqual(charts.map(() => widths[0]));
});

describe.each(charts)('%s', (name) => {
  const svg = readFileSync(folder + name, 'utf8');
  const bars = shapes(svg, 'rect').filter((each) => each['class']?.startsWith('bar'));
  const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);

  test('bars start at zero and are as long as their figures', () => {
    expect(bars.length).toBeGreaterThan(2);
    const figures = texts(svg).filter((each) => each['class'] === 'figure' && /^[\d.,]+$/.test(each.text));
    expect(figures.map(({ text }) => text)).toHaveLength(bars.length);
    const values = figures.map(({ text }) => Number(text.replaceAll(',', '')));
    const scale = Math.max(...bars.map((bar) => Number(bar['width']))) / Math.max(...values);
    for (const [index, bar] of bars.entries()) {
      expect(bar['x']).toBe(bars[0]?.['x']);
      expect(values[index]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(Number(bar['width']) - (values[index] ?? Number.NaN) * scale)).toBeLessThan(1);
    }
  });

  test('no label crosses the edge of the chart, another label or a bar', () => {
    const labels = texts(svg);
    expect(labels.length).toBeGreaterThan(bars.length);
    for (const [index, label] of labels.entries()) {
      const [start, end] = extent(label);
      const [y, size] = [Number(label['y']), Number(label['font-size'])];
      expect(start, label.text).toBeGreaterThanOrEqual(0);
      expect(end, label.text).toBeLessThanOrEqual(width);
      expect(y - size, label.text).toBeGreaterThanOrEqual(0);
      expect(y + size / 3, label.text).toBeLessThanOrEqual(height);
      for (const other of labels.slice(index + 1)) {
        const [otherStart, otherEnd] = extent(other);
        const apart = end < otherStart || otherEnd < start || Math.abs(y - Number(other['y'])) >= size;
        expect(apart, `${label.text} / ${other.text}`).toBe(true);
      }
      for (const bar of bars) {
        const [top, left] = [Number(bar['y']), Number(bar['x'])];
        const inRow = y > top && y - size < top + Number(bar['height']);
        const clear = !inRow || end < left || start > left + Number(bar['width']);
        expect(clear, label.text).toBe(true);
      }
    }
  });

  test('it says which direction is better, and has colours for light and dark', () => {
    expect(texts(svg).some(({ text }) => /(Lower|Higher) is better/.test(text))).toBe(true);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).not.toContain('(cut)');
  });
});

test('the charts, the results and the table in the README match the stored figures', async () => {
  const check = promisify(execFile)(process.execPath, [`${folder}render.js`, '--check'], { timeout: 20_000 });
  expect(await check.catch((error: { stderr: string }) => error)).toMatchObject({ stderr: '' });
});
