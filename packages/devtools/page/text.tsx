// Text of somebody else's on the page: isolated from what stands around it, escaped, and folded when it is long.
import { useState } from 'preact/hooks';
import { count } from './format.js';
import { visible, visibleLine } from './visible.js';

/** Characters shown in a row of a list. */
const IN_A_ROW = 160;

/** One line, cut off when it is long. */
export function Line({ text }: { text: string }) {
  return <bdi>{visibleLine(text, IN_A_ROW)}</bdi>;
}

/** The whole text; when it is longer than `most` characters, on demand. */
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
