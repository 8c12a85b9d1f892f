// The pane beside the list, for one event or one request.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Folded } from './text.js';
import { visibleLine } from './visible.js';

interface Props {
  title: string;
  kicker: ComponentChildren;
  close: () => void;
  children: ComponentChildren;
}

export function Panel({ title, kicker, close, children }: Props) {
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') close();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
  return (
    <aside class="detail" id="detail" tabIndex={-1} aria-label={visibleLine(title, 80)}>
      <div class="detail-head">
        <h2>
          {kicker} <Folded text={title} most={200} />
        </h2>
        <button type="button" class="close" onClick={close} aria-label="Close" aria-keyshortcuts="Escape">
          ✕
        </button>
      </div>
      {children}
    </aside>
  );
}

/** Names and values in rows. */
export function Facts({ facts }: { facts: [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
