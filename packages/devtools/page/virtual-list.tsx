// A list, newest first, that renders only the visible rows.
import type { ComponentChildren, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Props<Row extends { key: string }> {
  label: string;
  rows: readonly Row[];
  /** In px. Must match the style sheet. */
  rowHeight: number;
  active: Row | null;
  /** `open` if the reader activates the row, not if the selection only moves over it. */
  activate: (row: Row, open: boolean) => void;
  classOf: (row: Row) => string;
  children: (row: Row) => ComponentChildren;
  listRef: RefObject<HTMLDivElement | null>;
}

interface Anchor<Row> {
  /** `undefined` at the top. */
  row: Row | undefined;
  /** The scroll position at which the row was found. */
  at: number;
}

/** Number of rows rendered beyond each edge. */
const OVERSCAN = 8;

export function VirtualList<Row extends { key: string }>(props: Props<Row>) {
  const { label, rows, rowHeight, active, activate, classOf, children, listRef: list } = props;
  const [height, setHeight] = useState(600);
  const [, bump] = useState(0);
  const anchor = useRef<Anchor<Row>>({ row: undefined, at: 0 });

  // New rows are added at the top. If the reader has scrolled down, the visible rows stay in place. An anchor is
  // outdated if the list has been scrolled since.
  const now = list.current?.scrollTop ?? 0;
  let top = Math.max(0, Math.min(now, rows.length * rowHeight - height));
  const { row: anchored, at } = anchor.current;
  if (anchored !== undefined && Math.abs(at - now) < 1) {
    const index = rows.lastIndexOf(anchored);
    if (index !== -1) top = (rows.length - 1 - index) * rowHeight + (now % rowHeight);
  }
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((top + height) / rowHeight) + OVERSCAN);

  useLayoutEffect(() => {
    if (list.current !== null && Math.abs(now - top) >= 1) list.current.scrollTop = top;
    drop();
  });

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  /** Remembers the row at the upper edge. At the very top, new rows should be shown. */
  function drop(): void {
    const at = list.current?.scrollTop ?? 0;
    const row = at > 0 ? rows[rows.length - 1 - Math.floor(at / rowHeight)] : undefined;
    anchor.current = { row, at };
  }

  function onScroll(): void {
    drop();
    bump((times) => times + 1);
  }

  const current = active === null ? -1 : rows.lastIndexOf(active);
  const place = current === -1 ? -1 : rows.length - 1 - current;

  function go(to: number, open: boolean): void {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[rows.length - 1 - next];
    const element = list.current;
    if (row === undefined || element === null) return;
    const start = next * rowHeight;
    if (start < element.scrollTop) element.scrollTop = start;
    else if (start + rowHeight > element.scrollTop + height) element.scrollTop = start + rowHeight - height;
    activate(row, open);
  }

  function onKeyDown(pressed: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const moves: Record<string, number> = {
      ArrowDown: place + 1,
      ArrowUp: Math.max(0, place - 1),
      PageDown: place + page,
      PageUp: place - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = moves[pressed.key];
    if (to !== undefined) go(to, false);
    else if (pressed.key === 'Enter' || pressed.key === ' ') {
      go(Math.max(0, place), true);
      // Moves the focus into the opened pane. Escape returns here.
      requestAnimationFrame(() => document.getElementById('detail')?.focus());
    } else return;
    pressed.preventDefault();
  }

  const shown: ComponentChildren[] = [];
  for (let index = first; index < last; index += 1) {
    const row = rows[rows.length - 1 - index];
    if (row === undefined) continue;
    shown.push(
      // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys and exposes the active row.
      <div
        key={row.key}
        id={row.key}
        role="option"
        tabIndex={-1}
        aria-selected={row === active}
        aria-setsize={rows.length}
        aria-posinset={index + 1}
        class={`row ${classOf(row)}`}
        style={{ transform: `translateY(${index * rowHeight}px)` }}
        onClick={() => {
          activate(row, true);
          list.current?.focus({ preventScroll: true });
        }}
      >
        {children(row)}
      </div>,
    );
  }
  return (
    <div
      ref={list}
      class="list"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={active !== null && place >= first && place < last ? active.key : undefined}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <div class="canvas" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
        {shown}
      </div>
    </div>
  );
}
