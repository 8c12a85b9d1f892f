// Shows untrusted text: isolated from its surroundings, escaped, and folded if it is long.
import { useState } from 'preact/hooks';
import { count } from './format.js';
import { visible, visibleLine } from './visible.js';

/** Maximum characters in a row of a list. */
const IN_A_ROW = 160;

/** One line, truncated if it is long. */
export function Line({ text }: { text: string }) {
  return <bdi>{visibleLine(text, IN_A_ROW)}</bdi>;
}

/** The whole text. If it is longer than `most` characters, the rest is shown on demand. */
export function Folded({ text, most }: { text: string; most: number }) {
  const [isOpen, setOpen] = useState(false);
  if (text.length <= most) return <bdi>{visible(text)}</bdi>;
  return (
    <>
      <bdi>{isOpen ? visible(text) : visibleLine(text, most)}</bdi>{' '}
      <button type="button" class="plain fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Show less' : `Show all ${count(text.length)} characters`}
      </button>
    </>
  );
}
