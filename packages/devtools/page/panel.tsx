// In: a title and content. Out: the pane beside the list, which takes the focus when it opens. Next: detail.tsx.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  title: string;
  kicker: ComponentChildren;
  close: () => void;
  children: ComponentChildren;
}

export function Panel({ title, kicker, close, children }: Props) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent): void => {
      if (key === 'Escape') close();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
  return (
    <aside class="detail" ref={panel} aria-label={title}>
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
