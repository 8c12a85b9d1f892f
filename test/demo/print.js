// Prints lines and tables, in colour on a terminal that supports it, unless NO_COLOR is set.
import { styleText } from 'node:util';

const colours = process.stdout.hasColors?.() ?? false;
const style = (format, text) => (colours ? styleText(format, text) : text);

export function line(text) {
  process.stdout.write(`${text}\n`);
}

export function heading(text) {
  line(`\n${style('bold', text)}\n`);
}

/** Formats a number: 6000 becomes '6,000'. */
export function count(number) {
  return number.toLocaleString('en-US');
}

/** Rows of a name, a value and an optional remark. */
export function table(rows) {
  for (const [name, value, remark] of rows) {
    const number = /^[\d.,]+( µs)?$/.test(value);
    const column = number ? value.padStart(10) : value.padEnd(24);
    line(
      `  ${name.padEnd(22)}${style('bold', column)}${remark ? `   ${style('dim', remark)}` : ''}`.trimEnd(),
    );
  }
  line('');
}

export function pretty(value) {
  return JSON.stringify(value, null, 2).replaceAll(/^/gm, '  ');
}
