// In: a title and content. Out: the pane beside the list. Next: detail.tsx.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

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
    <aside class="detail" id="detail" tabIndex={-1} aria-label={title}>
      <div class="detail-head">
        <h2>
          {kicker} {title}
        </h2>
        <button type="button" class="close" onClick={close} aria-label="Close" aria-keyshortcuts="Escape">
          ✕
        </button>
      </div>
      {children}
    </aside>
  );
}

/** Names and values below each other. */
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
